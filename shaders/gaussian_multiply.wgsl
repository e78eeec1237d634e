// A spectrum times the transform of a sampled Gaussian. A row of workgroups is a line.

struct Parameters {
    stride: u32,
    gaussian: Gaussian,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> ridges: array<Ridge>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= parameters.gaussian.length {
        return;
    }
    let i = id.y * parameters.stride + id.x;
    spectrum[i] = spectrum[i] * gaussian_transfer(parameters.gaussian, id.y, id.x);
}
