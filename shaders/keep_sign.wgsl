// Makes blank the pixels that are not of a sign: 0 for those above zero, 1 for those below it. Pixels are their bits.

struct Parameters {
    count: u32,
    sign: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i >= parameters.count {
        return;
    }
    let size = pixels[i] & 0x7fffffffu;
    if size == 0u || size > 0x7f800000u || (pixels[i] >> 31u) != parameters.sign {
        pixels[i] = 0x7fc00000u;
    }
}
