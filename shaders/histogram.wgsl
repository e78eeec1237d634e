// One round of a radix selection: how many pixels, or distances from a centre, have which bits of their key, among those whose higher bits
// are the prefix. Each workgroup counts in two tables of its own, since most pixels are in few bins, and then adds them to the whole.

struct Parameters {
    count: u32,
    // Bits of a key below those that are counted, and bits that are.
    low: u32,
    width: u32,
    prefix: u32,
    about_centre: u32,
    centre: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;

const INFINITE = 0x7f800000u;

var<workgroup> table: array<atomic<u32>, 4096>;

// The distance of a value from the centre. What is infinite is looked at as bits: compilers may take it for granted that nothing is.
fn distance_of(value: f32) -> f32 {
    let bits = bitcast<u32>(value);
    if bits == bitcast<u32>(parameters.centre) {
        return 0.0;
    }
    if (bits & 0x7fffffffu) == INFINITE || (bitcast<u32>(parameters.centre) & 0x7fffffffu) == INFINITE {
        return bitcast<f32>(INFINITE);
    }
    return abs(value - parameters.centre);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    let own_table = (own & 1u) * 2048u;
    let mask = (1u << parameters.width) - 1u;
    for (var i = group.x * 256u + own; i < parameters.count; i += groups.x * 256u) {
        var value = pixels[i];
        if is_blank(value) {
            continue;
        }
        if parameters.about_centre != 0u {
            value = distance_of(value);
        }
        let bits = key(value) >> parameters.low;
        // Two shifts, as one by all 32 bits would be none.
        if (bits >> parameters.width) == parameters.prefix {
            atomicAdd(&table[own_table + (bits & mask)], 1u);
        }
    }
    workgroupBarrier();
    for (var bin = own; bin <= mask; bin += 256u) {
        let count = atomicLoad(&table[bin]) + atomicLoad(&table[2048u + bin]);
        if count > 0u {
            atomicAdd(&counts[bin], count);
        }
    }
}
