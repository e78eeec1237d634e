// Makes blank the pixels at which a weight is zero, of either sign. Pixels and weights are their bits.

struct Parameters {
    count: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i < parameters.count && (weights[i] & 0x7fffffffu) == 0u {
        pixels[i] = 0x7fc00000u;
    }
}
