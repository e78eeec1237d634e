// Copies a rectangle of pixels, a row of workgroups a row of it. Pixels are their bits.

struct Parameters {
    cols: u32,
    // The first pixel, and the pixels from one row to the next, there and here.
    source_first: u32,
    source_stride: u32,
    target_first: u32,
    target_stride: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> made: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < parameters.cols {
        let i = parameters.source_first + id.y * parameters.source_stride + id.x;
        made[parameters.target_first + id.y * parameters.target_stride + id.x] = source[i];
    }
}
