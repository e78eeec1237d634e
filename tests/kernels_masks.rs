//! What keeps CLEAN to some pixels, against definitions that are written as one would say them.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::image::Rect;
use deconv::kernel::minor::END;
use deconv::kernel::{
    Component, CycleEnd, Lines, Mask, MinorCycle, NoiseBoxes, NoiseMap, Payload, Positions, Score, Signs, Weigh,
    mad_to_sigma,
};
use support::minor::{Naive, naive};
use support::{AWKWARD, bits, noise, real, run_kernel, run_one};

fn pixels(payload: &Payload) -> Vec<u32> {
    payload.real().view().iter().map(|pixel| pixel.to_bits()).collect()
}

/// Pixels among which are zeros, blanks and −0.
fn wild(i: usize) -> f32 {
    [0.0, -0.0, f32::NAN, 1.0, -3.5, 1e-40, f32::MAX][(bits(8, i) % 7) as usize]
}

#[test]
fn a_mask_is_what_is_not_zero_nor_blank_and_inside() {
    for (rows, cols) in AWKWARD {
        let at = Rect::new(3, 5, rows, cols);
        for inside in
            [at, Rect::new(0, 0, 40, 400), Rect::new(4, 6, 20, 9), Rect::new(0, 0, 2, 2), Rect::new(3, 5, 0, 0)]
        {
            let made = run_one(Mask { at, inside, regions: None }, vec![real(rows, cols, |y, x| wild(y * cols + x))]);
            for (i, pixel) in made.real().view().iter().enumerate() {
                let value = wild(i);
                let (y, x) = (at.y0 + (i / cols) as i64, at.x0 + (i % cols) as i64);
                let expected = inside.contains(y, x) && value != 0.0 && !value.is_nan();
                assert_eq!(*pixel, f32::from(u8::from(expected)), "{at:?} {inside:?} {y} {x}: {value}");
            }
        }
    }
}

#[test]
fn a_score_is_a_pixel_times_its_weight() {
    let weight = |i: usize| [0.0, 1.0, 0.25][(bits(3, i) % 3) as usize];
    let value = |i: usize| if bits(5, i).is_multiple_of(9) { f32::NAN } else { noise(4, i) };
    for (rows, cols) in AWKWARD {
        for signs in [Signs::Both, Signs::Positive, Signs::UntilNegative] {
            for weighted in [false, true] {
                let weights = || real(rows, cols, |y, x| weight(y * cols + x));
                let mut inputs = vec![real(rows, cols, |y, x| value(y * cols + x))];
                inputs.extend(weighted.then(weights));
                let made = run_one(Score { rows, cols, signs }, inputs);
                for (i, pixel) in made.real().view().iter().enumerate() {
                    let weight = if weighted { weight(i) } else { 1.0 };
                    let expected = match value(i) {
                        _ if weight == 0.0 => f32::NAN,
                        value if value < 0.0 && signs == Signs::Positive => 0.0,
                        value => value * weight,
                    };
                    assert_eq!(pixel.to_bits(), expected.to_bits(), "{signs:?} {weighted} {i}");
                }
            }
        }
    }
}

#[test]
fn a_minor_cycle_finds_what_it_may() {
    let mut ends = Vec::new();
    for (rows, cols) in AWKWARD.into_iter().chain([(5, 700), (40, 300)]) {
        let weights: [fn(usize) -> f32; 4] = [
            |_| 1.0,
            |i| f32::from(u8::from(bits(6, i).is_multiple_of(3))),
            |i| [0.0, 0.5, 1.0, 0.7][(bits(7, i) % 4) as usize],
            |_| 0.0,
        ];
        for (n, weight) in weights.into_iter().enumerate() {
            for signs in [Signs::Both, Signs::Positive, Signs::UntilNegative] {
                let at = Rect::plane(rows, cols);
                let psf = Rect::new(-2, -260, 5, 400);
                let beam = |y: usize, x: usize| if (y, x) == (2, 260) { 1.0 } else { 0.2 * noise(77, y * 400 + x) };
                let (gain, level, divergence) = (0.1, 0.3, f32::INFINITY);
                let kernel = MinorCycle {
                    at,
                    core: at,
                    psf,
                    gain,
                    level,
                    max_iterations: 60,
                    divergence,
                    signs,
                    keeps_residual: true,
                    lines: Lines::default(),
                };
                // With ties and blanks.
                let value = |i: usize| if bits(4, i) % 6 == 5 { f32::NAN } else { (noise(5, i) * 16.0).round() / 8.0 };
                let mut expected: Vec<f32> = (0..rows * cols).map(value).collect();
                let Naive { components, peaks: [start, end], end: outcome, .. } =
                    naive(&kernel, &mut expected, &weight, &beam);
                let mut inputs = vec![real(rows, cols, |y, x| value(y * cols + x)), real(5, 400, beam)];
                if n > 0 {
                    inputs.push(real(rows, cols, |y, x| weight(y * cols + x)));
                }
                let outputs = run_kernel(&kernel.clone().into(), inputs);
                assert_eq!(outputs[1].components(), components, "{n} {kernel:?}");
                assert_eq!(pixels(&outputs[0]), expected.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
                let count = components.len() as f64;
                assert_eq!(outputs[2].numbers(), [count, 0.0, start.into(), end.into(), outcome.code()]);
                assert_eq!(CycleEnd::from_code(outputs[2].numbers()[END]), Some(outcome));
                ends.push(outcome);
            }
        }
    }
    for end in [CycleEnd::LevelReached, CycleEnd::IterationsDone, CycleEnd::Negative] {
        assert!(ends.contains(&end), "{end:?} did not happen");
    }
}

#[test]
fn positions_are_those_of_the_components() {
    let mut list: Vec<Component> = (0..90)
        .map(|i| {
            let (y, x, scale) = (bits(1, i) % 12, bits(2, i) % 15, bits(3, i) % 3);
            Component { y: y as u32, x: x as u32, scale: scale as u16, flux: if i == 4 { 0.0 } else { 1.0 } }
        })
        .collect();
    list.sort_by_key(|c| (c.scale, c.y, c.x));
    list.dedup_by_key(|c| (c.scale, c.y, c.x));
    for at in [Rect::plane(12, 15), Rect::new(-3, -2, 9, 20), Rect::new(5, 6, 1, 1), Rect::new(4, 9, 20, 3)] {
        for scale in [None, Some(0), Some(2), Some(7)] {
            for list in [&list[..], &[]] {
                let made = run_one(Positions { at, scale }, vec![Payload::Components(list.to_vec())]);
                for (i, pixel) in made.real().view().iter().enumerate() {
                    let (y, x) = (at.y0 + (i / at.cols) as i64, at.x0 + (i % at.cols) as i64);
                    let here = |c: &&Component| (i64::from(c.y), i64::from(c.x)) == (y, x);
                    let found = list.iter().filter(here).any(|c| scale.is_none_or(|scale| scale == c.scale));
                    assert_eq!(*pixel, f32::from(u8::from(found)), "{at:?} {scale:?} {y} {x}");
                }
            }
        }
    }
}

#[test]
fn the_noise_of_a_box_is_that_of_its_pixels() {
    for (rows, cols, size) in [(4, 13, (4, 5)), (7, 40, (9, 40)), (1, 1, (1, 1)), (6, 9, (6, 100)), (3, 31, (3, 4))] {
        let value = |i: usize| match bits(8, i) % 3 {
            0 if i % cols < 8 => f32::NAN,
            _ if (16..20).contains(&(i % cols)) => 2.5,
            _ => noise(9, i),
        };
        let made = run_one(NoiseBoxes { rows, cols, size }, vec![real(rows, cols, |y, x| value(y * cols + x))]);
        let found = made.numbers();
        assert_eq!(found.len(), cols.div_ceil(size.1));
        for (k, &found) in found.iter().enumerate() {
            let inside = (0..rows * cols).filter(|i| i % cols / size.1 == k).map(value).filter(|v| !v.is_nan());
            let mut pixels: Vec<f32> = inside.collect();
            if pixels.len() * 2 < size.0 * size.1 {
                assert!(found.is_nan());
                continue;
            }
            let mut median = || {
                pixels.sort_by(f32::total_cmp);
                pixels[(pixels.len() - 1) / 2]
            };
            let centre = median();
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - centre).abs());
            pixels.sort_by(f32::total_cmp);
            let sigma = mad_to_sigma(f64::from(pixels[(pixels.len() - 1) / 2]));
            assert!(found == sigma || found.is_nan() && sigma == 0.0, "{rows} {cols} {size:?} {k}: {found} {sigma}");
        }
    }
}

#[test]
fn weights_follow_the_noise_between_the_boxes() {
    // Boxes of 4 x 5 pixels, the last ones of 2 rows and 3 columns.
    let (shape, size) = ((10, 13), (4, 5));
    for holes in [&[][..], &[4], &[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8]] {
        let sigma = |k: usize| if holes.contains(&k) { f64::NAN } else { 1.0 + (bits(2, k) % 8) as f64 };
        let bands = (0..3).map(|band| Payload::Numbers((0..3).map(|k| sigma(3 * band + k)).collect())).collect();
        let map = run_kernel(&NoiseMap { boxes: 9 }.into(), bands);
        let known: Vec<f64> = (0..9).map(sigma).filter(|sigma| !sigma.is_nan()).collect();
        let lowest = known.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        assert_eq!(map[1].numbers(), [lowest]);
        let centres = |last: f64, step: f64| [step / 2.0 - 0.5, 1.5 * step - 0.5, last];
        let (down, along) = (centres(8.5, 4.0), centres(11.0, 5.0));
        // The share of each of three centres in a place between them.
        let shares = |centres: [f64; 3], at: f64| {
            let at = at.clamp(centres[0], centres[2]);
            std::array::from_fn::<f64, 3, _>(|i| {
                let left = if i > 0 { (at - centres[i - 1]) / (centres[i] - centres[i - 1]) } else { 1.0 };
                let right = if i < 2 { (centres[i + 1] - at) / (centres[i + 1] - centres[i]) } else { 1.0 };
                left.min(right).clamp(0.0, 1.0)
            })
        };
        for at in [Rect::plane(10, 13), Rect::new(-3, -4, 17, 22), Rect::new(6, 2, 3, 1)] {
            let mask = |y: usize, x: usize| f32::from(u8::from(!(y + x).is_multiple_of(3)));
            let kernel = Weigh { at, shape, size };
            let made = run_one(kernel, vec![real(at.rows, at.cols, mask), map[0].clone()]);
            for ((y, x), &found) in made.real().view().indexed_iter() {
                let (v, u) = (shares(down, (at.y0 + y as i64) as f64), shares(along, (at.x0 + x as i64) as f64));
                let parts =
                    (0..9).map(|k| (sigma(k), v[k / 3] * u[k % 3])).filter(|(s, part)| !s.is_nan() && *part > 0.0);
                let (sum, whole) = parts.fold((0.0, 0.0), |(sum, whole), (s, part)| (sum + s * part, whole + part));
                let sigma = if whole > 1e-12 { sum / whole } else { mean };
                let weight = if known.is_empty() { 1.0 } else { lowest / sigma };
                let expected = mask(y, x) * weight as f32;
                assert!((found - expected).abs() <= 1e-6, "{holes:?} {at:?} {y} {x}: {found} {expected}");
            }
        }
    }
}
