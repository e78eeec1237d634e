//! The kernels of planes that are cleaned as one, against what one would write down.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::{
    Component, CycleEnd, JoinedCycle, Lines, MOST_SCALES, MergeComponents, MinorCycle, Payload, RootOfSquares, Signs,
    Stack,
};
use support::{AWKWARD, bits, noise, real, run_kernel, run_one};

/// A cycle on a chunk that is all core, without a level or a ceiling.
fn cycle(at: Rect, psf: Rect) -> MinorCycle {
    let (gain, level, divergence) = (0.1, 0.0, f32::INFINITY);
    let (core, max_iterations, signs, lines) = (at, 100, Signs::Both, Lines::default());
    MinorCycle { at, core, psf, gain, level, max_iterations, divergence, signs, keeps_residual: true, lines }
}

fn root(planes: &[Vec<f32>], i: usize) -> f32 {
    planes.iter().map(|plane| f64::from(plane[i]).powi(2)).sum::<f64>().sqrt() as f32
}

fn number_bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn pixels(payload: &Payload) -> Vec<f32> {
    payload.real().view().iter().copied().collect()
}

/// What is in pixel `i` of a plane, with blanks and zeros among them.
fn value(plane: usize, i: usize) -> f32 {
    match bits(plane as u64 + 40, i) % 9 {
        0 => f32::NAN,
        1 => -0.0,
        _ => noise(plane as u64, i) * [1.0, 1e-30, 1e25][(bits(3, i) % 3) as usize],
    }
}

#[test]
fn the_root_of_the_sum_of_squares() {
    for (rows, cols) in AWKWARD {
        for planes in 1..5 {
            let inputs = (0..planes).map(|plane| real(rows, cols, |y, x| value(plane, y * cols + x))).collect();
            let found = pixels(&run_one(RootOfSquares { rows, cols }, inputs));
            for (i, &found) in found.iter().enumerate() {
                let values: Vec<f32> = (0..planes).map(|plane| value(plane, i)).collect();
                let expected = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32;
                let blank = values.iter().any(|value| value.is_nan());
                assert!(
                    if blank { found.is_nan() } else { found.to_bits() == expected.to_bits() },
                    "{values:?} {found}"
                );
            }
        }
        // Of one plane, and of one beside zeros, whichever it is: the absolute value to the bit.
        for (planes, which) in [(1, 0), (2, 0), (2, 1), (4, 2)] {
            let plane = |p: usize, i: usize| if p == which { value(9, i) } else { 0.0 };
            let inputs = (0..planes).map(|p| real(rows, cols, |y, x| plane(p, y * cols + x))).collect();
            let found = pixels(&run_one(RootOfSquares { rows, cols }, inputs));
            let expected: Vec<f32> = (0..rows * cols).map(|i| value(9, i).abs()).collect();
            let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            assert!(found.iter().zip(&expected).all(same), "{planes} {which}");
        }
    }
}

#[test]
fn planes_are_stacked() {
    for (rows, cols) in AWKWARD {
        for planes in 1..5 {
            let inputs = (0..planes).map(|plane| real(rows, cols, |y, x| value(plane, y * cols + x))).collect();
            let found = run_one(Stack { planes, rows, cols }, inputs);
            assert_eq!(found.real().dim(), (planes * rows, cols));
            let expected: Vec<f32> =
                (0..planes * rows * cols).map(|i| value(i / (rows * cols), i % (rows * cols))).collect();
            assert_eq!(number_bits(&pixels(&found)), number_bits(&expected));
        }
    }
}

/// A place, and the flux of each plane there.
type Found = (usize, Vec<f32>);

/// Changes the residuals; what is found, halo included, the number of all, highest root at start and
/// end, and outcome.
fn naive(
    k: &JoinedCycle,
    planes: &mut [Vec<f32>],
    psf: impl Fn(usize, usize, usize) -> f32,
) -> (Vec<Found>, usize, [f32; 2], CycleEnd) {
    let JoinedCycle { cycle, others } = k;
    let psfs = [&[cycle.psf], &others[..]].concat();
    let (mut places, mut found, mut start): (Vec<Found>, _, _) = (vec![], 0, None);
    let mut lowest = (f32::INFINITY, 0);
    loop {
        let (mut at, mut peak) = (0, 0.0f32);
        for i in 0..planes[0].len() {
            // Never true of a blank one.
            if root(planes, i) > peak {
                (at, peak) = (i, root(planes, i));
            }
        }
        let ends = [*start.get_or_insert(peak), peak];
        if peak < lowest.0 {
            lowest = (peak, places.len());
        }
        if peak <= cycle.level {
            return (places, found, ends, CycleEnd::LevelReached);
        } else if peak > cycle.divergence {
            places.truncate(lowest.1);
            return (places, found, ends, CycleEnd::Diverged);
        } else if found == cycle.max_iterations as usize {
            return (places, found, ends, CycleEnd::IterationsDone);
        }
        let fluxes: Vec<f32> = planes.iter().map(|plane| cycle.gain * plane[at]).collect();
        let (py, px) = (at / cycle.at.cols, at % cycle.at.cols);
        for (p, plane) in planes.iter_mut().enumerate() {
            for (i, pixel) in plane.iter_mut().enumerate() {
                let (dy, dx) = ((i / cycle.at.cols) as i64 - py as i64, (i % cycle.at.cols) as i64 - px as i64);
                if psfs[p].contains(dy, dx) {
                    *pixel -= fluxes[p] * psf(p, (dy - psfs[p].y0) as usize, (dx - psfs[p].x0) as usize);
                }
            }
        }
        places.push((at, fluxes));
        found += 1;
    }
}

/// Runs a cycle on planes of such values with such PSFs, holds it against [`naive`], and tells how it ended.
fn compare(
    kernel: &JoinedCycle,
    value: &dyn Fn(usize, usize) -> f32,
    psf: &dyn Fn(usize, usize, usize) -> f32,
) -> CycleEnd {
    let Rect { rows, cols, y0, x0 } = kernel.cycle.at;
    let planes = 1 + kernel.others.len();
    let mut expected: Vec<Vec<f32>> = (0..planes).map(|p| (0..rows * cols).map(|i| value(p, i)).collect()).collect();
    let (places, found, [start, end], outcome) = naive(kernel, &mut expected, psf);
    let psfs = [&[kernel.cycle.psf], &kernel.others[..]].concat();
    let stack = real(planes * rows, cols, |y, x| value(y / rows, y % rows * cols + x));
    let psfs = psfs.iter().enumerate().map(|(p, at)| real(at.rows, at.cols, |y, x| psf(p, y, x)));
    let outputs = run_kernel(&kernel.clone().into(), std::iter::once(stack).chain(psfs).collect());
    let component = |at: usize, flux| {
        let (y, x) = (y0 + (at / cols) as i64, x0 + (at % cols) as i64);
        kernel.cycle.core.contains(y, x).then_some(Component { y: y as u32, x: x as u32, scale: 0, flux })
    };
    let mut kept = 0;
    for p in 0..planes {
        let list: Vec<Component> = places.iter().filter_map(|(at, fluxes)| component(*at, fluxes[p])).collect();
        assert_eq!(outputs[1 + p].components(), list, "plane {p}: {kernel:?}");
        kept = list.len();
    }
    let numbers = [kept as f64, (found - kept) as f64, start.into(), end.into(), outcome.code()];
    assert_eq!(outputs[1 + planes].numbers(), numbers, "{kernel:?}");
    assert_eq!(number_bits(&pixels(&outputs[0])), number_bits(&expected.concat()), "{kernel:?}");
    if let Some(picked) = outputs.get(2 + planes) {
        let lines = kernel.cycle.lines.borders.iter().chain(&kernel.cycle.lines.middles);
        let line =
            |l: Rect| (l.y0..l.y1()).flat_map(move |y| (l.x0..l.x1()).map(move |x| (y - y0, x - x0))).step_by(16);
        let places: Vec<usize> = lines.flat_map(|l| line(*l)).map(|(y, x)| y as usize * cols + x as usize).collect();
        let expected: Vec<u64> =
            expected.iter().flat_map(|plane| places.iter().map(|&i| f64::from(plane[i]).to_bits())).collect();
        let picked: Vec<u64> = picked.numbers().iter().map(|pixel| pixel.to_bits()).collect();
        assert_eq!(picked, expected, "{kernel:?}");
    }
    outcome
}

/// PSFs of these extents: 1 at the peak, falling sidelobes elsewhere, each plane its own.
fn sidelobes(extents: Vec<Rect>) -> impl Fn(usize, usize, usize) -> f32 {
    move |plane, y, x| {
        let at = extents[plane];
        let (dy, dx) = (y as i64 + at.y0, x as i64 + at.x0);
        let lobe = 0.5 * noise(77 + plane as u64, y * at.cols + x) / (1 + dy * dy + dx * dx) as f32;
        if (dy, dx) == (0, 0) { 1.0 } else { lobe }
    }
}

/// Extents of the PSFs of so many planes: of a pixel, small, as large as the chunk, larger, and lopsided.
fn extents(rows: usize, cols: usize, planes: usize, turn: usize) -> Vec<Rect> {
    let (h, w) = (rows as i64, cols as i64);
    let all = [
        Rect::new(0, 0, 1, 1),
        Rect::new(-1, -2, 3, 5),
        Rect::new(-(h / 2), -(w / 2), rows, cols),
        Rect::new(-h, -w, 2 * rows + 1, 2 * cols + 1),
        Rect::new(-1, -60, 2, 90),
    ];
    (0..planes).map(|plane| all[(plane + turn) % all.len()]).collect()
}

fn joined(at: Rect, extents: &[Rect]) -> JoinedCycle {
    JoinedCycle { cycle: cycle(at, extents[0]), others: extents[1..].to_vec() }
}

#[test]
fn the_cycle_is_that_of_the_definition() {
    for (rows, cols) in AWKWARD.into_iter().chain([(5, 200), (20, 100)]) {
        for (planes, turn) in (1..5).flat_map(|planes| (0..5).map(move |turn| (planes, turn))) {
            let extents = extents(rows, cols, planes, turn);
            let mut kernel = joined(Rect::plane(rows, cols), &extents);
            (kernel.cycle.level, kernel.cycle.max_iterations) = (0.3, 60);
            if turn == 1 {
                kernel.cycle.lines = Lines::of(Rect::plane(rows, cols.div_ceil(2)), (rows + 1, cols + 1));
            }
            let psf = sidelobes(extents);
            compare(&kernel, &|p, i| noise(5 + p as u64, i), &psf);
            // Ties, and blanks in one plane and in others.
            let coarse = |p: usize, i: usize| match bits(4 + p as u64, i) % 8 {
                7 => f32::NAN,
                n => (n % 5) as f32 - 2.0,
            };
            compare(&kernel, &coarse, &psf);
        }
    }
}

#[test]
fn components_of_the_halo_are_subtracted_and_forgotten() {
    for (at, core) in
        [(Rect::new(-4, -4, 20, 18), Rect::new(0, 0, 12, 10)), (Rect::new(96, 50, 9, 40), Rect::new(100, 60, 1, 20))]
    {
        let inside = |i: usize| at.y0 + (i / at.cols) as i64 >= 0 && at.x0 + (i % at.cols) as i64 >= 0;
        let value = |p: usize, i: usize| if inside(i) { noise(9 + p as u64, i) } else { f32::NAN };
        let extents = vec![Rect::new(-3, -3, 7, 7), Rect::new(-2, -4, 6, 6), Rect::new(-3, -3, 7, 7)];
        let mut kernel = joined(at, &extents);
        (kernel.cycle.core, kernel.cycle.level, kernel.cycle.max_iterations) = (core, 0.2, 500);
        compare(&kernel, &value, &sidelobes(extents));
    }
}

#[test]
fn every_outcome_happens() {
    let extents = vec![Rect::new(-3, -3, 7, 7), Rect::new(-3, -2, 5, 5)];
    let mut kernel = joined(Rect::plane(9, 11), &extents);
    let psf = sidelobes(extents);
    (kernel.cycle.level, kernel.cycle.divergence, kernel.cycle.max_iterations) = (0.3, 10.0, 5);
    let value = |p: usize, i: usize| noise(p as u64 + 5, i);
    assert_eq!(compare(&kernel, &value, &psf), CycleEnd::IterationsDone);
    kernel.cycle.max_iterations = 100_000;
    assert_eq!(compare(&kernel, &value, &psf), CycleEnd::LevelReached);
    // The second plane grows with every component.
    let grows = |p: usize, y: usize, x: usize| if p == 1 { -0.3 } else { psf(0, y, x) };
    assert_eq!(compare(&kernel, &value, &grows), CycleEnd::Diverged);
    // No pixel that is not blank somewhere.
    let blank = |p: usize, i: usize| if i % 2 == p { f32::NAN } else { 1.0 };
    assert_eq!(compare(&kernel, &blank, &psf), CycleEnd::LevelReached);
}

#[test]
fn a_cycle_in_parts_is_the_cycle() {
    let extents = extents(40, 130, 3, 2);
    let kernel = joined(Rect::plane(40, 130), &extents);
    let run = |parts: &[u32]| {
        let mut stack = real(120, 130, |y, x| noise(3, y * 130 + x));
        let mut lists = vec![Vec::new(); 3];
        for &part in parts {
            let psf = |p: usize| real(extents[p].rows, extents[p].cols, |y, x| sidelobes(extents.clone())(p, y, x));
            let mut kernel = kernel.clone();
            kernel.cycle.max_iterations = part;
            let mut outputs = run_kernel(&kernel.into(), std::iter::once(stack).chain((0..3).map(psf)).collect());
            lists.iter_mut().zip(&outputs[1..]).for_each(|(list, output)| list.extend_from_slice(output.components()));
            stack = outputs.swap_remove(0);
        }
        (stack.as_bytes().to_vec(), lists)
    };
    assert!(run(&[90]) == run(&[1, 0, 39, 50]));
}

#[test]
fn beside_planes_of_zeros_a_plane_is_cleaned_as_it_is_alone() {
    let at = Rect::new(3, 4, 31, 70);
    let psf = Rect::new(-20, -30, 45, 64);
    for (planes, which) in [(1, 0), (2, 1), (4, 2)] {
        let kernel = joined(at, &vec![psf; planes]);
        let value = |i: usize| if bits(8, i).is_multiple_of(50) { f32::NAN } else { noise(8, i) };
        let beam = || real(psf.rows, psf.cols, |y, x| sidelobes(vec![psf])(0, y, x));
        let stack =
            real(
                planes * at.rows,
                at.cols,
                |y, x| {
                    if y / at.rows == which { value(y % at.rows * at.cols + x) } else { 0.0 }
                },
            );
        let inputs = std::iter::once(stack).chain((0..planes).map(|_| beam())).collect();
        let both = run_kernel(&kernel.clone().into(), inputs);
        let plane = real(at.rows, at.cols, |y, x| value(y * at.cols + x));
        let alone = run_kernel(&kernel.cycle.clone().into(), vec![plane, beam()]);
        assert_eq!(both[1 + which].components(), alone[1].components());
        assert_eq!(both[1 + planes].numbers(), alone[2].numbers());
        let pixels = pixels(&both[0]);
        let part = &pixels[which * at.rows * at.cols..][..at.rows * at.cols];
        assert_eq!(number_bits(part), number_bits(&alone[0].real().view().iter().copied().collect::<Vec<_>>()));
    }
}

#[test]
fn merging_keeps_the_places_that_are_brightest_in_all_planes_together() {
    let component = |y, x, flux| Component { y, x, scale: 0, flux };
    // Two tasks of two planes; the second place of the first has the largest root, the third has that of the first of the second task.
    let lists = [
        vec![component(5, 1, 1.0), component(3, 1, -2.0), component(7, 7, 0.0)],
        vec![component(5, 1, 0.0), component(3, 1, 2.0), component(7, 7, -1.5)],
        vec![component(7, 2, 1.5), component(0, 0, 0.1)],
        vec![component(7, 2, 0.0), component(0, 0, 0.1)],
    ];
    let inputs = || lists.iter().cloned().map(Payload::Components).collect();
    let sorted = [[lists[0][1], lists[1][1]], [lists[2][0], lists[3][0]], [lists[0][2], lists[1][2]]];
    let sorted = [&sorted[..], &[[lists[0][0], lists[1][0]], [lists[2][1], lists[3][1]]]].concat();
    for most in 0..7 {
        let outputs = run_kernel(&MergeComponents { most, weights: [1.0; MOST_SCALES], planes: 2 }.into(), inputs());
        let kept = &sorted[..5.min(most as usize)];
        for plane in 0..2 {
            let list: Vec<Component> = kept.iter().map(|place| place[plane]).collect();
            assert_eq!(outputs[plane].components(), list);
        }
        assert_eq!(outputs[2].numbers(), [kept.len() as f64]);
    }
}
