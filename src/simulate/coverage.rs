//! The uv coverage: how many samples fall into each cell.

use super::telescope::Telescope;
use crate::array::Padding;
use crate::kernel::{UvCell, UvStrip};
use std::sync::Arc;

/// Speed of light, m/s.
const LIGHT: f64 = 299_792_458.0;

/// Steps of time of a track.
const TIMES: usize = 240;

/// Channels of the band.
const CHANNELS: usize = 16;

/// The sampled cells of the half of the uv plane that is stored, strip by strip, and what is summed over the whole plane.
///
/// It is a list of no more than twice the number of samples, far less than the plane.
#[derive(Debug)]
pub struct Coverage {
    padding: Padding,
    strips: Vec<Arc<[UvCell]>>,
    density: f64,
    /// Sum of the weights over the whole plane.
    pub weights: f64,
    /// Sum of the squared deviations of weighted samples over the whole plane.
    pub variance: f64,
    /// Number of cells of the whole plane that are sampled.
    pub filled: u64,
}

/// Baselines of a telescope as they turn with the earth.
pub struct Tracks {
    /// u and v of every baseline and time, metres.
    metres: Vec<(f64, f64)>,
    /// Wavelengths in a metre, for every channel.
    channels: Vec<f64>,
}

impl Tracks {
    /// From hour angle −`hours` to `hours`.
    pub fn new(telescope: Telescope, seed: u64, hours: f64) -> Tracks {
        let site = telescope.site();
        let (sin_lat, cos_lat) = site.latitude.to_radians().sin_cos();
        let (sin_dec, cos_dec) = site.declination.to_radians().sin_cos();
        let stations = telescope.stations(seed);
        let mut metres = Vec::with_capacity(stations.len() * stations.len() / 2 * TIMES);
        for time in 0..TIMES {
            let angle = hours * (2.0 * time as f64 / (TIMES - 1) as f64 - 1.0) * std::f64::consts::PI / 12.0;
            let (sin, cos) = angle.sin_cos();
            for (i, a) in stations.iter().enumerate() {
                for b in &stations[i + 1..] {
                    let (east, north) = (a.0 - b.0, a.1 - b.1);
                    let (x, y, z) = (-north * sin_lat, east, north * cos_lat);
                    let v = -sin_dec * cos * x + sin_dec * sin * y + cos_dec * z;
                    metres.push((sin * x + cos * y, v));
                }
            }
        }
        let (low, high) = site.band;
        let channel = |i: usize| (low + (high - low) * i as f64 / (CHANNELS - 1) as f64) / LIGHT;
        Tracks { metres, channels: (0..CHANNELS).map(channel).collect() }
    }

    /// The longest of them, wavelengths.
    pub fn longest(&self) -> f64 {
        let longest = self.metres.iter().map(|(u, v)| u.hypot(*v)).fold(0.0, f64::max);
        longest * self.channels.iter().copied().fold(0.0, f64::max)
    }

    /// Tells the cell (column, row) of every sample in the stored half of a plane of `size` × `size` cells of so many
    /// wavelengths; those in column 0 twice.
    fn cells(&self, size: usize, wavelengths: f64, mut tell: impl FnMut(usize, u32)) {
        let (end, size) = (size as i64 / 2, size as i64);
        for channel in &self.channels {
            let scale = channel / wavelengths;
            for (u, v) in &self.metres {
                let (column, row) = ((u * scale).round_ties_even() as i64, (v * scale).round_ties_even() as i64);
                if column.abs() >= end || row.abs() >= end {
                    continue;
                }
                let row = if column < 0 { -row } else { row };
                tell(column.unsigned_abs() as usize, row.rem_euclid(size) as u32);
                if column == 0 {
                    tell(0, (-row).rem_euclid(size) as u32);
                }
            }
        }
    }
}

impl Coverage {
    /// Samples counted in square cells of so many wavelengths, those of the spectrum of a square frame, with Briggs weights.
    pub fn new(tracks: &Tracks, padding: Padding, wavelengths: f64, robust: f64) -> Coverage {
        let columns = padding.cols / 2 + 1;
        let mut ends = vec![0usize; columns + 1];
        tracks.cells(padding.cols, wavelengths, |column, _| ends[column + 1] += 1);
        (0..columns).for_each(|column| ends[column + 1] += ends[column]);
        let mut places = ends.clone();
        let mut rows = vec![0u32; ends[columns]];
        tracks.cells(padding.cols, wavelengths, |column, row| {
            rows[places[column]] = row;
            places[column] += 1;
        });
        let strip = |first: usize| {
            let within = first..columns.min(first + padding.strip);
            within.flat_map(|column| counted(column, &mut rows[ends[column]..ends[column + 1]])).collect()
        };
        let strips = (0..columns).step_by(padding.strip).map(strip).collect();
        let mut coverage = Coverage { padding, strips, density: 0.0, weights: 0.0, variance: 0.0, filled: 0 };
        coverage.weigh(robust);
        coverage
    }

    fn weigh(&mut self, robust: f64) {
        let samples = self.sum(|cell| cell.count.into());
        let squares = self.sum(|cell| f64::from(cell.count).powi(2));
        self.density = (5.0 * 10f64.powf(-robust)).powi(2) * samples / squares;
        let density = self.density;
        self.weights = self.sum(|cell| cell.weight(density));
        self.variance = self.sum(|cell| cell.deviation(density).powi(2));
        self.filled = self.sum(|_| 1.0) as u64;
    }

    /// The sum of a function of the cells of the whole plane, cell by cell.
    fn sum(&self, of: impl Fn(&UvCell) -> f64) -> f64 {
        let twice = |cell: &UvCell| if cell.column == 0 { 1.0 } else { 2.0 };
        self.strips.iter().flat_map(|strip| strip.iter()).map(|cell| twice(cell) * of(cell)).sum()
    }

    /// The frame of the spectrum.
    pub fn padding(&self) -> Padding {
        self.padding
    }

    /// What is sampled of the strip that begins with a column.
    pub fn strip(&self, first_column: usize, columns: usize, length: usize) -> UvStrip {
        let cells = self.strips[first_column / self.padding.strip].clone();
        UvStrip { first_column, columns, length, cells, density: self.density }
    }
}

/// The cells of a column from the rows of all its samples.
fn counted(column: usize, rows: &mut [u32]) -> Vec<UvCell> {
    rows.sort_unstable();
    let cell = |run: &[u32]| UvCell { column: column as u32, row: run[0], count: run.len() as u32 };
    rows.chunk_by(|a, b| a == b).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_do_not_depend_on_strips_and_count_every_sample() {
        let tracks = Tracks::new(Telescope::VlaB, 1, 0.5);
        let wavelengths = 1000.0;
        let coverage =
            |strip| Coverage::new(&tracks, Padding { strip, ..Padding::exactly(128, 128) }, wavelengths, 0.0);
        let (one, many) = (coverage(65), coverage(7));
        let joined: Vec<UvCell> = many.strips.iter().flat_map(|strip| strip.iter().copied()).collect();
        assert_eq!(joined, one.strips[0].to_vec());
        assert_eq!((one.weights, one.variance), (many.weights, many.variance));
        let inside = |&(u, v): &(f64, f64), channel: &f64| {
            [u, v].iter().all(|w| (w * channel / wavelengths).round_ties_even().abs() < 64.0)
        };
        let seen = tracks.metres.iter().flat_map(|uv| tracks.channels.iter().map(move |channel| inside(uv, channel)));
        let seen = seen.filter(|seen| *seen).count();
        assert!(seen > 10_000 && one.sum(|cell| cell.count.into()) == 2.0 * seen as f64);
    }
}
