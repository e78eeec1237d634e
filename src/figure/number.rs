//! Numbers for people.

/// A number with so many significant digits, without an exponent where that is short.
pub fn decimal(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".into() } else { value.to_string() };
    }
    // Rounding may add a digit: 9.99 becomes 10.0.
    let scientific = format!("{:.*e}", (digits - 1).max(0) as usize, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        exponent @ -4..=5 => format!("{:.*}", (digits - 1 - exponent).max(0) as usize, value),
        exponent => format!("{mantissa}e{exponent}"),
    }
}

/// For a unit in Jy: the factor and the unit that make a size a handy number. Other units stay.
pub fn prefix(size: f64, unit: &str) -> (f64, String) {
    let steps = [(0.1, 1.0, ""), (1e-4, 1e3, "m"), (1e-7, 1e6, "\u{b5}")];
    let step = steps.iter().find(|step| size.abs() >= step.0).or(steps.last());
    match step {
        Some((_, factor, letter)) if unit.starts_with("Jy") && size != 0.0 => (*factor, format!("{letter}{unit}")),
        _ => (1.0, unit.to_string()),
    }
}

/// A value with its unit, to three digits.
pub fn quantity(value: f64, unit: &str) -> String {
    let (factor, unit) = prefix(value, unit);
    format!("{} {unit}", decimal(value * factor, 3)).trim_end().to_string()
}
