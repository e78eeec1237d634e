// A pass of transforms of rows of pixels, two pixels a complex number, to complex lines or to the columns that they become. Blank pixels
// count as zero.

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
@group(0) @binding(2) var<storage, read> roots: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> lines_out: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    load(group, own);
    let from_ = transform(own);
    store(group, own, from_);
}

fn load(group: vec3<u32>, own: u32) {
    let walk = walk(own, parameters.step_in == 1u);
    let at = place(walk.lane, group);
    for (var e = walk.first; e < parameters.length; e += walk.step) {
        let n = at.sub * parameters.sub_in + e * parameters.step_in;
        var number = vec2<f32>(0.0, 0.0);
        if at.there {
            number = vec2<f32>(sample(at.line, 2u * n), sample(at.line, 2u * n + 1u));
        }
        numbers[(e << parameters.lanes_bits) + walk.lane] = number;
    }
}

fn sample(line: u32, at: u32) -> f32 {
    let i = from_first(at, parameters.first_in, parameters.span_in);
    if i >= parameters.count_in {
        return 0.0;
    }
    let pixel = pixels[line * parameters.stride_in + i];
    return select(pixel, 0.0, is_blank(pixel));
}
