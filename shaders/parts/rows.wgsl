// A row of a chunk, which some invocations of a workgroup go through side by side: a whole workgroup where it is long.

struct Row {
    number: u32,
    there: bool,
    // The invocation's number among those of the row, and the end of its columns.
    lane: u32,
    end: u32,
    // Where the row begins.
    first: u32,
}

fn row_of(group: vec3<u32>, groups: vec3<u32>, own: u32) -> Row {
    let number = (group.x + group.y * groups.x) * (256u / parameters.lanes) + own / parameters.lanes;
    let there = number < parameters.rows;
    let lane = own & (parameters.lanes - 1u);
    return Row(number, there, lane, select(0u, parameters.cols, there), select(0u, number * parameters.cols, there));
}

