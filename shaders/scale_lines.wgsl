// Lines of a scale's shape: of a horizontal frequency its rows, from the centre down, summed with the cosines. A row of workgroups is a line.

struct Parameters {
    reach: u32,
    first_column: u32,
    row_length: u32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> lines: array<f32>;
// The quarter of the shape right of the centre and below it, which is the same with rows and columns exchanged.
@group(0) @binding(2) var<storage, read> shape: array<f32>;
// A period of the cosine, row_length numbers.
@group(0) @binding(3) var<storage, read> cosines: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let side = parameters.reach + 1u;
    if id.x >= side {
        return;
    }
    let step = parameters.first_column + id.y;
    var turn = 0u;
    var sum = 0.0;
    for (var x = 1u; x < side; x++) {
        turn += step;
        turn -= select(0u, parameters.row_length, turn >= parameters.row_length);
        sum += shape[x * side + id.x] * cosines[turn];
    }
    lines[id.y * side + id.x] = shape[id.x] + 2.0 * sum;
}
