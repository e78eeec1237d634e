//! MeasureRows, MergeRows, Histogram, Select, CountLevels, MergeLevels and PixelExtremes against their definitions: sums, and sorting.

mod support;

use deconv::image::rect::Rect;
use deconv::kernel::Stats;
use deconv::kernel::quantile::{ROUNDS, VALUE, mad_to_sigma};
use deconv::kernel::{
    CountLevels, Histogram, MeasureRows, MergeLevels, MergeRows, Payload, PixelExtremes, Select, level_of,
};
use support::{AWKWARD, bits, noise, real, run_one};

/// First rows of strips of about `height` rows each, and one past the last row.
fn strips(rows: usize, height: usize) -> Vec<(usize, usize)> {
    (0..rows).step_by(height).map(|y| (y, height.min(rows - y))).collect()
}

fn strip(y0: usize, rows: usize, cols: usize, value: &dyn Fn(usize, usize) -> f32) -> Payload {
    real(rows, cols, |y, x| value(y0 + y, x))
}

fn measure(
    rows: usize,
    cols: usize,
    height: usize,
    ignored: Option<Rect>,
    value: &dyn Fn(usize, usize) -> f32,
) -> Stats {
    let measured = strips(rows, height).into_iter().map(|(y0, n)| {
        run_one(MeasureRows { at: Rect::new(y0 as i64, 0, n, cols), ignored }, vec![strip(y0, n, cols, value)])
    });
    *run_one(MergeRows {}, measured.collect()).stats()
}

/// Statistics as one would write them down.
fn naive(rows: usize, cols: usize, ignored: Option<Rect>, value: &dyn Fn(usize, usize) -> f32) -> Stats {
    let mut stats = Stats::default();
    for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
        let v = value(y, x);
        if v.is_nan() || ignored.is_some_and(|hole| hole.contains(y as i64, x as i64)) {
            continue;
        }
        if stats.count == 0 || v.abs() > stats.peak.abs() {
            (stats.peak_y, stats.peak_x, stats.peak) = (y as u32, x as u32, v);
        }
        stats.count += 1;
        stats.sum += f64::from(v);
        stats.sum_squares += f64::from(v) * f64::from(v);
    }
    stats
}

fn compare(rows: usize, cols: usize, ignored: Option<Rect>, value: &dyn Fn(usize, usize) -> f32) {
    let expected = naive(rows, cols, ignored, value);
    let got = measure(rows, cols, rows, ignored, value);
    let what = format!("{rows}×{cols} without {ignored:?}");
    assert_eq!((got.count, got.peak_y, got.peak_x), (expected.count, expected.peak_y, expected.peak_x), "{what}");
    assert_eq!(got.peak, expected.peak, "{what}");
    assert!((got.sum - expected.sum).abs() <= 1e-12 * expected.sum_squares.max(1.0), "{what}");
    assert!((got.sum_squares - expected.sum_squares).abs() <= 1e-12 * expected.sum_squares, "{what}");
    for height in [1, 2, 3, 7, 16] {
        assert_eq!(measure(rows, cols, height, ignored, value), got, "{what}, strips of {height}");
    }
}

#[test]
fn statistics_are_those_of_the_definition_whatever_the_strips() {
    // The last one has several of the blocks in which the peak is looked for.
    for (rows, cols) in AWKWARD.into_iter().chain([(2, 1000)]) {
        let hole = Rect::new(rows as i64 / 3, cols as i64 / 3, rows / 2, cols / 2);
        let over_the_edge = Rect::new(-1, -2, 3, 4);
        for ignored in [None, Some(hole), Some(over_the_edge), Some(Rect::plane(rows, cols))] {
            compare(rows, cols, ignored, &|y, x| noise(3, y * cols + x));
            compare(rows, cols, ignored, &|y, x| {
                if bits(1, y * cols + x) & 1 == 0 { f32::NAN } else { noise(4, y * cols + x) }
            });
            // Many ties, of both signs.
            compare(rows, cols, ignored, &|y, x| (bits(2, y * cols + x) % 5) as f32 - 2.0);
            compare(rows, cols, ignored, &|_, _| f32::NAN);
            // Blank on the left, zero on the right: the peak is the first zero.
            compare(rows, cols, ignored, &|_, x| if x < cols / 2 { f32::NAN } else { 0.0 });
        }
    }
}

#[test]
fn mean_and_std_follow_from_the_sums() {
    let stats = measure(2, 2, 1, None, &|y, x| [1.0, 3.0, f32::NAN, 5.0][2 * y + x]);
    assert_eq!((stats.count, stats.mean()), (3, 3.0));
    assert!((stats.std() - (8.0f64 / 3.0).sqrt()).abs() < 1e-15);
    assert_eq!((Stats::default().mean(), Stats::default().std()), (0.0, 0.0));
}

/// All rounds over strips of a column of pixels: what the last [`Select`] made.
fn search(pixels: &[f32], height: usize, centre: Option<&Payload>) -> Payload {
    let mut previous: Option<Payload> = None;
    for round in 0..ROUNDS {
        let kept = previous.iter().cloned();
        let mut inputs: Vec<Payload> = strips(pixels.len(), height)
            .into_iter()
            .map(|(y0, rows)| {
                let kernel = Histogram { rows, cols: 1, round, about_centre: centre.is_some() };
                let mut inputs = vec![strip(y0, rows, 1, &|y, _| pixels[y])];
                inputs.extend(kept.clone().chain(centre.cloned()));
                run_one(kernel, inputs)
            })
            .collect();
        inputs.extend(kept);
        previous = Some(run_one(Select { round }, inputs));
    }
    previous.expect("there are rounds")
}

/// The lower median by sorting; 0 without values.
fn sorted_median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.filter(|v| !v.is_nan()).collect();
    values.sort_by(f32::total_cmp);
    if values.is_empty() { 0.0 } else { values[(values.len() - 1) / 2] }
}

fn compare_median(pixels: &[f32]) {
    let expected = sorted_median(pixels.iter().copied());
    let deviations = pixels.iter().map(|&v| if v == expected { 0.0 } else { (v - expected).abs() });
    let expected_mad = sorted_median(deviations);
    for height in [1, 3, 1000] {
        let median = search(pixels, height, None);
        assert_eq!(median.numbers()[VALUE], f64::from(expected), "{pixels:?}");
        let mad = search(pixels, height, Some(&median));
        assert_eq!(mad.numbers()[VALUE], f64::from(expected_mad), "{pixels:?}");
        assert_eq!(mad.numbers()[2], pixels.iter().filter(|v| !v.is_nan()).count() as f64);
    }
}

#[test]
fn median_and_mad_are_those_of_a_sort() {
    let (inf, nan, tiny) = (f32::INFINITY, f32::NAN, f32::from_bits(1));
    let by_hand: [&[f32]; 12] = [
        &[1.0],
        &[nan],
        &[nan, nan, -3.0],
        &[2.0, 1.0],
        &[-0.0, 0.0, 0.0, -0.0],
        &[-1.0, -0.0, 0.0],
        &[tiny, -tiny, 2.0 * tiny, 0.0, tiny],
        &[inf, -inf, 1.0, nan],
        &[inf, inf, -1.0],
        &[-inf, -inf, inf],
        &[f32::MAX, f32::MIN, f32::MAX, f32::MIN, 3.0],
        &[1.0, f32::from_bits(1.0f32.to_bits() + 1), f32::from_bits(1.0f32.to_bits() - 1)],
    ];
    by_hand.into_iter().for_each(compare_median);
    for n in [2, 3, 10, 97, 500] {
        compare_median(&(0..n).map(|i| noise(n as u64, i)).collect::<Vec<_>>());
        compare_median(&(0..n).map(|i| (bits(5, i) % 4) as f32 - 2.0).collect::<Vec<_>>());
        compare_median(&(0..n).map(|i| f32::from_bits(bits(6, i) as u32)).collect::<Vec<_>>());
        compare_median(&(0..n).map(|i| 1.0 + 1e-6 * noise(8, i)).collect::<Vec<_>>());
    }
}

#[test]
fn sigma_of_normal_noise_follows_from_its_mad() {
    // Box and Muller's normal numbers, of standard deviation 3.
    let normal = |i: usize| {
        let (u, v) = (f64::from(noise(1, i)) / 2.0 + 0.5, f64::from(noise(2, i)));
        (3.0 * (-2.0 * u.max(1e-9).ln()).sqrt() * (std::f64::consts::PI * v).cos()) as f32
    };
    let pixels: Vec<f32> = (0..40_000).map(normal).collect();
    let median = search(&pixels, 40_000, None);
    let sigma = mad_to_sigma(search(&pixels, 40_000, Some(&median)).numbers()[VALUE]);
    assert!((sigma - 3.0).abs() < 0.08, "{sigma}");
}

#[test]
fn extremes_are_the_smallest_and_the_largest_pixel() {
    for (rows, cols) in AWKWARD {
        let value = |y: usize, x: usize| if (y + x) % 3 == 1 { f32::NAN } else { noise(4, y * cols + x) };
        let found = run_one(PixelExtremes { rows, cols }, vec![real(rows, cols, value)]);
        let all = || (0..rows * cols).map(|i| value(i / cols, i % cols)).filter(|v| !v.is_nan());
        let (low, high) = (all().fold(f32::INFINITY, f32::min), all().fold(f32::NEG_INFINITY, f32::max));
        assert_eq!(found.numbers(), [f64::from(low), f64::from(high)]);
    }
    let blank = run_one(PixelExtremes { rows: 2, cols: 3 }, vec![real(2, 3, |_, _| f32::NAN)]);
    assert_eq!(blank.numbers(), [f64::INFINITY, f64::NEG_INFINITY]);
}

#[test]
fn a_level_has_no_more_pixels_above_it_than_asked_for() {
    let (rows, cols, value) =
        (23, 17, |y: usize, x: usize| if x == 3 { f32::NAN } else { 9.0 * noise(6, y * 17 + x).powi(3) });
    for every in [1, 3] {
        for height in [1, 5, 23] {
            let counted = strips(rows, height).into_iter().map(|(y0, n)| {
                let at = Rect::new(y0 as i64, 0, n, cols);
                run_one(CountLevels { at, every }, vec![strip(y0, n, cols, &value)])
            });
            let counts = run_one(MergeLevels { every }, counted.collect());
            let looked_at = (0..rows).step_by(every as usize);
            let pixels: Vec<f32> = looked_at.flat_map(|y| (0..cols).map(move |x| value(y, x).abs())).collect();
            let above = |level: f32| pixels.iter().filter(|pixel| **pixel >= level).count() as f64 * f64::from(every);
            for most in [0.0, 1.0, 10.0, 77.5, 300.0] {
                let level = level_of(counts.histogram(), most);
                assert!(above(level) <= most, "{every} {height} {most}: {level} has {}", above(level));
                // The next lower level is at most a quarter less.
                assert!(level < 1e-30 || above(0.8 * level) > most, "{every} {height} {most}: {level} is too high");
            }
        }
    }
    let blank = run_one(CountLevels { at: Rect::plane(2, 3), every: 1 }, vec![real(2, 3, |_, _| f32::NAN)]);
    assert_eq!(blank.histogram(), [0, 0]);
}

#[test]
fn parts_of_a_plane_make_up_the_whole() {
    let value = |y: usize, x: usize| if (y + x).is_multiple_of(4) { f32::NAN } else { noise(5, 7 * y + x) };
    let part = |from: usize, to: usize| naive(to - from, 7, None, &move |y, x| value(from + y, x));
    for cut in 1..10 {
        let (whole, found) = (part(0, 10), part(0, cut).and(&part(cut, 10)));
        assert_eq!((found.count, found.peak), (whole.count, whole.peak));
        assert!((found.sum - whole.sum).abs() < 1e-12 && (found.sum_squares - whole.sum_squares).abs() < 1e-12);
        assert!((found.rms() - (whole.std().powi(2) + whole.mean().powi(2)).sqrt()).abs() < 1e-12);
    }
    let blank = naive(2, 7, None, &|_, _| f32::NAN);
    assert_eq!(blank.and(&part(0, 3)), part(0, 3));
    assert_eq!(part(0, 3).and(&blank), part(0, 3));
    assert_eq!(blank.rms(), 0.0);
}
