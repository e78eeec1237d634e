// What a pass leaves: lines, or the columns that they become.

fn store(group: vec3<u32>, own: u32, from_: u32) {
    let walk = walk(own, parameters.transposed == 0u && parameters.step_out == 1u);
    let at = place(walk.lane, group);
    if !at.there {
        return;
    }
    for (var e = walk.first; e < parameters.length; e += walk.step) {
        var number = numbers[from_ + (e << parameters.lanes_bits) + walk.lane];
        if parameters.twiddled != 0u {
            number = product(number, root(at.sub * e));
        }
        let k = at.sub + e * parameters.step_out;
        let i = from_first(k, parameters.first_out, parameters.span_out);
        if i < parameters.count_out {
            if parameters.transposed != 0u {
                lines_out[i * parameters.stride_out + at.line] = number;
            } else {
                lines_out[at.line * parameters.stride_out + i] = number;
            }
        }
    }
}
