// What cross-validation needs of a column: a scale, then for each step of a scan of λ two sums. With `left` = factor R / (t + λ R), factor and λ
// of the step, they are those of the power of the data times left² and times the square of the scale, and of left.

struct Parameters {
    zero: u32,
    strip: Strip,
}

struct Step {
    factor: f32,
    balance: f32,
}

@group(0) @binding(0) var<storage, read> parameters: Parameters;
@group(0) @binding(1) var<storage, read> spectrum: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> psf: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> across: array<f32>;
@group(0) @binding(4) var<storage, read> down: array<f32>;
@group(0) @binding(5) var<storage, read> steps: array<Step>;
@group(0) @binding(6) var<storage, read_write> made: array<Pair>;

const STEPS = 33u;
// Invocations of a step: each looks at some of the cells.
const PARTS = 7u;

struct Cell {
    power: f32,
    transfer: f32,
    prior: f32,
}

// Cells of a line, of which each is read by all steps.
var<workgroup> cells: array<Cell, 256>;

fn cell(line: u32, k: u32, scale: f32) -> Cell {
    // One that adds nothing.
    let none = Cell(0.0, 1.0, 0.0);
    if k >= parameters.strip.length {
        return none;
    }
    let i = line * parameters.strip.stride + k;
    let h = psf[i];
    if !is_measured(h) {
        return none;
    }
    let power = square(scale, spectrum[i]);
    let prior = prior_of(line, k);
    if parameters.strip.white != 0u {
        return Cell(power, dot(h, h), prior);
    }
    return Cell(power / h.x, h.x, prior);
}

// The sum over the parts of a step.
fn sum_of_parts(own: u32, sum: Pair) -> Pair {
    workgroupBarrier();
    pairs[own] = sum;
    workgroupBarrier();
    var total = Pair(0.0, 0.0);
    if own < STEPS {
        for (var part = 0u; part < PARTS; part++) {
            total = both(total, pairs[own * PARTS + part]);
        }
    }
    return total;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let scale = scale_of_line(group.x * parameters.strip.stride, own);
    let step = steps[min(own / PARTS, STEPS - 1u)];
    var above = Pair(0.0, 0.0);
    var below = Pair(0.0, 0.0);
    for (var first = 0u; first < parameters.strip.length; first += 256u) {
        workgroupBarrier();
        cells[own] = cell(group.x, first + own, scale);
        workgroupBarrier();
        for (var i = own % PARTS; i < 256u; i += PARTS) {
            let cell = cells[i];
            let all = cell.transfer + step.balance * cell.prior;
            let left = select(0.0, step.factor * cell.prior / all, all != 0.0);
            above = plus(above, cell.power * left * left, 0.0);
            below = plus(below, left, 0.0);
        }
    }
    above = sum_of_parts(own, above);
    below = sum_of_parts(own, below);
    let at = group.x * (1u + 2u * STEPS);
    if own == 0u {
        made[at] = Pair(scale, 0.0);
    }
    if own < STEPS {
        made[at + 1u + 2u * own] = above;
        made[at + 2u + 2u * own] = below;
    }
}
