// How strong the noise is in a residual: for each column a scale, then the sum of |e|² / s times the square of the scale over the cells in
// which the noise is seen, and their number.

struct Parameters {
    zero: u32,
    gate: f32,
    strip: Strip,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> psf: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> across: array<f32>;
@group(0) @binding(4) var<storage, read> down: array<f32>;
@group(0) @binding(5) var<storage, read_write> made: array<Pair>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let first = group.x * parameters.strip.stride;
    let scale = scale_of_line(first, own);
    var power = Pair(0.0, 0.0);
    var seen = Pair(0.0, 0.0);
    for (var k = own; k < parameters.strip.length; k += 256u) {
        let h = psf[first + k];
        if is_measured(h) && h.x > 0.0 && prior_of(group.x, k) > parameters.gate * h.x {
            power = plus(power, square(scale, spectrum[first + k]) / h.x, 0.0);
            seen = plus(seen, 1.0, 0.0);
        }
    }
    power = sum_of_all(own, 256u, power);
    seen = sum_of_all(own, 256u, seen);
    if own == 0u {
        made[group.x * 3u] = Pair(scale, 0.0);
        made[group.x * 3u + 1u] = power;
        made[group.x * 3u + 2u] = seen;
    }
}
