// What a PSF and a filter do to noise and sky: for each column the sums of s², s, s R and g².

struct Parameters {
    zero: u32,
    balance: f32,
    // The root of the balance.
    root: f32,
    strip: Strip,
    // No aliases at all: g is not asked for.
    beam: Gaussian,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> psf: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> across: array<f32>;
@group(0) @binding(3) var<storage, read> down: array<f32>;
@group(0) @binding(4) var<storage, read> ridges: array<Ridge>;
@group(0) @binding(5) var<storage, read_write> made: array<Pair>;

// s and g of one cell.
fn white(h: vec2<f32>, prior: f32, beam: f32) -> vec2<f32> {
    let size = max(max(abs(h.x), abs(h.y)), parameters.root * sqrt(prior));
    // The power of two that makes it about 1: squares of what a PSF hardly measures are below what f32 can hold.
    let scale = bitcast<f32>(0x7f000000u - (bitcast<u32>(size) & 0x7f800000u));
    let near = h * scale;
    let root = parameters.root * scale;
    // In this order: where a prior is 0, the square of the root may be above what f32 can hold.
    let added = root * prior * parameters.root;
    let power = dot(near, near) + root * prior * root;
    let gain = length(vec2<f32>(beam * near.x + added, beam * near.y)) * (scale / power);
    return vec2<f32>(length(near) / scale, select(0.0, gain, power > 0.0));
}

fn natural(h: vec2<f32>, prior: f32, beam: f32) -> vec2<f32> {
    let s = max(h.x, 0.0);
    let added = parameters.balance * prior;
    let gain = sqrt(s) * ((beam + added) / (s + added));
    return vec2<f32>(s, select(0.0, gain, s + added > 0.0));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let first = group.x * parameters.strip.stride;
    var squares = Pair(0.0, 0.0);
    var transfer = Pair(0.0, 0.0);
    var bare = Pair(0.0, 0.0);
    var gains = Pair(0.0, 0.0);
    for (var k = own; k < parameters.strip.length; k += 256u) {
        let h = psf[first + k];
        let prior = prior_of(group.x, k);
        let beam = gaussian_transfer(parameters.beam, group.x, k);
        var cell = natural(h, prior, beam);
        if parameters.strip.white != 0u {
            cell = white(h, prior, beam);
        }
        squares = plus(squares, cell.x * cell.x, 0.0);
        transfer = plus(transfer, cell.x, 0.0);
        bare = plus(bare, cell.x * prior, 0.0);
        gains = plus(gains, select(0.0, cell.y * cell.y, parameters.beam.across > 0u), 0.0);
    }
    squares = sum_of_all(own, 256u, squares);
    transfer = sum_of_all(own, 256u, transfer);
    bare = sum_of_all(own, 256u, bare);
    gains = sum_of_all(own, 256u, gains);
    if own == 0u {
        made[group.x * 5u] = Pair(1.0, 0.0);
        made[group.x * 5u + 1u] = squares;
        made[group.x * 5u + 2u] = transfer;
        made[group.x * 5u + 3u] = bare;
        made[group.x * 5u + 4u] = gains;
    }
}
