// Sums over the cells of the columns of a spectrum, one column, a line of the strip, a workgroup.

// What is known of all columns.
struct Strip {
    length: u32,
    stride: u32,
    regularization: u32,
    floor: f32,
    white: u32,
    // Only cells of which the real part of the PSF's transfer function is above this count.
    least: f32,
}

// R and what it is raised by. The Laplacian's transfer function is the sum of a number of the line and one of the place in it.
fn prior_of(line: u32, k: u32) -> f32 {
    return prior_power(parameters.strip.regularization, across[line] + down[k]) + parameters.strip.floor;
}

fn is_measured(h: vec2<f32>) -> bool {
    return h.x > parameters.strip.least;
}

