// What invocations of a workgroup have found together. So many of them as `lanes`, a power of two, work on the same thing; `own` is the number
// of an invocation. All of the workgroup must take part.

var<workgroup> pairs: array<Pair, 256>;
var<workgroup> words: array<u32, 256>;

fn sum_of_all(own: u32, lanes: u32, sum: Pair) -> Pair {
    let lane = own & (lanes - 1u);
    workgroupBarrier();
    pairs[own] = sum;
    for (var half = lanes / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            pairs[own] = both(pairs[own], pairs[own + half]);
        }
    }
    workgroupBarrier();
    return pairs[own - lane];
}

fn most_of_all(own: u32, lanes: u32, word: u32) -> u32 {
    let lane = own & (lanes - 1u);
    workgroupBarrier();
    words[own] = word;
    for (var half = lanes / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            words[own] = max(words[own], words[own + half]);
        }
    }
    workgroupBarrier();
    return words[own - lane];
}

