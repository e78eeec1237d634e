//! Numbers of bytes as users write them.

/// `512MiB`, `4G`, `1.5GiB`, `800000000`: K, M, G and T with or without `iB` are powers of 1024, as with Slurm and PBS; with
/// `B` alone, powers of 1000.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| "must be a number of bytes, such as 512MiB or 4GiB".to_string())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b').filter(|p| p.is_empty())) {
        Some(prefix) => (prefix, 1024f64),
        None => unit.strip_suffix('b').map_or((unit.as_str(), 1024.0), |prefix| (prefix, 1000.0)),
    };
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(format!("{prefix}: the units are K, M, G and T, with or without iB or B")),
    };
    let bytes = number * base.powi(power);
    if bytes >= 1.0 && bytes < usize::MAX as f64 { Ok(bytes as usize) } else { Err("must be at least a byte".into()) }
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn sizes_are_read_as_batch_systems_do() {
        let sizes =
            [("512MiB", 512 << 20), ("4G", 4 << 30), ("4 GiB", 4 << 30), ("1.5k", 1536), ("2GB", 2_000_000_000)];
        for (text, bytes) in sizes.into_iter().chain([("800", 800), ("800B", 800), ("1TiB", 1 << 40)]) {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "-1G", "0", "4X", "4GiBs", "1e3", "nan"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
