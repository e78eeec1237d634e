// The product of two spectra, or of one with the conjugate of the other, in the place of the first. What lies between rows is multiplied too.

struct Parameters {
    count: u32,
    conjugate: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> a: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i < parameters.count {
        let left = a[i];
        var right = b[i];
        if parameters.conjugate != 0u {
            right.y = -right.y;
        }
        a[i] = vec2<f32>(left.x * right.x - left.y * right.y, left.x * right.y + left.y * right.x);
    }
}
