// A spectrum times max(re h, 0) + balance (R + floor) + added, or divided by that. A row of workgroups is a line.

struct Parameters {
    length: u32,
    stride: u32,
    regularization: u32,
    balance: f32,
    floor: f32,
    added: f32,
    inverse: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> psf: array<vec2<f32>>;
// The Laplacian's transfer function is the sum of a number of the line and one of the place in it.
@group(0) @binding(3) var<storage, read> across: array<f32>;
@group(0) @binding(4) var<storage, read> down: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= parameters.length {
        return;
    }
    let i = id.y * parameters.stride + id.x;
    let power = prior_power(parameters.regularization, across[id.y] + down[id.x]);
    let prior = parameters.balance * (power + parameters.floor) + parameters.added;
    let factor = max(psf[i].x, 0.0) + prior;
    spectrum[i] = spectrum[i] * select(factor, 1.0 / factor, parameters.inverse != 0u);
}
