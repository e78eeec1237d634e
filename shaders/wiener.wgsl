// Wiener's filter of a dirty image with the spectrum d and a PSF with the spectrum h, in the place of d. A row of workgroups is a line.

struct Parameters {
    length: u32,
    stride: u32,
    regularization: u32,
    balance: f32,
    // The root of the balance.
    root: f32,
    floor: f32,
    least: f32,
    white: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> dirty: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> psf: array<vec2<f32>>;
// The Laplacian's transfer function is the sum of a number of the line and one of the place in it.
@group(0) @binding(3) var<storage, read> across: array<f32>;
@group(0) @binding(4) var<storage, read> down: array<f32>;

// conj(h) d / (|h|² + balance prior). Squares of what a PSF hardly measures are below what f32 can hold, so all are scaled first by the
// power of two that makes the larger of h and the root of the rest about 1.
fn white(d: vec2<f32>, h: vec2<f32>, prior: f32) -> vec2<f32> {
    let size = max(max(abs(h.x), abs(h.y)), parameters.root * sqrt(prior));
    let scale = bitcast<f32>(0x7f000000u - (bitcast<u32>(size) & 0x7f800000u));
    let near = h * scale;
    let root = parameters.root * scale;
    // In this order: where a prior is 0, the square of the root may be above what f32 can hold.
    let power = dot(near, near) + root * prior * root;
    let product = vec2<f32>(near.x * d.x + near.y * d.y, near.x * d.y - near.y * d.x);
    return product * select(0.0, scale / power, power > 0.0);
}

fn natural(d: vec2<f32>, transfer: f32, prior: f32) -> vec2<f32> {
    let weight = 1.0 / (transfer + parameters.balance * prior);
    return d * select(0.0, weight, transfer > parameters.least);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= parameters.length {
        return;
    }
    let i = id.y * parameters.stride + id.x;
    let prior = prior_power(parameters.regularization, across[id.y] + down[id.x]) + parameters.floor;
    if parameters.white != 0u {
        dirty[i] = white(dirty[i], psf[i], prior);
    } else {
        dirty[i] = natural(dirty[i], psf[i].x, prior);
    }
}
