//! Fill, Combine, Ratio, Rescale, KeepSign, AddComponents, Scatter, RestoreComponents and Assemble against their definitions.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::assemble::Tiles;
use deconv::kernel::{
    AddComponents, Assemble, Combine, Component, Fill, KeepSign, Kernel, Payload, Ratio, Rescale, RestoreComponents,
    Scales, Scatter,
};
use support::{AWKWARD, bits, noise, real, run_one, try_kernel};

#[test]
fn fill_writes_every_pixel() {
    for (rows, cols) in AWKWARD {
        let filled = run_one(Fill { rows, cols, value: -2.5 }, vec![]);
        assert!(filled.real().view().iter().all(|&v| v == -2.5));
        assert_eq!(filled.real().dim(), (rows, cols));
    }
}

#[test]
fn combine_is_a_weighted_sum_and_keeps_blanks() {
    for (rows, cols) in AWKWARD {
        let a = |y, x| if (y + x) % 5 == 3 { f32::NAN } else { noise(1, y * cols + x) };
        let b = |y, x| if (y + x) % 7 == 4 { f32::NAN } else { noise(2, y * cols + x) };
        let sum =
            run_one(Combine { rows, cols, left: 1.5, right: -0.25 }, vec![real(rows, cols, a), real(rows, cols, b)]);
        for ((y, x), &got) in sum.real().view().indexed_iter() {
            let (a, b) = (f64::from(a(y, x)), f64::from(b(y, x)));
            let expected = 1.5 * a - 0.25 * b;
            assert!((f64::from(got) - expected).abs() < 1e-6 || (got.is_nan() && expected.is_nan()), "{y} {x}");
        }
    }
}

#[test]
fn ratio_is_the_data_over_what_is_shown_and_keeps_blanks() {
    for (rows, cols) in AWKWARD {
        // Some below zero, some blank, some that nothing is shown of, or less than nothing.
        let dirty = |y: usize, x: usize| if (y + x) % 5 == 3 { f32::NAN } else { noise(1, y * cols + x) };
        let residual = |y: usize, x: usize| match (y + x) % 5 {
            3 => f32::NAN,
            4 => dirty(y, x),
            _ => 0.7 * noise(2, y * cols + x),
        };
        let floor = 0.125f32;
        let inputs = vec![real(rows, cols, residual), real(rows, cols, dirty)];
        let ratio = run_one(Ratio { rows, cols, floor }, inputs);
        for ((y, x), &got) in ratio.real().view().indexed_iter() {
            let (d, r) = (f64::from(dirty(y, x)), f64::from(residual(y, x)));
            let expected = if d < 0.0 { 0.0 } else { d / (d - r).max(floor.into()) };
            assert!(
                (f64::from(got) - expected).abs() < 2e-6 || (got.is_nan() && d.is_nan()),
                "{y} {x}: {got} {expected}"
            );
        }
    }
}

#[test]
fn rescale_is_a_product_that_is_never_negative() {
    for (rows, cols) in AWKWARD {
        let model = |y: usize, x: usize| match (y * cols + x) % 11 {
            0 => f32::NAN,
            1 => 1e-38,
            _ => noise(1, y * cols + x).abs(),
        };
        let correction = |y: usize, x: usize| noise(2, y * cols + x) + 0.9;
        let weight = |y: usize, x: usize| match (y * cols + x) % 7 {
            3 => f32::NAN,
            4 => 0.0,
            5 => 0.4,
            6 => 0.5,
            _ => 1.0 + 3.0 * noise(3, y * cols + x).abs(),
        };
        let inputs = vec![real(rows, cols, model), real(rows, cols, correction), real(rows, cols, weight)];
        let product = run_one(Rescale { rows, cols, least: 0.5 }, inputs);
        for ((y, x), &got) in product.real().view().indexed_iter() {
            let (x0, c, w) = (f64::from(model(y, x)), f64::from(correction(y, x)), f64::from(weight(y, x)));
            let expected = if w >= 0.5 && x0 * c / w >= f64::from(f32::MIN_POSITIVE) { x0 * c / w } else { 0.0 };
            assert!((f64::from(got) - expected).abs() <= 3e-7 * expected, "{y} {x}: {got} {expected}");
        }
    }
}

/// Lists of components of a plane of 30 × 40 pixels, many of them at the same one.
fn lists() -> Vec<Vec<Component>> {
    let component = |list, i| {
        let r = bits(list, i);
        Component { y: (r % 30) as u32, x: (r >> 20) as u32 % 40, scale: 0, flux: noise(list, i) }
    };
    (0..3).map(|list| (0..700).map(|i| component(list, i)).collect()).collect()
}

/// What comes of components that are added to a plane one after the other.
fn dense(lists: &[Vec<Component>]) -> Vec<f32> {
    let mut plane = vec![0.0f32; 30 * 40];
    lists.iter().flatten().for_each(|c| plane[c.y as usize * 40 + c.x as usize] += c.flux);
    plane
}

#[test]
fn keep_sign_blanks_all_but_one_sign() {
    for ((rows, cols), negative) in AWKWARD.into_iter().flat_map(|size| [(size, false), (size, true)]) {
        let pixel = |y, x| match (y + x) % 4 {
            0 => 0.0,
            1 => f32::NAN,
            _ => noise(3, y * cols + x),
        };
        let kept = run_one(KeepSign { rows, cols, negative }, vec![real(rows, cols, pixel)]);
        for ((y, x), &got) in kept.real().view().indexed_iter() {
            let pixel = pixel(y, x);
            let stays = if negative { pixel < 0.0 } else { pixel > 0.0 };
            assert!(if stays { got == pixel } else { got.is_nan() }, "{y} {x}: {pixel} {got}");
        }
    }
}

#[test]
fn components_add_up_as_they_would_in_a_plane() {
    let most = 1200;
    let payloads = |lists: &[Vec<Component>]| lists.iter().cloned().map(Payload::Components).collect::<Vec<_>>();
    let mut model = Vec::new();
    for (i, found) in lists().into_iter().enumerate() {
        model = run_one(AddComponents { most }, payloads(&[model, found])).components().to_vec();
        assert!(model.is_sorted_by(|a, b| (a.y, a.x) < (b.y, b.x)), "one entry a pixel");
        let expected = dense(&lists()[..=i]);
        let mut plane = vec![0.0; 30 * 40];
        model.iter().for_each(|c| plane[c.y as usize * 40 + c.x as usize] = c.flux);
        assert!(plane.iter().map(|v: &f32| v.to_bits()).eq(expected.iter().map(|v| v.to_bits())));
    }
    let at_once = run_one(AddComponents { most }, payloads(&lists()));
    assert_eq!(at_once.components(), model);
    assert_eq!(run_one(AddComponents { most }, vec![]).components(), []);
    let negative_zero = vec![Component { y: 0, x: 0, scale: 0, flux: -0.0 }];
    let sum = run_one(AddComponents { most }, payloads(&[negative_zero]));
    assert_eq!(sum.components()[0].flux.to_bits(), 0);
}

#[test]
fn scatter_makes_the_pixels_of_components() {
    let inputs = lists().into_iter().map(Payload::Components).collect();
    let list = run_one(AddComponents { most: 1200 }, inputs);
    let expected = dense(&lists());
    for at in [
        Rect::new(0, 0, 30, 40),
        Rect::new(10, 20, 5, 7),
        Rect::new(29, 0, 1, 40),
        Rect::new(0, 39, 30, 1),
        Rect::new(25, 35, 9, 8),
    ] {
        let chunk =
            run_one(Scatter { at, scales: Scales::POINTS }, vec![Payload::Components(list.components().to_vec())]);
        for ((y, x), pixel) in chunk.real().view().indexed_iter() {
            let (y, x) = (at.y0 as usize + y, at.x0 as usize + x);
            let flux = if y < 30 && x < 40 { expected[y * 40 + x] } else { 0.0 };
            assert_eq!(pixel.to_bits(), flux.to_bits(), "{at:?} {y} {x}");
        }
    }
    let empty = run_one(Scatter { at: Rect::plane(3, 4), scales: Scales::POINTS }, vec![Payload::Components(vec![])]);
    assert!(empty.real().view().iter().all(|&v| v == 0.0));
}

#[test]
fn components_are_restored_as_gaussians_are_defined() {
    let inputs = lists().into_iter().map(Payload::Components).collect();
    let list = run_one(AddComponents { most: 1200 }, inputs).components().to_vec();
    let residual = |y: usize, x: usize| if (y + x).is_multiple_of(7) { f32::NAN } else { noise(9, y * 99 + x) };
    for (covariance, reach) in
        [([2.0, 0.7, 1.5], 9), ([0.2, 0.0, 0.3], 4), ([30.0, -11.0, 9.0], 40), ([1.0, 0.0, 1.0], 0)]
    {
        for at in [Rect::new(0, 0, 30, 40), Rect::new(10, 20, 5, 7), Rect::new(29, 0, 1, 40), Rect::new(25, 35, 5, 5)] {
            let kernel = RestoreComponents { at, covariance, reach };
            let pixels = real(at.rows, at.cols, residual);
            let made = run_one(kernel, vec![pixels, Payload::Components(list.clone())]);
            for ((y, x), pixel) in made.real().view().indexed_iter() {
                let [xx, xy, yy] = covariance;
                let gaussian = |c: &Component| {
                    let (dy, dx) =
                        ((at.y0 + y as i64 - i64::from(c.y)) as f64, (at.x0 + x as i64 - i64::from(c.x)) as f64);
                    let inside = dy.abs() <= reach as f64 && dx.abs() <= reach as f64;
                    let exponent = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
                    if inside { f64::from(c.flux) * (-0.5 * exponent).exp() } else { 0.0 }
                };
                let expected = f64::from(residual(y, x)) + list.iter().map(gaussian).sum::<f64>();
                let near = (f64::from(*pixel) - expected).abs() < 1e-4;
                assert!(near || (pixel.is_nan() && residual(y, x).is_nan()), "{at:?} {y} {x}: {pixel} {expected}");
            }
        }
    }
}

fn plane_value(y: i64, x: i64) -> f32 {
    (y * 1000 + x) as f32
}

fn assemble(target: Rect, sources: Tiles) -> Payload {
    let chunks = sources
        .rects()
        .map(|at| real(at.rows, at.cols, |y, x| plane_value(at.y0 + y as i64, at.x0 + x as i64)))
        .collect();
    run_one(Assemble { target, sources }, chunks)
}

#[test]
fn assemble_copies_any_rectangle_from_any_cutting() {
    let planes = [(1, 1), (1, 13), (23, 29), (12, 12)];
    let chunks = [(1, 1), (5, 7), (4, 100), (100, 4), (6, 6)];
    for (plane, chunk) in planes.into_iter().flat_map(|plane| chunks.map(|chunk| (plane, chunk))) {
        for i in 0..60 {
            let r = bits(9, i);
            let at = |shift: u32, n: u64| (r >> shift) % n;
            let (y0, x0) = (at(0, plane.0 as u64) as i64, at(8, plane.1 as u64) as i64);
            let target = Rect::new(y0, x0, at(16, 30) as usize + 1, at(24, 30) as usize + 1);
            let target = target.intersect(&Rect::plane(plane.0, plane.1)).unwrap();
            let output = assemble(target, Tiles::touching(plane, chunk, &target));
            for ((y, x), &got) in output.real().view().indexed_iter() {
                let expected = plane_value(target.y0 + y as i64, target.x0 + x as i64);
                assert_eq!(got, expected, "{plane:?} {chunk:?} {target:?}");
            }
        }
    }
}

#[test]
fn assemble_takes_more_chunks_than_it_needs_and_refuses_fewer_and_what_lies_outside() {
    let all = Tiles { plane: (10, 10), chunk: (4, 4), first: (0, 0), count: (3, 3) };
    assert_eq!(all.rects().map(|at| at.pixels()).sum::<usize>(), 100);
    assert_eq!(all.cover(), Rect::plane(10, 10));
    let output = assemble(Rect::new(5, 5, 2, 2), all);
    assert_eq!(output.real().row(0), [5005.0, 5006.0]);
    let few = Tiles { count: (2, 2), ..all };
    for (target, sources) in [((7, 7), few), ((9, 9), all)] {
        let kernel: Kernel = Assemble { target: Rect::new(target.0, target.1, 2, 2), sources }.into();
        let inputs = sources.rects().map(|at| real(at.rows, at.cols, |_, _| 0.0)).collect();
        assert!(try_kernel(&kernel, inputs).is_err());
    }
}
