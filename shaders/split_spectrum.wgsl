// Makes the transforms of rows of real numbers of those of rows of pairs, in place: lines k and half - k of all rows at once, as they need
// each other. With E and O the transforms of the even and the odd numbers, Z = E + i O is what is there, E + w^k O what is made.

struct Parameters {
    half: u32,
    rows: u32,
    stride: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> roots: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> lines: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let row = group.x * 256u + own;
    let k = group.y;
    let other = parameters.half - k;
    if row >= parameters.rows {
        return;
    }
    let a = lines[k * parameters.stride + row];
    // The transform of the pairs is periodic.
    let b = lines[select(other, 0u, k == 0u) * parameters.stride + row];
    let even = 0.5 * vec2<f32>(a.x + b.x, a.y - b.y);
    let odd = 0.5 * vec2<f32>(a.y + b.y, b.x - a.x);
    let w = roots[k];
    let turned = vec2<f32>(odd.x * w.x - odd.y * w.y, odd.x * w.y + odd.y * w.x);
    lines[k * parameters.stride + row] = even + turned;
    if k != other {
        lines[other * parameters.stride + row] = vec2<f32>(even.x - turned.x, turned.y - even.y);
    }
}
