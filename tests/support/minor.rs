//! The minor cycle of CLEAN in words: the definition that kernels are held against.

use deconv::kernel::{Component, CycleEnd, MinorCycle, Signs};

/// What comes of a minor cycle.
#[derive(Debug, PartialEq)]
pub struct Naive {
    /// The components that are not given up, those of the halo too, in the pixels of the chunk.
    pub components: Vec<Component>,
    /// How many were found.
    pub found: usize,
    /// What the highest pixel counts at start and end.
    pub peaks: [f32; 2],
    /// Why it ended.
    pub end: CycleEnd,
}

/// Of the pixels and their weights the first that counts most, and what it counts.
fn highest(plane: &[f32], weight: &dyn Fn(usize) -> f32, signs: Signs) -> (usize, f32) {
    let (mut at, mut peak) = (0, 0.0f32);
    for (i, &value) in plane.iter().enumerate() {
        let score = (if signs == Signs::Positive { value } else { value.abs() }) * weight(i);
        if score > peak {
            (at, peak) = (i, score);
        }
    }
    (at, peak)
}

/// The highest score first, subtraction everywhere, which changes the plane; what was found after the lowest peak is given up if
/// it diverges.
pub fn naive(
    k: &MinorCycle,
    plane: &mut [f32],
    weight: &dyn Fn(usize) -> f32,
    psf: &dyn Fn(usize, usize) -> f32,
) -> Naive {
    let start = highest(plane, weight, k.signs).1;
    let mut components = vec![];
    let mut lowest = (start, 0);
    loop {
        let (at, peak) = highest(plane, weight, k.signs);
        if peak < lowest.0 {
            lowest = (peak, components.len());
        }
        let found = components.len();
        let ends = [
            (peak <= k.level, CycleEnd::LevelReached),
            (peak > k.divergence, CycleEnd::Diverged),
            (found == k.max_iterations as usize, CycleEnd::IterationsDone),
            (k.signs == Signs::UntilNegative && plane[at] < 0.0, CycleEnd::Negative),
        ];
        if let Some(&(_, end)) = ends.iter().find(|(holds, _)| *holds) {
            components.truncate(if end == CycleEnd::Diverged { lowest.1 } else { found });
            return Naive { components, found, peaks: [start, peak], end };
        }
        let (py, px) = (at / k.at.cols, at % k.at.cols);
        let flux = k.gain * plane[at];
        components.push(Component { y: py as u32, x: px as u32, scale: 0, flux });
        for (i, pixel) in plane.iter_mut().enumerate() {
            let (dy, dx) = ((i / k.at.cols) as i64 - py as i64, (i % k.at.cols) as i64 - px as i64);
            if k.psf.contains(dy, dx) {
                *pixel -= flux * psf((dy - k.psf.y0) as usize, (dx - k.psf.x0) as usize);
            }
        }
    }
}
