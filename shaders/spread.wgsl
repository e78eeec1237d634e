// The standard deviation of n numbers of the sums s, in the place of these, and the sums of squares q: the root of (q - s s / n) / (n - 1).

struct Parameters {
    count: u32,
    numbers: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read> squares: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * 256u;
    if i >= parameters.count {
        return;
    }
    let n = parameters.numbers;
    let s = sums[i];
    let q = squares[i];
    if is_blank(s + q) {
        sums[i] = s + q;
    } else {
        sums[i] = sqrt(max(q - s * (s / n), 0.0) / (n - 1.0));
    }
}
