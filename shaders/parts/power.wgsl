// A power of two by which the numbers of a line of a spectrum that are measured are multiplied before they are squared.
fn scale_of_line(first: u32, own: u32) -> f32 {
    var highest = 0u;
    for (var k = own; k < parameters.strip.length; k += 256u) {
        if is_measured(psf[first + k]) {
            let bits = bitcast<vec2<u32>>(spectrum[first + k]) & vec2<u32>(0x7fffffffu);
            highest = max(highest, max(bits.x, bits.y));
        }
    }
    return scale_of(most_of_all(own, 256u, highest));
}

fn square(scale: f32, number: vec2<f32>) -> f32 {
    let scaled = scale * number;
    return dot(scaled, scaled);
}

