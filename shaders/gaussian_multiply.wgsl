// A spectrum times the transform of a sampled Gaussian, peak exp(-e) added up over aliases. A row of workgroups is a line.

struct Parameters {
    length: u32,
    stride: u32,
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

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> ridges: array<Ridge>;

// What the vertical aliases of a row add.
fn of_ridge(row: u32, ridge: Ridge) -> f32 {
    let length = i32(parameters.length);
    var nearest = i32(row) - ridge.row;
    if 2 * nearest >= length {
        nearest -= length;
    } else if 2 * nearest < -length {
        nearest += length;
    }
    var sum = 0.0;
    for (var n = -parameters.down; n <= parameters.down; n++) {
        let away = f32(nearest + n * length) - ridge.fraction;
        let e = ridge.least + parameters.bend * away * away;
        sum += select(0.0, exp(-e), e <= parameters.most);
    }
    return sum;
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= parameters.length {
        return;
    }
    var sum = 0.0;
    for (var m = 0u; m < parameters.across; m++) {
        sum += of_ridge(id.x, ridges[id.y * parameters.across + m]);
    }
    let i = id.y * parameters.stride + id.x;
    spectrum[i] = spectrum[i] * (parameters.peak * sum);
}
