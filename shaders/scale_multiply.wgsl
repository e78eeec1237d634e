// A spectrum times the transforms of even lines, of which the numbers from the centre to the reach are given. An invocation does a
// frequency and its negative one; a row of workgroups is a line.

struct Parameters {
    length: u32,
    stride: u32,
    reach: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> lines: array<f32>;
// A period of the cosine, length numbers.
@group(0) @binding(3) var<storage, read> cosines: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let k = id.x;
    if 2u * k > parameters.length {
        return;
    }
    let line = id.y * (parameters.reach + 1u);
    var turn = 0u;
    var sum = 0.0;
    for (var y = 1u; y <= parameters.reach; y++) {
        turn += k;
        turn -= select(0u, parameters.length, turn >= parameters.length);
        sum += lines[line + y] * cosines[turn];
    }
    let transform = lines[line] + 2.0 * sum;
    let first = id.y * parameters.stride;
    spectrum[first + k] *= transform;
    if k > 0u && 2u * k < parameters.length {
        spectrum[first + parameters.length - k] *= transform;
    }
}
