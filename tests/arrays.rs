//! Lazy arrays against their definitions on whole planes.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::array::{ArrayIds, Builder, ChunkedArray, Grid, Source};
use deconv::image::{Image, Product, ProductKind, Rect, checksum};
use deconv::kernel::{Payload, VALUE};
use deconv::schedule::Settings;
use ndarray::{Array2, s};
use std::path::Path;
use support::drawn::Dice;
use support::files::{fits_of, noisy};
use support::script::{answers_of, bits_of};

/// The pixels of an array that some operations make.
fn pixels_of(operations: impl FnOnce(&mut Builder<'_>) -> ChunkedArray) -> Array2<f32> {
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    let made = operations(&mut b);
    let keys: Vec<_> = made.keys().collect();
    keys.into_iter().for_each(|key| b.answer(key));
    let chunks = answers_of(b.finish(), &Settings { poison: true, ..Settings::threads(2) });
    let grid = made.grid();
    let mut plane = Array2::from_elem(grid.shape, f32::NAN);
    for (k, chunk) in chunks.iter().enumerate() {
        let Rect { y0, x0, rows, cols } = grid.core(k);
        let core = s![grid.halo..grid.halo + rows, grid.halo..grid.halo + cols];
        let there = s![y0 as usize..y0 as usize + rows, x0 as usize..x0 as usize + cols];
        plane.slice_mut(there).assign(&chunk.real().view().slice(core));
    }
    plane
}

fn source(image: &Image) -> Source<'_> {
    let (rows, cols) = image.shape();
    Source { image, plane: 0, from: Rect::plane(rows, cols), scale: 1.0, zero_blanks: false }
}

/// A file with noise, some of it blank if that is wanted, for each of some awkward sizes.
fn for_each_plane(blank: bool, test: impl Fn(&Image, &Array2<f32>, &mut Dice)) {
    let directory = tempfile::tempdir().unwrap();
    for (i, (rows, cols)) in [(1, 1), (1, 19), (23, 1), (7, 12), (31, 37), (64, 48)].into_iter().enumerate() {
        let mut pixels = noisy(rows, cols, i as u64);
        if blank {
            pixels.iter_mut().skip(1).step_by(5).for_each(|pixel| *pixel = f32::NAN);
        }
        let image = fits_of(&directory.path().join(format!("{i}.fits")), &pixels);
        test(&image, &pixels, &mut Dice::new(i as u64));
    }
}

fn drawn_grid(dice: &mut Dice, shape: (usize, usize)) -> Grid {
    Grid::new(shape, (1 + dice.below(shape.0 + 3), 1 + dice.below(shape.1 + 3)))
}

fn assert_same(found: &Array2<f32>, expected: &Array2<f32>) {
    let bits = |plane: &Array2<f32>| plane.mapv(|value| if value.is_nan() { u32::MAX } else { value.to_bits() });
    assert_eq!(bits(found), bits(expected));
}

#[test]
fn a_grid_covers_its_plane_once() {
    let mut dice = Dice::new(5);
    for _ in 0..200 {
        let shape = (dice.within(1..40), dice.within(1..40));
        let grid = drawn_grid(&mut dice, shape).with_halo(dice.below(4)).shifted(dice.below(5));
        let plane = Rect::plane(shape.0, shape.1);
        let mut times = Array2::<u8>::zeros(shape);
        for k in 0..grid.len() {
            let Rect { y0, x0, rows, cols } = grid.core(k);
            assert!(0 < rows && rows <= grid.chunk.0 && 0 < cols && cols <= grid.chunk.1, "{grid:?}");
            assert_eq!(grid.outer(k), Rect::new(y0, x0, rows, cols).grow(grid.halo).intersect(&plane).unwrap());
            let (y0, x0) = (y0 as usize, x0 as usize);
            times.slice_mut(s![y0..y0 + rows, x0..x0 + cols]).map_inplace(|n| *n += 1);
        }
        assert!(times.iter().all(|&n| n == 1), "{grid:?}");
    }
    assert!(Grid::new((0, 5), (2, 2)).is_empty());
}

#[test]
fn a_shifted_grid_has_its_borders_elsewhere() {
    let borders = |grid: Grid| (1..grid.len()).map(|k| grid.core(k).y0).collect::<Vec<_>>();
    let grid = Grid::strips((32, 5), 8);
    assert_eq!(borders(grid.shifted(0)), [8, 16, 24]);
    assert_eq!(borders(grid.shifted(1)), [6, 14, 22, 30]);
    assert_eq!(borders(grid.shifted(2)), [4, 12, 20, 28]);
    assert_eq!(borders(grid.shifted(3)), [2, 10, 18, 26]);
    // A plane that is one chunk across stays that.
    assert!((0..4).all(|quarters| grid.shifted(quarters).counts().1 == 1));
    assert_eq!(Grid::whole((7, 9)).shifted(2), Grid::whole((7, 9)));
}

#[test]
fn from_fits_reads_any_part_on_any_strips() {
    for_each_plane(true, |image, pixels, dice| {
        for _ in 0..6 {
            let (rows, cols) = pixels.dim();
            let (y0, x0) = (dice.below(rows), dice.below(cols));
            let (h, w) = (dice.within(1..rows - y0 + 1), dice.within(1..cols - x0 + 1));
            let from = Rect::new(y0 as i64, x0 as i64, h, w);
            let zero_blanks = dice.one_in(2);
            let source = Source { from, scale: -0.5, zero_blanks, ..source(image) };
            let strip = dice.within(1..h + 3);
            let found = pixels_of(|b| ChunkedArray::from_fits(b, &source, strip));
            let part = pixels.slice(s![y0..y0 + h, x0..x0 + w]);
            let value = |v: &f32| if zero_blanks && v.is_nan() { 0.0 } else { v * -0.5 };
            assert_same(&found, &part.map(value));
        }
    });
}

#[test]
fn fill_and_combine() {
    for_each_plane(true, |image, pixels, dice| {
        let grid = drawn_grid(dice, pixels.dim());
        assert_same(&pixels_of(|b| ChunkedArray::fill(b, grid, 2.5)), &Array2::from_elem(pixels.dim(), 2.5));
        let sum = pixels_of(|b| {
            let a = ChunkedArray::from_fits(b, &source(image), 3).rechunk(b, grid);
            let filled = ChunkedArray::fill(b, grid, 2.5);
            let twice = a.combine(b, 1.0, &a, 1.0);
            twice.combine(b, 0.5, &filled, -3.0)
        });
        assert_same(&sum, &pixels.mapv(|v| 0.5 * (v + v) + -3.0 * 2.5));
    });
}

#[test]
fn a_rectangle_is_cut_out_of_any_grid() {
    for_each_plane(true, |image, pixels, dice| {
        let (rows, cols) = pixels.dim();
        for _ in 0..6 {
            let (y0, x0) = (dice.below(rows), dice.below(cols));
            let (h, w) = (dice.within(1..rows - y0 + 1), dice.within(1..cols - x0 + 1));
            let grid = drawn_grid(dice, (rows, cols));
            let found = pixels_of(|b| {
                let array = ChunkedArray::from_fits(b, &source(image), 4).rechunk(b, grid);
                array.cut(b, Rect::new(y0 as i64, x0 as i64, h, w))
            });
            assert_same(&found, &pixels.slice(s![y0..y0 + h, x0..x0 + w]).to_owned());
        }
    });
}

#[test]
fn one_sign_is_kept_on_any_grid() {
    for_each_plane(true, |image, pixels, dice| {
        let grid = drawn_grid(dice, pixels.dim());
        let below = pixels_of(|b| ChunkedArray::from_fits(b, &source(image), 4).rechunk(b, grid).keep_sign(b, true));
        assert_same(&below, &pixels.mapv(|v| if v < 0.0 { v } else { f32::NAN }));
    });
}

#[test]
fn rechunking_changes_nothing() {
    for_each_plane(true, |image, pixels, dice| {
        let grids: Vec<Grid> = (0..5).map(|_| drawn_grid(dice, pixels.dim())).collect();
        let found = pixels_of(|b| {
            let start = ChunkedArray::from_fits(b, &source(image), 2);
            grids.iter().fold(start, |array, grid| array.rechunk(b, *grid))
        });
        assert_same(&found, pixels);
    });
}

#[test]
fn overlap_brings_any_surroundings() {
    for_each_plane(false, |image, pixels, dice| {
        let (rows, cols) = pixels.dim();
        for halo in [1, 3, 20, 70] {
            let (from, to) = (drawn_grid(dice, (rows, cols)), drawn_grid(dice, (rows, cols)).with_halo(halo));
            let to = to.shifted(dice.below(4));
            let mut ids = ArrayIds::of_client(0);
            let mut b = Builder::new(&mut ids);
            let cut = ChunkedArray::from_fits(&mut b, &source(image), 4).rechunk(&mut b, from);
            let made = cut.rechunk(&mut b, to);
            let k = dice.below(to.len());
            b.answer(made.key(k));
            let answers = answers_of(b.finish(), &Settings { poison: true, ..Settings::inline() });
            let outer = to.outer(k);
            let expected = Array2::from_shape_fn((outer.rows, outer.cols), |(y, x)| {
                let (y, x) = (y as i64 + outer.y0, x as i64 + outer.x0);
                pixels[(y as usize, x as usize)]
            });
            assert_same(&answers[0].real().view().to_owned(), &expected);
        }
    });
}

/// Answers of operations on a file's array, in strips of so many rows.
fn measured(image: &Image, strip: usize, operations: impl FnOnce(&mut Builder<'_>, &ChunkedArray)) -> Vec<Payload> {
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    let array = ChunkedArray::from_fits(&mut b, &source(image), strip);
    operations(&mut b, &array);
    answers_of(b.finish(), &Settings::threads(2))
}

#[test]
fn stats_are_those_of_the_unblanked_pixels_on_any_strips() {
    for_each_plane(true, |image, pixels, _| {
        let ignored = Rect::new(1, 1, pixels.nrows() / 2, pixels.ncols() / 3);
        for hole in [None, Some(ignored)] {
            let counts = |y: usize, x: usize| !hole.is_some_and(|hole| hole.contains(y as i64, x as i64));
            let seen = || pixels.indexed_iter().filter(|((y, x), v)| counts(*y, *x) && !v.is_nan());
            let stats = |strip| {
                measured(image, strip, |b, array| {
                    let stats = array.stats(b, hole);
                    b.answer(stats);
                })
            };
            let whole = stats(1000);
            for strip in [1, 2, 5] {
                assert_eq!(bits_of(&stats(strip)[0]), bits_of(&whole[0]));
            }
            let found = whole[0].stats();
            let sum: f64 = seen().map(|(_, &v)| f64::from(v)).sum();
            let squares: f64 = seen().map(|(_, &v)| f64::from(v).powi(2)).sum();
            assert_eq!(found.count, seen().count() as u64);
            assert!((found.sum - sum).abs() <= 1e-12 * squares.max(1.0));
            assert!((found.sum_squares - squares).abs() <= 1e-12 * squares.max(1.0));
            let highest = seen().fold(0.0f32, |peak, (_, v)| peak.max(v.abs()));
            let first = seen().find(|(_, v)| v.abs() == highest);
            let expected = first.map_or((0, 0, 0.0), |((y, x), &v)| (y as u32, x as u32, v));
            assert_eq!((found.peak_y, found.peak_x, found.peak), expected);
        }
    });
}

#[test]
fn median_and_mad_are_those_of_a_sorted_list() {
    let lower = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values[(values.len() - 1) / 2]
    };
    for_each_plane(true, |image, pixels, dice| {
        let strip = dice.within(1..9);
        let answers = measured(image, strip, |b, array| {
            let (median, mad) = array.median_and_mad(b);
            b.answer(median);
            b.answer(mad);
        });
        let values: Vec<f32> = pixels.iter().copied().filter(|v| !v.is_nan()).collect();
        let median = lower(values.clone());
        let mad = lower(values.iter().map(|v| (v - median).abs()).collect());
        assert_eq!(answers[0].numbers()[VALUE], f64::from(median));
        assert_eq!(answers[1].numbers()[VALUE], f64::from(mad));
    });
}

fn written(image: &Image, path: &Path, strip: usize) -> u32 {
    let mut product = Product::create(path, image, ProductKind::Residual, 1).unwrap();
    let sums = measured(image, strip, |b, array| array.to_fits(b, &product, 0));
    assert_eq!(sums.len(), image.shape().0.div_ceil(strip));
    let sum = sums.iter().fold(0, |total, sum| checksum::add(total, sum.numbers()[0] as u32));
    product.finish(&["a test".to_string()], &[], sum).unwrap();
    product.publish(false).unwrap();
    sum
}

#[test]
fn to_fits_writes_what_was_read() {
    for_each_plane(true, |image, pixels, dice| {
        let directory = tempfile::tempdir().unwrap();
        let at_once = written(image, &directory.path().join("whole.fits"), 1000.min(pixels.nrows()));
        let strip = dice.within(1..pixels.nrows() + 1);
        let path = directory.path().join("strips.fits");
        assert_eq!(written(image, &path, strip), at_once);
        let mut back = Array2::zeros(pixels.dim());
        let whole = Rect::plane(pixels.nrows(), pixels.ncols());
        Image::open(&path).unwrap().section(0, whole).read(back.as_slice_mut().unwrap()).unwrap();
        assert_same(&back, pixels);
    });
}
