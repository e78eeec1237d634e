// How a pass goes through the numbers of its lanes: `own` is the invocation's number in its workgroup.

// Number by number, the lanes of each one after the other: where neighbouring lanes are neighbours in memory.
struct Walk {
    lane: u32,
    first: u32,
    step: u32,
}

fn walk(own: u32, along: bool) -> Walk {
    let bits = parameters.lanes_bits;
    if along {
        // Lane by lane, the numbers of each one after the other: where they are neighbours in memory.
        let each = INVOCATIONS_BITS - bits;
        return Walk(own >> each, own & ((1u << each) - 1u), 1u << each);
    }
    return Walk(own & ((1u << bits) - 1u), own >> bits, INVOCATIONS >> bits);
}
