//! Fill, Combine, KeepSign, Scatter and Assemble against their definitions.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::assemble::Tiles;
use deconv::kernel::{Assemble, Combine, Component, Fill, KeepSign, Kernel, Payload, Scatter};
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
fn scatter_adds_in_order_what_lies_inside() {
    let at = Rect::new(10, 20, 5, 7);
    let lists: Vec<Vec<Component>> = (0..3)
        .map(|list| {
            (0..200)
                .map(|i| {
                    let r = bits(list, i);
                    Component { y: (r % 30) as u32, x: (r >> 20) as u32 % 40, flux: noise(7, i) }
                })
                .collect()
        })
        .collect();
    let mut expected = vec![0.5f32; at.pixels()];
    for c in lists.iter().flatten().filter(|c| (10..15).contains(&c.y) && (20..27).contains(&c.x)) {
        expected[(c.y as usize - 10) * 7 + c.x as usize - 20] += c.flux;
    }
    assert!(expected.iter().any(|&v| v != 0.5));
    let mut inputs = vec![real(5, 7, |_, _| 0.5)];
    inputs.extend(lists.into_iter().map(Payload::Components));
    let model = run_one(Scatter { at }, inputs);
    assert!(model.real().view().iter().eq(&expected));
    let untouched = run_one(Scatter { at }, vec![real(5, 7, |_, _| 3.0)]);
    assert!(untouched.real().view().iter().all(|&v| v == 3.0));
}

fn plane_value(y: i64, x: i64) -> f32 {
    (y * 1000 + x) as f32
}

fn assemble(target: Rect, sources: Tiles) -> Payload {
    let chunks = sources
        .rects()
        .map(|at| real(at.rows, at.cols, |y, x| plane_value(at.y0 + y as i64, at.x0 + x as i64)))
        .collect();
    run_one(Assemble { target, sources, fill: -1.0 }, chunks)
}

#[test]
fn assemble_copies_any_rectangle_from_any_cutting() {
    let planes = [(1, 1), (1, 13), (23, 29), (12, 12)];
    let chunks = [(1, 1), (5, 7), (4, 100), (100, 4), (6, 6)];
    for (plane, chunk) in planes.into_iter().flat_map(|plane| chunks.map(|chunk| (plane, chunk))) {
        for i in 0..60 {
            let r = bits(9, i);
            let at = |shift: u32, n: u64| (r >> shift) % n;
            let target = Rect::new(
                at(0, 40) as i64 - 10,
                at(8, 40) as i64 - 10,
                at(16, 30) as usize + 1,
                at(24, 30) as usize + 1,
            );
            let output = assemble(target, Tiles::touching(plane, chunk, &target));
            let inside = Rect::plane(plane.0, plane.1);
            for ((y, x), &got) in output.real().view().indexed_iter() {
                let (y, x) = (target.y0 + y as i64, target.x0 + x as i64);
                let expected = if inside.contains(y, x) { plane_value(y, x) } else { -1.0 };
                assert_eq!(got, expected, "{plane:?} {chunk:?} {target:?}");
            }
        }
    }
}

#[test]
fn assemble_takes_more_chunks_than_it_needs_and_refuses_fewer() {
    let all = Tiles { plane: (10, 10), chunk: (4, 4), first: (0, 0), count: (3, 3) };
    assert_eq!(all.rects().map(|at| at.pixels()).sum::<usize>(), 100);
    assert_eq!(all.cover(), Rect::plane(10, 10));
    let output = assemble(Rect::new(5, 5, 2, 2), all);
    assert_eq!(output.real().row(0), [5005.0, 5006.0]);
    let few = Tiles { count: (2, 2), ..all };
    let kernel: Kernel = Assemble { target: Rect::new(7, 7, 2, 2), sources: few, fill: 0.0 }.into();
    let inputs = few.rects().map(|at| real(at.rows, at.cols, |_, _| 0.0)).collect();
    assert!(try_kernel(&kernel, inputs).is_err());
}
