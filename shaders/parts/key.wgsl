// A whole number that orders as the values do; -0 has that of 0.
fn key(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    if (bits & 0x7fffffffu) == 0u {
        return 0x80000000u;
    }
    return select(~bits, bits | 0x80000000u, (bits & 0x80000000u) == 0u);
}

