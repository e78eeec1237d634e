// How many of the pixels of some rows have which absolute value, by the upper bits of that.

struct Parameters {
    rows: u32,
    cols: u32,
    // The first row that is looked at, and rows from one to the next.
    first: u32,
    every: u32,
    // Bits of an absolute value below those that tell its level.
    below: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;

const LEVELS = 1024u;

var<workgroup> table: array<atomic<u32>, LEVELS>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    for (var y = parameters.first + group.x * parameters.every; y < parameters.rows; y += groups.x * parameters.every) {
        for (var x = own; x < parameters.cols; x += 256u) {
            let pixel = pixels[y * parameters.cols + x];
            if !is_blank(pixel) {
                atomicAdd(&table[(bitcast<u32>(pixel) & 0x7fffffffu) >> parameters.below], 1u);
            }
        }
    }
    workgroupBarrier();
    for (var level = own; level < LEVELS; level += 256u) {
        let count = atomicLoad(&table[level]);
        if count > 0u {
            atomicAdd(&counts[level], count);
        }
    }
}
