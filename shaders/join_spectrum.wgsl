// Makes the transforms of rows of pairs of those of rows of real numbers, twice as large, for an inverse transform without factor; and
// scales them. Of the frequencies that are their own conjugates the imaginary part is ignored.

struct Parameters {
    half: u32,
    stride_in: u32,
    stride_out: u32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows_in: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> roots: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> rows_out: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let k = group.x * 256u + own;
    let row = group.y;
    if k >= parameters.half {
        return;
    }
    var a = rows_in[row * parameters.stride_in + k];
    var b = rows_in[row * parameters.stride_in + parameters.half - k];
    if k == 0u {
        a.y = 0.0;
        b.y = 0.0;
    }
    let sum = vec2<f32>(a.x + b.x, a.y - b.y);
    let rest = vec2<f32>(a.x - b.x, a.y + b.y);
    // i times the conjugate of the root.
    let w = roots[k];
    let turn = vec2<f32>(w.y, w.x);
    let turned = vec2<f32>(rest.x * turn.x - rest.y * turn.y, rest.x * turn.y + rest.y * turn.x);
    rows_out[row * parameters.stride_out + k] = parameters.scale * (sum + turned);
}
