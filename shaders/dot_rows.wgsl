// Inner products of the rows of two chunks a and b, one row a workgroup: a with b and a with a, both scaled. Pixels that are blank in
// either count as nothing.

struct Parameters {
    zero: u32,
    rows: u32,
    cols: u32,
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
    let row = group.x + group.y * groups.x;
    let there = row < parameters.rows;
    let first = select(0u, row * parameters.cols, there);
    let end = select(0u, parameters.cols, there);
    let highest = find(first, end, own);
    let scale_a = scale_of(most_of_all(own, highest.x));
    let scale_b = scale_of(most_of_all(own, highest.y));
    var product = Pair(0.0, 0.0);
    var square = Pair(0.0, 0.0);
    for (var x = own; x < end; x += 256u) {
        let left = a[first + x];
        let right = b[first + x];
        if !is_blank(left) && !is_blank(right) {
            let scaled = scale_a * left;
            product = plus_product(product, scaled, scale_b * right);
            square = plus_product(square, scaled, scaled);
        }
    }
    product = sum_of_all(own, product);
    square = sum_of_all(own, square);
    if there && own == 0u {
        made[row] = Products(scale_a, scale_b, product, square);
    }
}

// The largest absolute values that an invocation sees, as bits.
fn find(first: u32, end: u32, own: u32) -> vec2<u32> {
    var highest = vec2<u32>(0u);
    for (var x = own; x < end; x += 256u) {
        let left = a[first + x];
        let right = b[first + x];
        if !is_blank(left) && !is_blank(right) {
            highest = max(highest, bitcast<vec2<u32>>(vec2<f32>(left, right)) & vec2<u32>(0x7fffffffu));
        }
    }
    return highest;
}
