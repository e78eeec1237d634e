// Is a pixel blank? Its bits are looked at: compilers may take it for granted that a number is no NaN.
fn is_blank(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

