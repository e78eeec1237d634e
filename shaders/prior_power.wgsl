// How strong a model is where it was measured, and what a sky and the noise would have made of it: for each column a scale, then the sums of
// R |x|² times the square of the scale, of the sky's part and of the noise's.

struct Parameters {
    zero: u32,
    balance: f32,
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
    var sky = Pair(0.0, 0.0);
    var noise = Pair(0.0, 0.0);
    for (var k = own; k < parameters.strip.length; k += 256u) {
        let h = psf[first + k];
        if !is_measured(h) {
            continue;
        }
        let prior = prior_of(group.x, k);
        let seen = select(h.x, dot(h, h), parameters.strip.white != 0u);
        let all = seen + parameters.balance * prior;
        // Squares of what a PSF hardly measures are below what f32 can hold.
        let inverse = select(0.0, 1.0 / all, all != 0.0);
        let part = seen * inverse;
        power = plus(power, prior * square(scale, spectrum[first + k]), 0.0);
        sky = plus(sky, part * part, 0.0);
        noise = plus(noise, prior * part * inverse, 0.0);
    }
    power = sum_of_all(own, 256u, power);
    sky = sum_of_all(own, 256u, sky);
    noise = sum_of_all(own, 256u, noise);
    if own == 0u {
        made[group.x * 4u] = Pair(scale, 0.0);
        made[group.x * 4u + 1u] = power;
        made[group.x * 4u + 2u] = sky;
        made[group.x * 4u + 3u] = noise;
    }
}
