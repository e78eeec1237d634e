//! The text of `deconv plan`.

use crate::error::{Bytes, Error, Result};
use crate::job::Forecast;

/// What a run will take, for people or for programs.
///
/// # Errors
/// Of kind `Internal`, if it cannot be written as JSON.
pub fn forecast_text(forecast: &Forecast, json: bool) -> Result<String> {
    if json {
        let text = serde_json::to_string_pretty(forecast);
        return text.map(|text| text + "\n").map_err(|e| Error::internal(format!("no forecast: {e}")));
    }
    let mut rows = vec![
        ("memory allowed", format!("{}", Bytes(forecast.memory_bytes as u64))),
        ("memory at its peak", format!("{}", Bytes(forecast.predicted_peak_bytes as u64))),
    ];
    if forecast.scratch_bytes > 0 {
        let traffic = (Bytes(forecast.cycle_read_bytes), Bytes(forecast.cycle_written_bytes));
        rows.extend([
            ("without scratch", format!("{}", Bytes(forecast.wanted_bytes as u64))),
            ("scratch", format!("{} in {}", Bytes(forecast.scratch_bytes), forecast.scratch_directory.display())),
            ("each cycle", format!("{} read, {} written", traffic.0, traffic.1)),
        ]);
    } else {
        rows.push(("scratch", "none".into()));
    }
    if let Some(device) = &forecast.device {
        rows.push(("on the device", format!("{} of {device}", Bytes(forecast.device_bytes as u64))));
    }
    rows.push(("products", format!("{}", Bytes(forecast.output_bytes))));
    let mut frames: Vec<String> = forecast.padded.iter().map(|[rows, cols]| format!("{rows} x {cols}")).collect();
    frames.dedup();
    rows.push(("padded frame", frames.join(", ")));
    Ok(rows.into_iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect())
}
