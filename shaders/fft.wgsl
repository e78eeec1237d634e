// A pass of transforms of complex lines, to complex lines or to the columns that they become.

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> lines_in: array<vec2<f32>>;
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
        let i = from_first(n, parameters.first_in, parameters.span_in);
        var number = vec2<f32>(0.0, 0.0);
        if at.there && i < parameters.count_in {
            number = lines_in[at.line * parameters.stride_in + i];
        }
        numbers[(e << parameters.lanes_bits) + walk.lane] = number;
    }
}
