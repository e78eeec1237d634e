//! Where the stations of a telescope stand, and what it looks at.

use crate::kernel::Random;
use std::f64::consts::{PI, TAU};

/// An array of stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telescope {
    /// 64 stations, 70 % in a Gaussian core of 300 m, the others out to about 4 km: a dense core with wings. Places are
    /// drawn from the seed.
    Meerkat,
    /// 27 stations on three arms of 6.4 km, as the VLA in its configuration B: few cells, strong sidelobes.
    VlaB,
}

/// What a telescope is like when it observes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// TELESCOP of the headers.
    pub name: &'static str,
    /// Latitude, degrees.
    pub latitude: f64,
    /// Declination of the field, degrees.
    pub declination: f64,
    /// Lowest and highest frequency of the band, Hz; the samples are of channels between the two.
    pub band: (f64, f64),
    /// Width of a pixel that suits its longest baseline, arcsec.
    pub cell: f64,
}

impl Telescope {
    /// All there are.
    pub const ALL: [Telescope; 2] = [Telescope::Meerkat, Telescope::VlaB];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Telescope::Meerkat => "meerkat",
            Telescope::VlaB => "vla-b",
        }
    }

    /// Site, field and band.
    pub fn site(self) -> Site {
        match self {
            Telescope::Meerkat => {
                Site { name: "MeerKAT", latitude: -30.7, declination: -45.0, band: (0.9e9, 1.67e9), cell: 1.2 }
            }
            Telescope::VlaB => {
                Site { name: "VLA", latitude: 34.08, declination: 45.0, band: (1.0e9, 2.0e9), cell: 0.8 }
            }
        }
    }

    /// East and north of each station, metres.
    pub fn stations(self, seed: u64) -> Vec<(f64, f64)> {
        match self {
            Telescope::Meerkat => meerkat(&Random::new(seed, super::run::STATIONS)),
            Telescope::VlaB => vla(6400.0),
        }
    }
}

/// Metres between two stations at the least.
const CLOSEST: f64 = 25.0;

fn meerkat(random: &Random) -> Vec<(f64, f64)> {
    const STATIONS: u64 = 64;
    const CORE: u64 = 44;
    let core = (0..CORE).map(|i| {
        let (east, north) = random.normals(i);
        (300.0 * east, 300.0 * north)
    });
    // One after the other by the golden angle, so that the directions are even.
    let outer = (0..STATIONS - CORE).map(|i| {
        let draw = |k| random.uniform(2 * (CORE + i) + k);
        let (radius, angle) = (4000.0 * (0.02 + 0.98 * draw(0)).sqrt(), TAU * (i as f64 * 0.381_966 + 0.1 * draw(1)));
        (radius * angle.cos(), radius * angle.sin())
    });
    let mut stations: Vec<(f64, f64)> = core.chain(outer).collect();
    for attempt in 0..50 {
        let Some(crowded) = crowded(&stations) else { break };
        let (east, north) = random.normals(STATIONS + attempt);
        stations[crowded].0 += 30.0 * east;
        stations[crowded].1 += 30.0 * north;
    }
    stations
}

/// One of the closest pair of stations, if that is too close.
fn crowded(stations: &[(f64, f64)]) -> Option<usize> {
    let apart = |i: usize, j: usize| (stations[i].0 - stations[j].0).hypot(stations[i].1 - stations[j].1);
    let pairs = (0..stations.len()).flat_map(|i| (i + 1..stations.len()).map(move |j| (i, j)));
    let (i, j) = pairs.min_by(|&(i, j), &(k, l)| apart(i, j).total_cmp(&apart(k, l)))?;
    (apart(i, j) < CLOSEST).then_some(i)
}

/// Three arms of nine stations at distances that grow as a power (Thompson et al. 1980).
fn vla(arm: f64) -> Vec<(f64, f64)> {
    let station = |azimuth: f64, k: u32| {
        let (sin, cos) = (azimuth * PI / 180.0).sin_cos();
        let distance = arm * (f64::from(k) / 9.0).powf(1.716);
        (distance * sin, distance * cos)
    };
    [-5.0, 115.0, 235.0].iter().flat_map(|&azimuth| (1..=9).map(move |k| station(azimuth, k))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_keep_their_distance() {
        for seed in 0..50 {
            let stations = Telescope::Meerkat.stations(seed);
            assert_eq!((stations.len(), crowded(&stations)), (64, None));
            assert!(stations.iter().all(|(east, north)| east.hypot(*north) < 4100.0));
        }
        assert_eq!((Telescope::VlaB.stations(1).len(), crowded(&Telescope::VlaB.stations(1))), (27, None));
        assert_ne!(Telescope::Meerkat.stations(1), Telescope::Meerkat.stations(2));
    }
}
