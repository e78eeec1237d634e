//! The figure of chains.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::figure::canvas::{Area, Canvas, WHITE};
use deconv::figure::chains::{BURN_IN, ChainFigure, LINE, MEAN};
use deconv::figure::ticks::Notation;
use deconv::figure::{Trace, Traces, draw_chains};
use deconv::kernel::Random;

/// Chains that come from far away and then go about their mean.
fn plane(name: &str, count: usize, burn_in: usize) -> Traces {
    let value = |stream: u64, mean: f64, draw: usize| {
        let noise = 0.03 * mean * Random::new(1, stream).normals(draw as u64).0;
        mean * (1.0 + (-(draw as f64) / 6.0).exp()) + noise
    };
    let trace = |(stream, (name, mean)): (u64, (&str, f64))| Trace {
        name: name.into(),
        remark: format!("{mean} \u{b1} {}, 140 independent draws", 0.03 * mean),
        values: (0..count).map(|draw| value(stream, mean, draw)).collect(),
        mean,
    };
    let names = [("Noise (\u{b5}Jy/beam)", 21.7), ("Sky (mJy/pixel)", 1.46), ("Balance", 2.2e-4)];
    let caption = "unsupervised-wiener, 200 draws of which 30 are burn-in; seed 1.".into();
    Traces { name: name.into(), caption, burn_in, traces: (0..).zip(names).map(trace).collect() }
}

fn places(area: &Area) -> impl Iterator<Item = (usize, usize)> {
    let Area { x, y, .. } = *area;
    let (right, bottom) = (area.right(), area.bottom());
    (y..bottom).flat_map(move |y| (x..right).map(move |x| (x, y)))
}

/// Everything lies on the paper, and apart from everything else; nothing is written up to the edges.
fn check_layout(figure: &ChainFigure) {
    let canvas: &Canvas = &figure.canvas;
    let all: Vec<&Area> = figure.panels.iter().flatten().collect();
    for pair in all.windows(2) {
        assert!(pair[0].bottom() + 20 < pair[1].y, "{pair:?}");
    }
    assert!(
        all.iter().all(|area| area.x > 50 && area.right() + 30 < canvas.width() && area.bottom() < canvas.height())
    );
    let (right, bottom) = (canvas.width() - 1, canvas.height() - 1);
    let edge = (0..=right).flat_map(|x| [(x, 0), (x, 3), (x, bottom - 3), (x, bottom)]);
    let edge = edge.chain((0..=bottom).flat_map(|y| [(0, y), (3, y), (right - 3, y), (right, y)]));
    for (x, y) in edge {
        assert_eq!(canvas.get(x, y), WHITE, "something is clipped at {x}, {y}");
    }
}

#[test]
fn chains_with_their_burn_in_and_mean() {
    let figure = draw_chains("3C 273, Stokes I", &[plane("", 200, 30)]);
    if let Some(directory) = std::env::var_os("DECONV_KEEP") {
        std::fs::write(std::path::Path::new(&directory).join("chains.png"), figure.canvas.png().unwrap()).unwrap();
    }
    check_layout(&figure);
    assert_eq!(figure.panels[0].len(), 3);
    let trace = &plane("", 200, 30).traces[0];
    for area in &figure.panels[0] {
        let grey = area.x + (30.0 / 200.0 * area.width as f64) as usize;
        for (x, y) in places(area) {
            let colour = figure.canvas.get(x, y);
            assert!(colour != BURN_IN || x <= grey, "grey at {x}, {y}");
            assert!(colour != MEAN || x >= grey, "a mean at {x}, {y}");
        }
        let of = |colour| places(area).filter(|&(x, y)| figure.canvas.get(x, y) == colour).count();
        assert!(of(BURN_IN) > 2000 && of(MEAN) > 100 && of(LINE) > 200, "{} {} {}", of(BURN_IN), of(MEAN), of(LINE));
    }
    // The last draw lies where its value is in the range of those that count, with a margin.
    let kept = &trace.values[30..];
    let (low, high) = kept.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let margin = 0.3 * (high - low);
    let area = figure.panels[0][0];
    let part = (trace.values[199] - low + margin) / (high - low + 2.0 * margin);
    let (x, y) = (area.x as f64 + 199.5 / 200.0 * 640.0, (area.bottom() - 1) as f64 - part * 118.0);
    assert_eq!(figure.canvas.get(x as usize, y as usize), LINE);
    // The first six draws come from beyond the panel: nothing is drawn of them.
    assert!(trace.values[..6].iter().all(|value| *value > high + margin));
    let early = |&(x, _): &(usize, usize)| (x as f64) < area.x as f64 + 5.0 / 200.0 * 640.0;
    assert!(places(&area).filter(early).all(|(x, y)| figure.canvas.get(x, y) != LINE));
}

#[test]
fn odd_chains() {
    let mut cases: Vec<Traces> = [0, 1, 2, 7, 3000].into_iter().map(|count| plane("plane", count, 5)).collect();
    let constant: [fn(usize) -> f64; 5] =
        [|_| 0.0, |_| 3.0, |_| f64::NAN, |draw| if draw == 4 { f64::INFINITY } else { 1e-9 * draw as f64 }, |_| -1e30];
    for value in constant {
        let mut plane = plane("plane", 12, 0);
        plane.traces.iter_mut().for_each(|trace| {
            trace.values = (0..12).map(value).collect();
            trace.mean = value(0);
        });
        cases.push(plane);
    }
    for case in &cases {
        check_layout(&draw_chains(
            "A title that is long enough to be wrapped where a figure is narrow",
            std::slice::from_ref(case),
        ));
    }
    let figure = draw_chains("All", &cases[..4]);
    check_layout(&figure);
    assert_eq!(figure.panels.len(), 4);
    assert_eq!(figure.canvas, draw_chains("All", &cases[..4]).canvas);
}

#[test]
fn numbers_with_decimals() {
    let labels = |low: f64, high: f64| -> Vec<String> {
        let ticks = Notation::Number.ticks(100.0, |at| Some(low + at / 100.0 * (high - low)), 4, |_| true).unwrap();
        ticks.into_iter().map(|tick| tick.label).collect()
    };
    assert_eq!(labels(0.0, 1.0), ["0.0", "0.5", "1.0"]);
    assert_eq!(labels(-0.0013, 0.0021), ["-0.001", "0.000", "0.001", "0.002"]);
    assert_eq!(labels(21.3, 47.9), ["30", "40"]);
}
