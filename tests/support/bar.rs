//! Figures that tests hold: `scripts/measure_bars.py` reads them beside what is asked.

/// Asserts that a figure is at most what is asked, and prints both as a line of JSON. Of all cases of a bar the worst one counts.
pub fn at_most(bar: &str, case: &str, measured: f64, asked: f64) {
    println!("{}", serde_json::json!({ "bar": bar, "case": case, "measured": measured, "asked": asked }));
    assert!(measured <= asked, "{bar}, {case}: {measured}, at most {asked} is asked");
}
