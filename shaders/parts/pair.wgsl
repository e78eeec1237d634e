// Sums that are more exact than f32: a number and what rounding has taken from it.
//
// WGSL lets a compiler reassociate and fuse operations, and Mesa's makes b of (a + b) - a. So what must be rounded as it is written goes
// through `firm`: no compiler knows that parameters.zero is 0. Nor need fma be one operation, so products are split.

struct Pair {
    high: f32,
    low: f32,
}

fn firm(number: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(number) ^ parameters.zero);
}

// The sum with a number, and with what is known of that number's own rounding (Dekker 1971, Numer. Math. 18, 224).
fn plus(sum: Pair, number: f32, rest: f32) -> Pair {
    let larger = abs(number) > abs(sum.high);
    let large = select(sum.high, number, larger);
    let small = select(number, sum.high, larger);
    let high = firm(large + small);
    let lost = small - firm(high - large);
    return Pair(high, sum.low + (lost + rest));
}

// The upper half of the digits of a number.
fn upper(number: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(number) & 0xfffff000u);
}

// The sum with the product of two numbers: those of their halves have no more digits than f32 has.
fn plus_product(sum: Pair, a: f32, b: f32) -> Pair {
    let product = firm(a * b);
    let a_upper = upper(a);
    let a_lower = a - a_upper;
    let b_upper = upper(b);
    let b_lower = b - b_upper;
    let rest = ((a_upper * b_upper - product) + a_upper * b_lower) + a_lower * b_upper;
    return plus(sum, product, rest + a_lower * b_lower);
}

fn both(a: Pair, b: Pair) -> Pair {
    return plus(a, b.high, b.low);
}

// A power of two by which numbers of at most this absolute value, given as bits, become less than 4, so that their squares are what f32 can
// hold.
fn scale_of(highest: u32) -> f32 {
    return bitcast<f32>((254u - clamp(highest >> 23u, 1u, 253u)) << 23u);
}

