//! The kernels of made-up observations against their definitions in f64.

mod support;

use deconv::image::Rect;
use deconv::kernel::gridding::{REACH, Taps, taper};
use deconv::kernel::{
    Drawing, Form, GriddingCorrection, Random, Sky, UvCell, UvMultiply, UvNoise, UvStrip, UvTransfer,
};
use num_complex::Complex32;
use support::uv::{sky_strip, uv_strip};
use support::{AWKWARD, complex, noise, run_one, try_kernel};

/// The number of samples in a cell.
fn count(uv: &UvStrip, column: usize, row: usize) -> f64 {
    let there = |cell: &&UvCell| (cell.column as usize, cell.row as usize) == (uv.first_column + column, row);
    uv.cells.iter().find(there).map_or(0.0, |cell| f64::from(cell.count))
}

fn strips() -> impl Iterator<Item = UvStrip> {
    AWKWARD.into_iter().zip([0, 0, 5, 1, 0, 9, 0]).map(|((columns, length), first)| uv_strip(first, columns, length, 3))
}

#[test]
fn transfer_and_multiply_are_the_weights() {
    for uv in strips() {
        let (columns, length) = (uv.columns, uv.length);
        let input = |y: usize, x: usize| Complex32::new(noise(1, y * length + x), noise(2, y * length + x));
        let transfer = run_one(UvTransfer { uv: uv.clone(), scale: 3.0 }, vec![]);
        let product = run_one(UvMultiply { uv: uv.clone(), scale: 3.0 }, vec![complex(columns, length, input)]);
        for ((y, x), &got) in transfer.complex().view().indexed_iter() {
            let n = count(&uv, y, x);
            let weight = 3.0 * n / (1.0 + 0.1 * n);
            assert!((f64::from(got.re) - weight).abs() <= 1e-7 * weight && got.im == 0.0, "{got}");
            let expected = input(y, x) * weight as f32;
            assert!((product.complex().row(y)[x] - expected).norm() <= 1e-6 * expected.norm());
        }
    }
}

#[test]
fn noise_is_hermitian_and_drawn_by_place() {
    let draw = |uv: &UvStrip| run_one(UvNoise { uv: uv.clone(), scale: 2.0, seed: 7, stream: 3 }, vec![]);
    let random = Random::new(7, 3);
    // Column 0 holds every cell twice, at k and at −k.
    let rows = [0u32, 1, 3, 6, 8];
    let cells = rows.map(|row| UvCell { column: 0, row, count: if row == 0 { 4 } else { 9 } });
    let uv = UvStrip { first_column: 0, columns: 2, length: 9, cells: cells.into(), density: 0.5 };
    let noise = draw(&uv);
    let column = noise.complex().row(0);
    assert_eq!(column[8], column[1].conj());
    assert_eq!(column[6], column[3].conj());
    assert_eq!((column[0].im, column[0].re), (0.0, (2.0 * 2.0 / 3.0 * random.normals(0).0) as f32));
    assert!([2, 4, 5, 7].iter().all(|&row| column[row] == Complex32::ZERO));
    assert!(noise.complex().row(1).iter().all(|number| *number == Complex32::ZERO));
    let (re, im) = random.normals(3);
    let size = 2.0 * 3.0 / 5.5 / 2f64.sqrt();
    assert_eq!(column[3], Complex32::new((size * re) as f32, (size * im) as f32));
    // A strip of one column holds what a wider one has there.
    let (wide, narrow) = (uv_strip(4, 5, 31, 3), uv_strip(6, 1, 31, 3));
    assert_eq!(draw(&wide).complex().row(2), draw(&narrow).complex().row(0));
}

#[test]
fn cells_that_are_not_in_the_strip_are_refused() {
    let cell = |column, row| UvCell { column, row, count: 1 };
    for cells in [vec![cell(3, 9)], vec![cell(2, 0)], vec![cell(4, 5), cell(4, 2)], vec![cell(6, 0)]] {
        let uv = UvStrip { first_column: 3, columns: 2, length: 9, cells: cells.into(), density: 0.0 };
        assert!(try_kernel(&UvTransfer { uv, scale: 1.0 }.into(), vec![]).is_err());
    }
}

#[test]
fn the_correction_undoes_spreading() {
    for (columns, length) in AWKWARD {
        let kernel = GriddingCorrection { columns, length, first_column: 2, row_length: 2 * (columns + 2) };
        let corrected = run_one(kernel, vec![complex(columns, length, |_, _| Complex32::new(1.0, -2.0))]);
        let taps = Taps::new();
        for ((y, x), &got) in corrected.complex().view().indexed_iter() {
            let across = taps.transform((2 + y) as f64 / (2 * (columns + 2)) as f64);
            let expected = 1.0 / (across * taps.transform(x as f64 / length as f64));
            assert!((f64::from(got.re) / expected - 1.0).abs() < 1e-6 && got.im == -2.0 * got.re, "{got} {expected}");
        }
    }
}

/// A sky's brightness at a pixel without its points.
fn extended(sky: &Sky, y: i64, x: i64) -> f64 {
    if !Rect::plane(sky.size, sky.size).contains(y, x) {
        return 0.0;
    }
    let value = |source: &deconv::kernel::ExtendedSource| {
        let (dy, dx) = (y as f64 - source.y, x as f64 - source.x);
        source.height
            * match source.form {
                Form::Gaussian { sigma, angle } => {
                    let (along, across) = (dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin());
                    (-(along / sigma.0).powi(2) / 2.0 - (across / sigma.1).powi(2) / 2.0).exp()
                }
                Form::Disk { radius } => (0.5 - (dy.hypot(dx) - radius)).clamp(0.0, 1.0),
            }
    };
    sky.extended.iter().map(value).sum()
}

#[test]
fn a_sky_is_its_sources() {
    let size = 40;
    let sky = sky_strip(Rect::plane(size, size), size, Drawing::Nearest);
    let pixels = run_one(sky.clone(), vec![]);
    for ((y, x), &got) in pixels.real().view().indexed_iter() {
        let near =
            |point: &&deconv::kernel::PointSource| (point.y - y as f64).abs() < 0.5 && (point.x - x as f64).abs() < 0.5;
        let points: f64 = sky.points.iter().filter(near).map(|point| point.flux).sum();
        assert!((f64::from(got) - extended(&sky, y as i64, x as i64) - points).abs() < 3e-7, "{y} {x}: {got}");
    }
    assert!(pixels.real().view().iter().filter(|pixel| **pixel > 0.9).count() == 2);
}

#[test]
fn a_spread_sky_is_the_sum_of_what_is_spread() {
    let size = 34;
    let n = size as i64;
    for (periodic, margin) in [(false, REACH as i64), (true, 0)] {
        let side = size + 2 * margin as usize;
        let sky = sky_strip(Rect::new(-margin, -margin, side, side), size, Drawing::Spread { periodic });
        let pixels = run_one(sky.clone(), vec![]);
        let reach = REACH as i64;
        let turns = if periodic { -1..=1 } else { 0..=0 };
        for (y, x) in (-margin..n + margin).flat_map(|y| (-margin..n + margin).map(move |x| (y, x))) {
            let mut expected = 0.0;
            for (ty, tx) in turns.clone().flat_map(|ty| turns.clone().map(move |tx| (ty * n, tx * n))) {
                for (dy, dx) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx))) {
                    let value = extended(&sky, y + ty - dy, x + tx - dx);
                    expected += value * taper(dy as f64) * taper(dx as f64);
                }
                let point = |point: &deconv::kernel::PointSource| {
                    point.flux * taper((y + ty) as f64 - point.y) * taper((x + tx) as f64 - point.x)
                };
                expected += sky.points.iter().map(point).sum::<f64>();
            }
            let got = f64::from(pixels.real().row((y + margin) as usize)[(x + margin) as usize]);
            assert!((got - expected).abs() < 1e-6, "{y} {x}: {got}, not {expected}");
        }
    }
}

#[test]
fn a_sky_has_the_same_bits_in_any_strips() {
    let size = 34;
    for (drawing, margin) in [
        (Drawing::Nearest, 0),
        (Drawing::Spread { periodic: true }, 0),
        (Drawing::Spread { periodic: false }, REACH as i64),
    ] {
        let side = size + 2 * margin as usize;
        let strip = |y: usize, rows| sky_strip(Rect::new(y as i64 - margin, -margin, rows, side), size, drawing);
        let whole = run_one(strip(0, side), vec![]);
        for rows in [1, 3, 16] {
            for y in (0..side).step_by(rows) {
                let part = run_one(strip(y, rows.min(side - y)), vec![]);
                (0..rows.min(side - y)).for_each(|line| assert_eq!(part.real().row(line), whole.real().row(y + line)));
            }
        }
    }
}
