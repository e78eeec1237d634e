//! The textbook minor cycle against a loop that is written as one would say it.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::minor::END;
use deconv::kernel::{
    Call, Component, CycleEnd, Kernel, Lines, MOST_SCALES, MergeComponents, MinorCycle, Payload, Signs,
};
use std::sync::atomic::AtomicBool;
use support::minor::{Naive, naive};
use support::{AWKWARD, bits, noise, poisoned, real, run_kernel};

/// A cycle on a chunk that is all core, without a level or a ceiling.
fn cycle(at: Rect, psf: Rect) -> MinorCycle {
    let (gain, level, divergence) = (0.1, 0.0, f32::INFINITY);
    MinorCycle {
        at,
        core: at,
        psf,
        gain,
        level,
        max_iterations: 100,
        divergence,
        signs: Signs::Both,
        keeps_residual: true,
        lines: Lines::default(),
    }
}

fn compare(kernel: &MinorCycle, plane: &dyn Fn(usize) -> f32, psf: &dyn Fn(usize, usize) -> f32) -> CycleEnd {
    let (rows, cols) = (kernel.at.rows, kernel.at.cols);
    let mut expected: Vec<f32> = (0..rows * cols).map(plane).collect();
    let Naive { components, found: all, peaks: [start, end], end: outcome } =
        naive(kernel, &mut expected, &|_| 1.0, psf);
    let inputs = vec![real(rows, cols, |y, x| plane(y * cols + x)), real(kernel.psf.rows, kernel.psf.cols, psf)];
    let outputs = run_kernel(&kernel.clone().into(), inputs);
    let residual: Vec<u32> = outputs[0].real().view().iter().map(|v| v.to_bits()).collect();
    let (dy, dx) = (kernel.at.y0, kernel.at.x0);
    let components: Vec<Component> = components
        .iter()
        .map(|c| (i64::from(c.y) + dy, i64::from(c.x) + dx, c.flux))
        .filter(|&(y, x, _)| kernel.core.contains(y, x))
        .map(|(y, x, flux)| Component { y: y as u32, x: x as u32, scale: 0, flux })
        .collect();
    assert_eq!(outputs[1].components(), components, "{kernel:?}");
    assert_eq!(residual, expected.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), "{kernel:?}");
    let numbers = [components.len() as f64, (all - components.len()) as f64, start.into(), end.into(), outcome.code()];
    assert_eq!(outputs[2].numbers(), numbers, "{kernel:?}");
    assert_eq!(CycleEnd::from_code(numbers[END]), Some(outcome));
    // The residual aside, it is the same where nobody reads that.
    let inputs = vec![real(rows, cols, |y, x| plane(y * cols + x)), real(kernel.psf.rows, kernel.psf.cols, psf)];
    let outputs = run_kernel(&MinorCycle { keeps_residual: false, ..kernel.clone() }.into(), inputs);
    assert_eq!((outputs[1].components(), outputs[2].numbers()), (&components[..], &numbers[..]), "{kernel:?}");
    outcome
}

/// A PSF of this extent: 1 at its peak, falling sidelobes elsewhere.
fn sidelobes(at: Rect) -> impl Fn(usize, usize) -> f32 {
    move |y, x| {
        let (dy, dx) = (y as i64 + at.y0, x as i64 + at.x0);
        if (dy, dx) == (0, 0) { 1.0 } else { 0.5 * noise(77, y * at.cols + x) / (1 + dy * dy + dx * dx) as f32 }
    }
}

#[test]
fn the_cycle_is_that_of_the_textbook() {
    let sizes = AWKWARD.into_iter().chain([(5, 700), (40, 300)]);
    for (rows, cols) in sizes {
        let (h, w) = (rows as i64, cols as i64);
        let psfs = [
            Rect::new(0, 0, 1, 1),
            Rect::new(-1, -2, 3, 5),
            Rect::new(-(h / 2), -(w / 2), rows, cols),
            Rect::new(-h, -w, 2 * rows + 1, 2 * cols + 1),
            Rect::new(-1, -260, 2, 330),
        ];
        for psf in psfs {
            let (at, gain, level) = (Rect::plane(rows, cols), 0.1, 0.3);
            let kernel = MinorCycle { gain, level, max_iterations: 300, ..cycle(at, psf) };
            compare(&kernel, &|i| noise(5, i), &sidelobes(psf));
            // Ties of both signs, and blanks.
            let coarse = |i: usize| if bits(4, i) % 6 == 5 { f32::NAN } else { (bits(4, i) % 5) as f32 - 2.0 };
            compare(&kernel, &coarse, &sidelobes(psf));
        }
    }
}

/// A PSF whose sidelobes are high everywhere, so that every bound of what they can do is put to the test.
fn wild(seed: u64, at: Rect) -> impl Fn(usize, usize) -> f32 {
    move |y, x| {
        let (dy, dx) = (y as i64 + at.y0, x as i64 + at.x0);
        if (dy, dx) == (0, 0) { 1.0 } else { 0.6 * noise(seed, y * at.cols + x).powi(5) }
    }
}

#[test]
fn what_is_put_off_changes_no_bit() {
    for (i, (rows, cols)) in [(70, 300), (64, 256), (33, 129), (17, 128), (1, 1000), (90, 5)].into_iter().enumerate() {
        let (h, w) = (rows as i64, cols as i64);
        let psfs = [
            Rect::new(-(h / 2), -(w / 2), rows, cols),
            Rect::new(1 - h, 1 - w, 2 * rows - 1, 2 * cols - 1),
            Rect::new(-3 * h, -2 * w, 4 * rows, 5 * cols),
            Rect::new(-5, -w, rows, cols + 9),
            Rect::new(1 - h, -3, rows + 2, cols),
        ];
        for (j, psf) in psfs.into_iter().enumerate() {
            let seed = (10 * i + j) as u64;
            let blanks = |k: usize| if bits(seed, k).is_multiple_of(9) { f32::NAN } else { noise(seed, k) };
            compare(
                &MinorCycle { max_iterations: 250, ..cycle(Rect::plane(rows, cols), psf) },
                &blanks,
                &wild(seed, psf),
            );
            // Ties of both signs.
            let coarse = |k: usize| (bits(seed, k) % 5) as f32 - 2.0;
            let kernel = MinorCycle { max_iterations: 200, level: 0.5, ..cycle(Rect::plane(rows, cols), psf) };
            compare(&kernel, &coarse, &sidelobes(psf));
        }
    }
}

#[test]
fn more_components_than_can_wait() {
    let (at, psf) = (Rect::plane(19, 131), Rect::new(-9, -60, 19, 121));
    let kernel = MinorCycle { max_iterations: 17_000, ..cycle(at, psf) };
    assert_eq!(compare(&kernel, &|i| noise(8, i), &sidelobes(psf)), CycleEnd::IterationsDone);
}

#[test]
fn a_cycle_in_parts_is_the_cycle() {
    let (at, psf) = (Rect::plane(40, 300), Rect::new(-39, -299, 79, 599));
    let run = |parts: &[u32]| {
        let (mut residual, mut all) = (real(at.rows, at.cols, |y, x| noise(3, y * at.cols + x)), vec![]);
        for &max_iterations in parts {
            let beam = real(psf.rows, psf.cols, sidelobes(psf));
            let mut outputs = run_kernel(&MinorCycle { max_iterations, ..cycle(at, psf) }.into(), vec![residual, beam]);
            all.extend_from_slice(outputs[1].components());
            residual = outputs.swap_remove(0);
        }
        (residual.as_bytes().to_vec(), all)
    };
    assert!(run(&[300]) == run(&[1, 0, 99, 150, 50]));
}

#[test]
fn components_of_the_halo_are_subtracted_and_forgotten() {
    let psf = Rect::new(-3, -3, 7, 7);
    // The chunk reaches over the upper left corner of the plane, where it is blank.
    for (at, core) in
        [(Rect::new(-4, -4, 20, 18), Rect::new(0, 0, 12, 10)), (Rect::new(96, 50, 9, 40), Rect::new(100, 60, 1, 20))]
    {
        let inside = |i: usize| at.y0 + (i / at.cols) as i64 >= 0 && at.x0 + (i % at.cols) as i64 >= 0;
        let plane = |i: usize| if inside(i) { noise(9, i) } else { f32::NAN };
        let kernel = MinorCycle { core, level: 0.1, max_iterations: 900, ..cycle(at, psf) };
        compare(&kernel, &plane, &sidelobes(psf));
    }
}

#[test]
fn merging_keeps_the_brightest_in_a_fixed_order() {
    let component = |y, x, flux| Component { y, x, scale: 0, flux };
    let lists =
        [vec![component(3, 1, 0.5), component(3, 1, -2.0)], vec![], vec![component(0, 7, 0.5), component(0, 2, -0.5)]];
    let inputs = || lists.iter().cloned().map(Payload::Components).collect();
    let sorted = [lists[0][1], lists[2][1], lists[2][0], lists[0][0]];
    for most in 0..6 {
        let outputs = run_kernel(&MergeComponents { most, weights: [1.0; MOST_SCALES], planes: 1 }.into(), inputs());
        let kept = &sorted[..4.min(most as usize)];
        assert_eq!((outputs[0].components(), outputs[1].numbers()), (kept, &[kept.len() as f64][..]));
    }
}

#[test]
fn every_outcome_happens() {
    let psf = Rect::new(-3, -3, 7, 7);
    let at = Rect::plane(9, 11);
    let base = MinorCycle { gain: 0.2, level: 0.25, max_iterations: 5, divergence: 10.0, ..cycle(at, psf) };
    let unlimited = MinorCycle { max_iterations: u32::MAX, ..base.clone() };
    let plane = |i| noise(5, i);
    assert_eq!(compare(&base, &plane, &sidelobes(psf)), CycleEnd::IterationsDone);
    assert_eq!(compare(&unlimited, &plane, &sidelobes(psf)), CycleEnd::LevelReached);
    assert_eq!(compare(&MinorCycle { level: 2.0, ..base.clone() }, &plane, &sidelobes(psf)), CycleEnd::LevelReached);
    // A PSF that is negative at its peak makes every peak grow.
    assert_eq!(compare(&unlimited, &plane, &|_, _| -1.0), CycleEnd::Diverged);
    // No pixel at all: nothing can be done at any level.
    let below_zero = MinorCycle { level: 0.0, ..unlimited.clone() };
    assert_eq!(compare(&below_zero, &|_| f32::NAN, &sidelobes(psf)), CycleEnd::LevelReached);
    assert_eq!(compare(&below_zero, &|_| 0.0, &sidelobes(psf)), CycleEnd::LevelReached);
}

#[test]
fn a_cancelled_cycle_stops() {
    let psf = Rect::new(0, 0, 1, 1);
    // A PSF of a pixel, and one larger than the chunk: both ways to subtract.
    for (psf, middle) in [(psf, 0), (psf.grow(3), 3)] {
        let kernel: Kernel = MinorCycle { max_iterations: 9, ..cycle(Rect::plane(3, 3), psf) }.into();
        cancelled(&kernel, real(psf.rows, psf.cols, |y, x| f32::from((y, x) == (middle, middle))));
    }
}

fn cancelled(kernel: &Kernel, beam: Payload) {
    let mut outputs: Vec<Payload> = kernel.outputs().iter().map(poisoned).collect();
    outputs[0] = real(3, 3, |_, _| 1.0);
    let mut scratch = deconv::kernel::Buffer::zeroed(kernel.scratch_bytes()).expect("memory for a test");
    let mut call =
        Call { inputs: &[&beam], outputs: &mut outputs, scratch: &mut scratch, cancel: &AtomicBool::new(true) };
    assert_eq!(kernel.run(&mut call).map_err(|e| e.kind), Err(deconv::error::Kind::Interrupted));
}
