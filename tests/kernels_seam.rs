//! What is picked of chunks, and how far it is from the residual, against loops over pixels.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::{Lines, MinorCycle, Payload, Seam, Signs, Tiles};
use support::{AWKWARD, noise, real, run_kernel, run_one};

/// Rows and columns of the pixels of some lines that are looked at: every sixteenth, from the first one on.
fn pixels(lines: &[Rect]) -> Vec<(i64, i64)> {
    let all = |l: &Rect| (l.y0..l.y1()).flat_map(|y| (l.x0..l.x1()).map(move |x| (y, x))).collect::<Vec<_>>();
    lines.iter().flat_map(|line| all(line).into_iter().step_by(16)).collect()
}

/// A pixel of the residual; some are blank.
fn residual(y: i64, x: i64) -> f32 {
    let at = (1000 * y + x) as usize;
    if at % 11 == 4 { f32::NAN } else { noise(5, at) }
}

#[test]
fn lines_are_at_inner_borders_and_in_the_middle() {
    let lines = |y0, x0, rows, cols| Lines::of(Rect::new(y0, x0, rows, cols), (20, 30));
    assert_eq!(lines(0, 0, 20, 30), Lines::default());
    assert!(lines(0, 0, 20, 30).is_empty() && lines(0, 0, 20, 30).shape(1).is_none());
    let corner = lines(0, 0, 8, 10);
    assert_eq!(corner.borders, [Rect::new(7, 0, 1, 10), Rect::new(0, 9, 8, 1)]);
    assert_eq!(corner.middles, [Rect::new(4, 0, 1, 10), Rect::new(0, 5, 8, 1)]);
    assert_eq!(corner.hull(), Rect::new(0, 0, 8, 10));
    let amid = lines(8, 10, 8, 10).borders;
    let expected = [(8, 10, 1, 10), (15, 10, 1, 10), (8, 10, 8, 1), (8, 19, 8, 1)];
    assert_eq!(amid, expected.map(|(y, x, rows, cols)| Rect::new(y, x, rows, cols)));
    // A strip as wide as the plane has neighbours above and below alone.
    assert_eq!(lines(5, 0, 5, 30).borders, [Rect::new(5, 0, 1, 30), Rect::new(9, 0, 1, 30)]);
}

#[test]
fn what_is_picked_is_the_residual_at_the_end() {
    for (rows, cols) in AWKWARD.into_iter().filter(|&(rows, cols)| rows * cols > 1) {
        let at = Rect::new(40, 60, rows, cols);
        let core = Rect::new(40, 60, rows.div_ceil(2), cols.div_ceil(2));
        let lines = Lines::of(core, (200, 500));
        // A patch that is subtracted at once, and one whose subtraction is put off.
        for psf in [Rect::new(-1, -1, 3, 3), Rect::new(-(rows as i64), -(cols as i64), 2 * rows, 2 * cols)] {
            let kernel = MinorCycle {
                at,
                core,
                psf,
                gain: 0.2,
                level: 0.1,
                max_iterations: 40,
                divergence: 1e6,
                signs: Signs::Both,
                keeps_residual: false,
                lines: lines.clone(),
            };
            let inputs = || {
                let beam = |y: usize, x: usize| if (y as i64, x as i64) == (-psf.y0, -psf.x0) { 1.0 } else { 0.1 };
                vec![real(rows, cols, |y, x| residual(y as i64, x as i64)), real(psf.rows, psf.cols, beam)]
            };
            let picked = &run_kernel(&kernel.clone().into(), inputs())[3];
            let kept = MinorCycle { keeps_residual: true, lines: Lines::default(), ..kernel };
            let end = &run_kernel(&kept.into(), inputs())[0];
            let at = pixels(&lines.borders).into_iter().chain(pixels(&lines.middles));
            let expected: Vec<u64> =
                at.map(|(y, x)| f64::from(end.real().row((y - 40) as usize)[(x - 60) as usize]).to_bits()).collect();
            let picked: Vec<u64> = picked.numbers().iter().map(|pixel| pixel.to_bits()).collect();
            assert_eq!(picked, expected, "{rows} x {cols}, {psf:?}");
        }
    }
}

#[test]
fn the_difference_is_that_of_the_pixels() {
    let plane = (31, 47);
    for (core, strip) in [((0, 0, 31, 20), 4), ((8, 16, 8, 16), 31), ((30, 46, 1, 1), 7), ((16, 0, 15, 47), 1)] {
        let core = Rect::new(core.0, core.1, core.2, core.3);
        let lines = Lines::of(core, plane);
        let tiles = Tiles::touching(plane, (strip, plane.1), &lines.hull());
        let predicted = |i: usize| if i % 7 == 3 { f64::NAN } else { 3.0 * f64::from(noise(8, i)) };
        let all = [pixels(&lines.borders), pixels(&lines.middles)];
        let count = all[0].len() + all[1].len();
        let strips =
            tiles.rects().map(|at| real(at.rows, at.cols, move |y, x| residual(at.y0 + y as i64, at.x0 + x as i64)));
        let inputs = std::iter::once(Payload::Numbers((0..2 * count).map(|i| predicted(i % count)).collect()))
            .chain(strips)
            .collect();
        let found = run_one(Seam { lines: lines.clone(), plane: 1, residual: tiles }, inputs);
        let mut expected = Vec::new();
        let mut i = 0;
        for lines in &all {
            let (mut n, mut squares, mut largest) = (0.0, 0.0, 0.0f64);
            for &(y, x) in lines {
                let off = predicted(i) - f64::from(residual(y, x));
                i += 1;
                if !off.is_nan() {
                    (n, squares, largest) = (n + 1.0, squares + off * off, largest.max(off.abs()));
                }
            }
            expected.extend([n, squares, largest]);
        }
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs();
        assert!(found.numbers().iter().zip(&expected).all(near), "{:?} {expected:?}", found.numbers());
    }
}

#[test]
fn a_residual_that_lacks_a_line_is_refused() {
    let lines = Lines::of(Rect::new(0, 0, 4, 4), (8, 4));
    let residual = Tiles::touching((8, 4), (2, 4), &Rect::new(0, 0, 2, 4));
    let inputs = vec![Payload::Numbers(vec![0.0; 3]), real(2, 4, |_, _| 0.0)];
    assert!(support::try_kernel(&Seam { lines, plane: 0, residual }.into(), inputs).is_err());
}
