// What the invocations of a workgroup have found together; `own` is the number of an invocation. All of them must take part.

var<workgroup> pairs: array<Pair, 256>;
var<workgroup> words: array<u32, 256>;

fn sum_of_all(own: u32, sum: Pair) -> Pair {
    workgroupBarrier();
    pairs[own] = sum;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            pairs[own] = both(pairs[own], pairs[own + half]);
        }
    }
    workgroupBarrier();
    return pairs[0];
}

fn most_of_all(own: u32, word: u32) -> u32 {
    workgroupBarrier();
    words[own] = word;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if own < half {
            words[own] = max(words[own], words[own + half]);
        }
    }
    workgroupBarrier();
    return words[0];
}

