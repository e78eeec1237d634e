// Statistics of the rows of a chunk: how many pixels are not blank, which is the first of the highest, their sum and the
// sum of their squares, both scaled.

struct Parameters {
    zero: u32,
    rows: u32,
    cols: u32,
    lanes: u32,
    // The pixels that are left out: rows and columns, from the first one to before the last one.
    top: u32,
    bottom: u32,
    left: u32,
    right: u32,
}

struct Measured {
    count: u32,
    peak_x: u32,
    peak: f32,
    scale: f32,
    sum: Pair,
    squares: Pair,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
@group(0) @binding(2) var<storage, read_write> measured: array<Measured>;

const NOWHERE = 0xffffffffu;

var<workgroup> counts: array<atomic<u32>, 256>;

fn is_left_out(row: u32, x: u32) -> bool {
    return row >= parameters.top && row < parameters.bottom && x >= parameters.left && x < parameters.right;
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    let row = row_of(group, groups, own);
    let lanes = parameters.lanes;
    let found = find(row);
    atomicAdd(&counts[own - row.lane], found.count);
    let highest = most_of_all(own, lanes, found.highest);
    // The first of all places has the highest complement.
    let place = ~most_of_all(own, lanes, ~select(NOWHERE, found.place, found.highest == highest));
    let scale = scale_of(highest);
    var sum = Pair(0.0, 0.0);
    var square = Pair(0.0, 0.0);
    for (var x = row.lane; x < row.end; x += parameters.lanes) {
        let pixel = pixels[row.first + x];
        if !is_blank(pixel) && !is_left_out(row.number, x) {
            let scaled = scale * pixel;
            sum = plus(sum, scaled, 0.0);
            square = plus_product(square, scaled, scaled);
        }
    }
    sum = sum_of_all(own, lanes, sum);
    square = sum_of_all(own, lanes, square);
    if row.there && row.lane == 0u {
        let peak = select(0.0, pixels[row.first + min(place, parameters.cols - 1u)], place != NOWHERE);
        let count = atomicLoad(&counts[own]);
        let peak_x = select(place, 0u, place == NOWHERE);
        measured[row.number] = Measured(count, peak_x, peak, scale, sum, square);
    }
}

// How many pixels an invocation sees, and which is the first of the highest, by the bits of its absolute value.
struct Found {
    count: u32,
    highest: u32,
    place: u32,
}

fn find(row: Row) -> Found {
    var found = Found(0u, 0u, NOWHERE);
    for (var x = row.lane; x < row.end; x += parameters.lanes) {
        let pixel = pixels[row.first + x];
        if is_blank(pixel) || is_left_out(row.number, x) {
            continue;
        }
        found.count += 1u;
        let bits = bitcast<u32>(pixel) & 0x7fffffffu;
        if found.place == NOWHERE || bits > found.highest {
            found.highest = bits;
            found.place = x;
        }
    }
    return found;
}
