// Lays rows into longer rows, from one place on and around their end.

struct Parameters {
    count: u32,
    stride_in: u32,
    stride_out: u32,
    first: u32,
    span: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows_in: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> rows_out: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let i = group.x * 256u + own;
    if i >= parameters.count {
        return;
    }
    let at = parameters.first + i;
    let to = select(at, at - parameters.span, at >= parameters.span);
    rows_out[group.y * parameters.stride_out + to] = rows_in[group.y * parameters.stride_in + i];
}
