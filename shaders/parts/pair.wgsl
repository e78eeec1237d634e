// Sums that are more exact than f32: a number and what rounding has taken from it (Knuth's TwoSum). The rules of WGSL allow no other order of
// operations than what is written, on which this rests; a test holds that the compilers keep to it.

struct Pair {
    high: f32,
    low: f32,
}

// The sum with a number, and with what is known of that number's own rounding.
fn plus(sum: Pair, number: f32, rest: f32) -> Pair {
    let high = sum.high + number;
    let part = high - sum.high;
    let lost = (sum.high - (high - part)) + (number - part);
    return Pair(high, sum.low + (lost + rest));
}

// The sum with the product of two numbers.
fn plus_product(sum: Pair, a: f32, b: f32) -> Pair {
    let product = a * b;
    return plus(sum, product, fma(a, b, -product));
}

fn both(a: Pair, b: Pair) -> Pair {
    return plus(a, b.high, b.low);
}

// A power of two by which numbers of at most this absolute value, given as bits, become at most 2, so that their squares are what f32 can
// hold.
fn scale_of(highest: u32) -> f32 {
    return bitcast<f32>((254u - clamp(highest >> 23u, 1u, 253u)) << 23u);
}
