//! Numbers of region files: angles in degrees, in pieces of sixty, with units.

/// An angle written as three numbers: `12:30:05.5`, `12h30m5.5s`, `-3d30m5.5s`, `-03.47.27.1`. Hours become degrees where they
/// are marked as such, or where `hours` says that colons mean them.
pub fn sexagesimal(text: &str, hours: bool) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (parts, in_hours): (Vec<String>, bool) = if lower.contains(':') {
        (lower.split(':').map(String::from).collect(), hours)
    } else if lower.contains(['h', 'd']) && lower.contains('m') {
        let inner = lower.strip_suffix('s').unwrap_or(&lower).trim_end_matches('m');
        (inner.split(['h', 'd', 'm']).map(String::from).collect(), lower.contains('h'))
    } else if lower.matches('.').count() >= 2 {
        (lower.splitn(3, '.').map(String::from).collect(), false)
    } else {
        return None;
    };
    let number = |part: &String| part.parse::<f64>().ok().filter(|_| part.starts_with(|c: char| c.is_ascii_digit()));
    let parts: Vec<f64> = parts.iter().map(number).collect::<Option<_>>()?;
    if !(2..=3).contains(&parts.len()) || parts[1..].iter().any(|part| *part >= 60.0) {
        return None;
    }
    let degrees = parts.iter().rev().fold(0.0, |sum, part| sum / 60.0 + part) * if in_hours { 15.0 } else { 1.0 };
    Some(if negative { -degrees } else { degrees })
}

/// A number, which is finite.
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number before one of some units, and the factor of that unit.
pub fn with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    units.iter().find_map(|(unit, factor)| Some(number(lower.strip_suffix(unit)?.trim())? * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_in_sixties() {
        let close = |text: &str, hours: bool, degrees: f64| {
            let found = sexagesimal(text, hours).unwrap_or_else(|| panic!("{text}"));
            assert!((found - degrees).abs() < 1e-12 * degrees.abs().max(1.0), "{text}: {found}");
        };
        close("12:30:36", true, 187.65);
        close("12:30:36", false, 12.51);
        close("-00:30:36", false, -0.51);
        close("+02:19:43.29", false, 2.328_691_666_666_666_5);
        close("12h26m33.248s", false, 186.638_533_333_333_33);
        close("-3d30m18s", true, -3.505);
        close("-03.47.27.1", false, -3.790_861_111_111_111);
        close("5.30.0", true, 5.5);
        close("12:30", true, 187.5);
        for wrong in
            ["", "12", "1.5", "12:61:00", "12:-3:00", "1:2:3:4", "a:b:c", "12h", "1h2d3", "--1:2:3", "::", "nan:1:2"]
        {
            assert_eq!(sexagesimal(wrong, true), None, "{wrong}");
        }
    }
}
