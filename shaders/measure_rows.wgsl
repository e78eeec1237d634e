// Statistics of the rows of a chunk, one row a workgroup: how many pixels are not blank, which is the first of the highest, their sum and the
// sum of their squares, both scaled.

struct Parameters {
    rows: u32,
    cols: u32,
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

var<workgroup> counts: array<u32, 256>;
var<workgroup> highest: array<u32, 256>;
var<workgroup> places: array<u32, 256>;
var<workgroup> sums: array<Pair, 256>;
var<workgroup> squares: array<Pair, 256>;

fn is_left_out(row: u32, x: u32) -> bool {
    return row >= parameters.top && row < parameters.bottom && x >= parameters.left && x < parameters.right;
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    let row = group.x + group.y * groups.x;
    let there = row < parameters.rows;
    let first = select(0u, row * parameters.cols, there);
    let end = select(0u, parameters.cols, there);
    find(row, first, end, own);
    let scale = scale_of(highest[0]);
    add(row, first, end, own, scale);
    if there && own == 0u {
        let x = places[0];
        let peak = select(0.0, pixels[first + min(x, parameters.cols - 1u)], x != NOWHERE);
        measured[row] = Measured(counts[0], select(x, 0u, x == NOWHERE), peak, scale, sums[0], squares[0]);
    }
}

// Counts the pixels, and finds the first of the highest.
fn find(row: u32, first: u32, end: u32, own: u32) {
    var count = 0u;
    var high = 0u;
    var place = NOWHERE;
    for (var x = own; x < end; x += 256u) {
        let pixel = pixels[first + x];
        if is_blank(pixel) || is_left_out(row, x) {
            continue;
        }
        count += 1u;
        let bits = bitcast<u32>(pixel) & 0x7fffffffu;
        if place == NOWHERE || bits > high {
            high = bits;
            place = x;
        }
    }
    counts[own] = count;
    highest[own] = high;
    places[own] = place;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            let other = own + half;
            counts[own] += counts[other];
            if highest[other] > highest[own] || (highest[other] == highest[own] && places[other] < places[own]) {
                highest[own] = highest[other];
                places[own] = places[other];
            }
        }
    }
    workgroupBarrier();
}

fn add(row: u32, first: u32, end: u32, own: u32, scale: f32) {
    var sum = Pair(0.0, 0.0);
    var square = Pair(0.0, 0.0);
    for (var x = own; x < end; x += 256u) {
        let pixel = pixels[first + x];
        if !is_blank(pixel) && !is_left_out(row, x) {
            let scaled = scale * pixel;
            sum = plus(sum, scaled, 0.0);
            square = plus_product(square, scaled, scaled);
        }
    }
    sums[own] = sum;
    squares[own] = square;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            sums[own] = both(sums[own], sums[own + half]);
            squares[own] = both(squares[own], squares[own + half]);
        }
    }
    workgroupBarrier();
}
