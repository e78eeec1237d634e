// x c / w, in the place of x; 0 where w is blank or below the least, and where the product is no normal number above zero.

struct Parameters {
    count: u32,
    least: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> model: array<f32>;
@group(0) @binding(2) var<storage, read> corrections: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i >= parameters.count {
        return;
    }
    let w = weights[i];
    let product = model[i] * (corrections[i] / w);
    // Of what is not negative, larger bits are larger numbers; those of a negative number or a blank one are none of these.
    let bits = bitcast<u32>(product);
    let counts = !is_blank(w) && w >= parameters.least;
    model[i] = select(0.0, product, counts && bits >= 0x00800000u && bits <= 0x7f800000u);
}
