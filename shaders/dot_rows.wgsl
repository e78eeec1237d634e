// Inner products of the rows of two chunks a and b, one row a workgroup: a with b and a with a, both scaled. Pixels that are blank in
// either count as nothing.

struct Parameters {
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

var<workgroup> highest_a: array<u32, 256>;
var<workgroup> highest_b: array<u32, 256>;
var<workgroup> products: array<Pair, 256>;
var<workgroup> squares: array<Pair, 256>;

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
    find(first, end, own);
    let scale_a = scale_of(highest_a[0]);
    let scale_b = scale_of(highest_b[0]);
    add(first, end, own, scale_a, scale_b);
    if there && own == 0u {
        made[row] = Products(scale_a, scale_b, products[0], squares[0]);
    }
}

fn find(first: u32, end: u32, own: u32) {
    var high_a = 0u;
    var high_b = 0u;
    for (var x = own; x < end; x += 256u) {
        let left = a[first + x];
        let right = b[first + x];
        if !is_blank(left) && !is_blank(right) {
            high_a = max(high_a, bitcast<u32>(left) & 0x7fffffffu);
            high_b = max(high_b, bitcast<u32>(right) & 0x7fffffffu);
        }
    }
    highest_a[own] = high_a;
    highest_b[own] = high_b;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            highest_a[own] = max(highest_a[own], highest_a[own + half]);
            highest_b[own] = max(highest_b[own], highest_b[own + half]);
        }
    }
    workgroupBarrier();
}

fn add(first: u32, end: u32, own: u32, scale_a: f32, scale_b: f32) {
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
    products[own] = product;
    squares[own] = square;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            products[own] = both(products[own], products[own + half]);
            squares[own] = both(squares[own], squares[own + half]);
        }
    }
    workgroupBarrier();
}
