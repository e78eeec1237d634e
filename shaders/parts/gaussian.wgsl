// The transform of a sampled Gaussian, peak exp(-e) added up over aliases. The global `ridges` has the horizontal aliases, line by line.

struct Gaussian {
    length: u32,
    // Horizontal aliases of a line, and vertical ones on either side of the nearest.
    across: u32,
    down: i32,
    peak: f32,
    // e grows by the square of the rows from a ridge times this.
    bend: f32,
    // Where e is larger an alias is left out.
    most: f32,
}

// A horizontal alias: its e is smallest at a row, between 0 and the length, and a fraction of one, and grows from there.
struct Ridge {
    least: f32,
    row: i32,
    fraction: f32,
}

// What the vertical aliases of a row add.
fn of_ridge(gaussian: Gaussian, row: u32, ridge: Ridge) -> f32 {
    let length = i32(gaussian.length);
    var nearest = i32(row) - ridge.row;
    if 2 * nearest >= length {
        nearest -= length;
    } else if 2 * nearest < -length {
        nearest += length;
    }
    var sum = 0.0;
    for (var n = -gaussian.down; n <= gaussian.down; n++) {
        let away = f32(nearest + n * length) - ridge.fraction;
        let e = ridge.least + gaussian.bend * away * away;
        sum += select(0.0, exp(-e), e <= gaussian.most);
    }
    return sum;
}

// The transform at a row of a line.
fn gaussian_transfer(gaussian: Gaussian, line: u32, row: u32) -> f32 {
    var sum = 0.0;
    for (var m = 0u; m < gaussian.across; m++) {
        sum += of_ridge(gaussian, row, ridges[line * gaussian.across + m]);
    }
    return gaussian.peak * sum;
}

