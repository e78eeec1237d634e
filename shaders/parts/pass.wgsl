// A pass of a transform: in each workgroup some transforms of one length side by side, the lanes, in workgroup memory.
//
// A line of `total` numbers, n = n1 * N2 + n2, is transformed in one pass or in two. The first of two goes over n1, for each n2; the second
// one over n2, for each k1, which makes k = k1 + N1 * k2. What stays the same in a transform is its sub. The lanes of a workgroup are
// neighbouring subs of one line, or neighbouring lines of the same sub, whichever lie side by side in memory. The order is Stockham's
// (Govindaraju et al. 2008, SC '08), so that numbers end in their natural order.

struct Parameters {
    // Numbers that are transformed together; the lanes, a power of two; the radices, four bits each, the first one lowest.
    length: u32,
    lanes_bits: u32,
    stages: u32,
    radices: u32,
    // Numbers of a whole line, whose roots of unity `roots` has; 1 where the exponent is positive.
    total: u32,
    inverse: u32,
    // Are lanes lines? How many lines and subs there are.
    over_lines: u32,
    lines: u32,
    subs: u32,
    // Number e of sub s is number s * sub_in + e * step_in of the line, and becomes number s + e * step_out, times a root or not.
    sub_in: u32,
    step_in: u32,
    step_out: u32,
    twiddled: u32,
    // A line in memory: numbers from one to the next; of the `span` places of a line there are `count` from `first` on, around its end.
    stride_in: u32,
    first_in: u32,
    count_in: u32,
    span_in: u32,
    stride_out: u32,
    first_out: u32,
    count_out: u32,
    span_out: u32,
    // Do lines become columns?
    transposed: u32,
}

const INVOCATIONS = 256u;
const INVOCATIONS_BITS = 8u;
const HALF = 2048u;

// What a stage reads, and what it makes: number by number, the lanes of each side by side.
var<workgroup> numbers: array<vec2<f32>, 4096>;

fn product(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// exp(-2 pi i j / total), or its conjugate.
fn root(j: u32) -> vec2<f32> {
    let w = roots[j];
    return vec2<f32>(w.x, select(w.y, -w.y, parameters.inverse != 0u));
}

// Times -i, or times i.
fn turned(a: vec2<f32>) -> vec2<f32> {
    return select(vec2<f32>(a.y, -a.x), vec2<f32>(-a.y, a.x), parameters.inverse != 0u);
}

// The line and the sub of a lane.
struct Place {
    line: u32,
    sub: u32,
    there: bool,
}

fn place(lane: u32, group: vec3<u32>) -> Place {
    let at = (group.x << parameters.lanes_bits) + lane;
    if parameters.over_lines != 0u {
        return Place(at, group.y, at < parameters.lines);
    }
    return Place(group.y, at, at < parameters.subs);
}

// How far a place of a line is from the first, around its end.
fn from_first(at: u32, first: u32, span: u32) -> u32 {
    return select(at + span - first, at - first, at >= first);
}

struct Four {
    a: vec2<f32>,
    b: vec2<f32>,
    c: vec2<f32>,
    d: vec2<f32>,
}

fn four(a: vec2<f32>, b: vec2<f32>, c: vec2<f32>, d: vec2<f32>) -> Four {
    let s = a + c;
    let t = a - c;
    let u = b + d;
    let v = turned(b - d);
    return Four(s + u, t + v, s - u, t - v);
}

// Where a butterfly reads and writes, and the roots that its numbers are multiplied by.
struct Wing {
    from_: u32,
    step: u32,
    to: u32,
    rise: u32,
    turn: u32,
}

fn taken(wing: Wing, p: u32) -> vec2<f32> {
    return product(numbers[wing.from_ + p * wing.step], root(p * wing.turn));
}

fn butterfly_2(wing: Wing) {
    let a = numbers[wing.from_];
    let b = taken(wing, 1u);
    numbers[wing.to] = a + b;
    numbers[wing.to + wing.rise] = a - b;
}

fn butterfly_3(wing: Wing) {
    let a = numbers[wing.from_];
    let b = taken(wing, 1u);
    let c = taken(wing, 2u);
    let sum = b + c;
    let middle = a - 0.5 * sum;
    let away = 0.8660254037844386 * turned(b - c);
    numbers[wing.to] = a + sum;
    numbers[wing.to + wing.rise] = middle + away;
    numbers[wing.to + 2u * wing.rise] = middle - away;
}

fn butterfly_4(wing: Wing) {
    let made = four(numbers[wing.from_], taken(wing, 1u), taken(wing, 2u), taken(wing, 3u));
    numbers[wing.to] = made.a;
    numbers[wing.to + wing.rise] = made.b;
    numbers[wing.to + 2u * wing.rise] = made.c;
    numbers[wing.to + 3u * wing.rise] = made.d;
}

fn butterfly_5(wing: Wing) {
    let a = numbers[wing.from_];
    let b = taken(wing, 1u);
    let c = taken(wing, 2u);
    let d = taken(wing, 3u);
    let e = taken(wing, 4u);
    let near = b + e;
    let far = c + d;
    let of_near = b - e;
    let of_far = c - d;
    let first = a + 0.30901699437494745 * near - 0.8090169943749475 * far;
    let second = a - 0.8090169943749475 * near + 0.30901699437494745 * far;
    let first_away = turned(0.9510565162951535 * of_near + 0.5877852522924731 * of_far);
    let second_away = turned(0.5877852522924731 * of_near - 0.9510565162951535 * of_far);
    numbers[wing.to] = a + near + far;
    numbers[wing.to + wing.rise] = first + first_away;
    numbers[wing.to + 2u * wing.rise] = second + second_away;
    numbers[wing.to + 3u * wing.rise] = second - second_away;
    numbers[wing.to + 4u * wing.rise] = first - first_away;
}

fn butterfly_7(wing: Wing) {
    let a = numbers[wing.from_];
    let b1 = taken(wing, 1u);
    let b2 = taken(wing, 2u);
    let b3 = taken(wing, 3u);
    let b4 = taken(wing, 4u);
    let b5 = taken(wing, 5u);
    let b6 = taken(wing, 6u);
    let p1 = b1 + b6;
    let p2 = b2 + b5;
    let p3 = b3 + b4;
    let q1 = b1 - b6;
    let q2 = b2 - b5;
    let q3 = b3 - b4;
    // Cosines and sines of 1, 2 and 3 sevenths of a turn.
    let c1 = 0.6234898018587336;
    let c2 = -0.2225209339563144;
    let c3 = -0.9009688679024191;
    let s1 = 0.7818314824680298;
    let s2 = 0.9749279121818236;
    let s3 = 0.4338837391175581;
    let first = a + c1 * p1 + c2 * p2 + c3 * p3;
    let second = a + c2 * p1 + c3 * p2 + c1 * p3;
    let third = a + c3 * p1 + c1 * p2 + c2 * p3;
    let first_away = turned(s1 * q1 + s2 * q2 + s3 * q3);
    let second_away = turned(s2 * q1 - s3 * q2 - s1 * q3);
    let third_away = turned(s3 * q1 - s1 * q2 + s2 * q3);
    numbers[wing.to] = a + p1 + p2 + p3;
    numbers[wing.to + wing.rise] = first + first_away;
    numbers[wing.to + 2u * wing.rise] = second + second_away;
    numbers[wing.to + 3u * wing.rise] = third + third_away;
    numbers[wing.to + 4u * wing.rise] = third - third_away;
    numbers[wing.to + 5u * wing.rise] = second - second_away;
    numbers[wing.to + 6u * wing.rise] = first - first_away;
}

// The eight as two fours, of the even ones and of the odd ones.
fn butterfly_8(wing: Wing) {
    let even = four(numbers[wing.from_], taken(wing, 2u), taken(wing, 4u), taken(wing, 6u));
    let odd = four(taken(wing, 1u), taken(wing, 3u), taken(wing, 5u), taken(wing, 7u));
    let half = 0.7071067811865476;
    let b = half * (odd.b + turned(odd.b));
    let c = turned(odd.c);
    let d = half * (turned(odd.d) - odd.d);
    numbers[wing.to] = even.a + odd.a;
    numbers[wing.to + wing.rise] = even.b + b;
    numbers[wing.to + 2u * wing.rise] = even.c + c;
    numbers[wing.to + 3u * wing.rise] = even.d + d;
    numbers[wing.to + 4u * wing.rise] = even.a - odd.a;
    numbers[wing.to + 5u * wing.rise] = even.b - b;
    numbers[wing.to + 6u * wing.rise] = even.c - c;
    numbers[wing.to + 7u * wing.rise] = even.d - d;
}

fn butterfly(radix: u32, wing: Wing) {
    switch radix {
        case 2u: { butterfly_2(wing); }
        case 3u: { butterfly_3(wing); }
        case 4u: { butterfly_4(wing); }
        case 5u: { butterfly_5(wing); }
        case 7u: { butterfly_7(wing); }
        default: { butterfly_8(wing); }
    }
}

// Transforms the lanes, whose numbers lie in the first half; where the result lies then. `own` is the invocation's number in its workgroup.
fn transform(own: u32) -> u32 {
    let bits = parameters.lanes_bits;
    let lane = own & ((1u << bits) - 1u);
    var from_ = 0u;
    var before = 1u;
    for (var stage = 0u; stage < parameters.stages; stage++) {
        workgroupBarrier();
        let radix = (parameters.radices >> (4u * stage)) & 15u;
        let count = parameters.length / radix;
        let turn = parameters.total / (before * radix);
        for (var j = own >> bits; j < count; j += INVOCATIONS >> bits) {
            let within = j % before;
            let to = (j - within) * radix + within;
            let wing = Wing(
                from_ + (j << bits) + lane,
                count << bits,
                HALF - from_ + (to << bits) + lane,
                before << bits,
                within * turn,
            );
            butterfly(radix, wing);
        }
        before *= radix;
        from_ = HALF - from_;
    }
    workgroupBarrier();
    return from_;
}
