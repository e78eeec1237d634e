// R of a prior (0: flat, 1: gradient, 2: laplacian) at a frequency at which the Laplacian's transfer function is this.
fn prior_power(regularization: u32, laplacian: f32) -> f32 {
    switch regularization {
        case 0u: { return 1.0; }
        case 1u: { return laplacian; }
        default: { return laplacian * laplacian; }
    }
}

