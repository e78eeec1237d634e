// The smallest and the largest of some numbers, of the even ones of a line and of the odd ones. Made are four keys, those of the smallest as
// complements: of each the largest counts, and 0 stands for none.

struct Parameters {
    lines: u32,
    // Numbers of a line, and from one line to the next.
    length: u32,
    stride: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> numbers: array<f32>;
@group(0) @binding(2) var<storage, read_write> made: array<atomic<u32>, 4>;

var<workgroup> found: array<atomic<u32>, 4>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    var low = 0u;
    var high = 0u;
    for (var line = group.y; line < parameters.lines; line += groups.y) {
        for (var x = group.x * 256u + own; x < parameters.length; x += groups.x * 256u) {
            let number = numbers[line * parameters.stride + x];
            if !is_blank(number) {
                low = max(low, ~key(number));
                high = max(high, key(number));
            }
        }
    }
    // All numbers that an invocation sees are even ones, or all are odd ones.
    atomicMax(&found[own & 1u], low);
    atomicMax(&found[2u + (own & 1u)], high);
    workgroupBarrier();
    if own < 4u {
        atomicMax(&made[own], atomicLoad(&found[own]));
    }
}
