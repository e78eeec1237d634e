//! The figure of what was measured.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::figure::canvas::{Canvas, WHITE};
use deconv::figure::plot::COLOURS;
use deconv::figure::{Curve, Lower, Mark, Plot, PlotPanel, draw_plot};

fn panel(name: &str, is_part: bool, values: &[&[f64]]) -> PlotPanel {
    let mark = |(i, &value): (usize, &f64)| {
        let at = 64.0 * 2f64.powi(i as i32);
        Mark { at, value, range: (0.9 * value, 1.1 * value) }
    };
    let curve =
        |(colour, values): (usize, &&[f64])| Curve { colour, marks: values.iter().enumerate().map(mark).collect() };
    let ticks = (0..4).map(|i| (64.0 * 2f64.powi(i), (64 << i).to_string())).collect();
    let lower = Lower { name: "Chunk (pixels a side)".into(), ticks };
    PlotPanel { name: name.into(), lower, is_part, curves: values.iter().enumerate().map(curve).collect() }
}

fn plot(panels: Vec<PlotPanel>, names: &[&str]) -> Plot {
    Plot {
        title: "deconv, 4096 x 4096".into(),
        caption: "2 cores".into(),
        names: names.iter().map(|name| (*name).to_string()).collect(),
        panels,
    }
}

/// The rows in which a colour is seen, for each column.
fn seen(canvas: &Canvas, colour: [u8; 3]) -> Vec<(usize, usize)> {
    let places = (0..canvas.width()).flat_map(|x| (0..canvas.height()).map(move |y| (x, y)));
    places.filter(|&(x, y)| canvas.get(x, y) == colour).collect()
}

#[test]
fn curves_lie_where_their_numbers_say() {
    let falling: &[f64] = &[8.0, 4.0, 2.0, 1.0];
    let canvas = draw_plot(&plot(vec![panel("Time (s)", false, &[falling])], &["clark"]));
    let marks = seen(&canvas, COLOURS[0]);
    // On two logarithmic axes halves for doubles are a straight line: the marks are squares of 7 pixels.
    let squares: Vec<&(usize, usize)> =
        marks.iter().filter(|&&(x, y)| (0..49).all(|i| marks.contains(&(x + i % 7, y + i / 7)))).collect();
    assert_eq!(squares.len(), 4, "{squares:?}");
    let (across, down): (Vec<i64>, Vec<i64>) = squares
        .windows(2)
        .map(|pair| (pair[1].0 as i64 - pair[0].0 as i64, pair[1].1 as i64 - pair[0].1 as i64))
        .unzip();
    assert!(across.iter().all(|step| (step - across[0]).abs() <= 1 && *step > 100), "{across:?}");
    assert!(down.iter().all(|step| (step - down[0]).abs() <= 1 && *step > 40), "{down:?}");
}

#[test]
fn nothing_is_clipped_and_odd_numbers_are_left_out() {
    let odd: &[f64] = &[f64::NAN, 0.0, 3.0, 5000.0];
    let names = ["clark, 1 thread, with a name that is rather long", "clark, 2 threads, with a name that is as long"];
    let panels = vec![
        panel("Time (s)", false, &[&[1.0; 4], odd]),
        panel("Share (%)", true, &[&[0.0, 0.5, 1.0, 0.2], &[]]),
        panel("Nothing", false, &[&[], &[]]),
    ];
    let canvas = draw_plot(&plot(panels, &names));
    if let Some(directory) = std::env::var_os("DECONV_KEEP") {
        std::fs::write(std::path::Path::new(&directory).join("plot.png"), canvas.png().unwrap()).unwrap();
    }
    let (right, bottom) = (canvas.width() - 1, canvas.height() - 1);
    for (x, y) in (0..=right).flat_map(|x| [(x, 0), (x, bottom)]).chain((0..=bottom).flat_map(|y| [(0, y), (right, y)]))
    {
        assert_eq!(canvas.get(x, y), WHITE, "{x} {y}");
    }
    // Two names, two marks each in the first panel at least.
    assert!(COLOURS[..2].iter().all(|colour| seen(&canvas, *colour).len() >= 3 * 24 + 2 * 49));
    assert!(seen(&canvas, COLOURS[2]).is_empty());
    let alone = draw_plot(&plot(vec![panel("Time (s)", false, &[&[1.0; 4]])], &["clark"]));
    assert!(alone.width() < canvas.width() && alone.height() < canvas.height());
    assert_eq!(draw_plot(&plot(Vec::new(), &[])).png().unwrap()[1..4], *b"PNG");
}
