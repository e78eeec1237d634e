// d / max(d - r, floor), in the place of r; 0 where d is below zero, blank where it is blank.

struct Parameters {
    count: u32,
    floor: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> ratio: array<f32>;
@group(0) @binding(2) var<storage, read> dirty: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i >= parameters.count {
        return;
    }
    let d = dirty[i];
    var shown = d - ratio[i];
    if is_blank(shown) || shown < parameters.floor {
        shown = parameters.floor;
    }
    if is_blank(d) {
        ratio[i] = d;
    } else {
        ratio[i] = max(d, 0.0) / shown;
    }
}
