// Inner products of the rows of two chunks a and b: a with b and a with a, both scaled. Pixels that are blank in either count as nothing.

struct Parameters {
    zero: u32,
    rows: u32,
    cols: u32,
    lanes: u32,
}

struct Products {
    scale_a: f32,
    scale_b: f32,
    products: Pair,
    squares: Pair,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> made: array<Products>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
) {
    let row = row_of(group, groups, own);
    let lanes = parameters.lanes;
    let highest = find(row);
    let scale_a = scale_of(most_of_all(own, lanes, highest.x));
    let scale_b = scale_of(most_of_all(own, lanes, highest.y));
    var product = Pair(0.0, 0.0);
    var square = Pair(0.0, 0.0);
    for (var x = row.lane; x < row.end; x += parameters.lanes) {
        let left = a[row.first + x];
        let right = b[row.first + x];
        if !is_blank(left) && !is_blank(right) {
            let scaled = scale_a * left;
            product = plus_product(product, scaled, scale_b * right);
            square = plus_product(square, scaled, scaled);
        }
    }
    product = sum_of_all(own, lanes, product);
    square = sum_of_all(own, lanes, square);
    if row.there && row.lane == 0u {
        made[row.number] = Products(scale_a, scale_b, product, square);
    }
}

// The largest absolute values that an invocation sees, as bits.
fn find(row: Row) -> vec2<u32> {
    var highest = vec2<u32>(0u);
    for (var x = row.lane; x < row.end; x += parameters.lanes) {
        let left = a[row.first + x];
        let right = b[row.first + x];
        if !is_blank(left) && !is_blank(right) {
            highest = max(highest, bitcast<vec2<u32>>(vec2<f32>(left, right)) & vec2<u32>(0x7fffffffu));
        }
    }
    return highest;
}
