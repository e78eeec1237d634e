// The last pass of transforms of complex lines to rows of pixels, two pixels a complex number.

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> lines_in: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> roots: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> pixels: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    load(group, own);
    let from_ = transform(own);
    let walk = walk(own, parameters.step_out == 1u);
    let at = place(walk.lane, group);
    if !at.there {
        return;
    }
    for (var e = walk.first; e < parameters.length; e += walk.step) {
        let number = numbers[from_ + (e << parameters.lanes_bits) + walk.lane];
        let n = at.sub + e * parameters.step_out;
        put(at.line, 2u * n, number.x);
        put(at.line, 2u * n + 1u, number.y);
    }
}

fn load(group: vec3<u32>, own: u32) {
    let walk = walk(own, parameters.step_in == 1u);
    let at = place(walk.lane, group);
    for (var e = walk.first; e < parameters.length; e += walk.step) {
        var number = vec2<f32>(0.0, 0.0);
        if at.there {
            let n = at.sub * parameters.sub_in + e * parameters.step_in;
            number = lines_in[at.line * parameters.stride_in + n];
        }
        numbers[(e << parameters.lanes_bits) + walk.lane] = number;
    }
}

fn put(line: u32, at: u32, pixel: f32) {
    let i = from_first(at, parameters.first_out, parameters.span_out);
    if i < parameters.count_out {
        pixels[line * parameters.stride_out + i] = pixel;
    }
}
