//! The inner loops of minor cycles, compiled for AVX2 too and chosen when they run: the program itself is built for any
//! x86-64, which is SSE2.
//!
//! Both versions have the same bits: a product is rounded before it is subtracted (no fused multiply-add), and a maximum
//! does not depend on its order.

use multiversion::multiversion;

/// Numbers side by side in the inner loops: two AVX2 registers of them, four of SSE2. More would be added up too slowly
/// at the end of a short row.
const LANES: usize = 16;

/// Subtracts `scale` times `psf` from the pixels, as many as the shorter of the two has; the highest absolute value that
/// is left there, as [`highest`] has it.
#[multiversion(targets("x86_64+avx2"))]
pub fn subtract_scaled(pixels: &mut [f32], psf: &[f32], scale: f32) -> f32 {
    let length = pixels.len().min(psf.len());
    let (body, rest) = pixels[..length].as_chunks_mut::<LANES>();
    let (half, rest) = rest.as_chunks_mut::<{ LANES / 2 }>();
    let (psf_body, psf_rest) = psf[..length].as_chunks::<LANES>();
    let (psf_half, psf_rest) = psf_rest.as_chunks::<{ LANES / 2 }>();
    let peak = subtract_chunks(body, psf_body, scale);
    let peak = higher(peak, subtract_chunks(half, psf_half, scale));
    higher(peak, subtract_chunks(rest.as_chunks_mut::<1>().0, psf_rest.as_chunks::<1>().0, scale))
}

/// The highest absolute value of some pixels, 0 if all are blank (NaN) or there are none.
#[multiversion(targets("x86_64+avx2"))]
pub fn highest(pixels: &[f32]) -> f32 {
    let (body, rest) = pixels.as_chunks::<LANES>();
    let (half, rest) = rest.as_chunks::<{ LANES / 2 }>();
    let peak = higher(highest_chunk(body), highest_chunk(half));
    higher(peak, highest_chunk(rest.as_chunks::<1>().0))
}

#[inline(always)]
fn subtract_chunks<const N: usize>(pixels: &mut [[f32; N]], psf: &[[f32; N]], scale: f32) -> f32 {
    let mut peaks = [0.0; N];
    for (pixels, psf) in pixels.iter_mut().zip(psf) {
        for lane in 0..N {
            pixels[lane] -= scale * psf[lane];
            peaks[lane] = higher(peaks[lane], pixels[lane]);
        }
    }
    highest_lane(peaks)
}

#[inline(always)]
fn highest_chunk<const N: usize>(pixels: &[[f32; N]]) -> f32 {
    let mut peaks = [0.0; N];
    for pixels in pixels {
        for lane in 0..N {
            peaks[lane] = higher(peaks[lane], pixels[lane]);
        }
    }
    highest_lane(peaks)
}

/// The highest of the lanes, by halves: one after the other they would wait for each other.
#[inline(always)]
fn highest_lane<const N: usize>(mut peaks: [f32; N]) -> f32 {
    let mut half = N / 2;
    while half > 0 {
        for lane in 0..half {
            peaks[lane] = higher(peaks[lane], peaks[lane + half]);
        }
        half /= 2;
    }
    peaks[0]
}

/// The absolute value of a pixel if it is above `peak`: never that of a blank one. One instruction, unlike `max`.
#[inline(always)]
pub fn higher(peak: f32, pixel: f32) -> f32 {
    if pixel.abs() > peak { pixel.abs() } else { peak }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drawn numbers with blanks and zeros of both signs among them.
    fn drawn(seed: u32, length: usize) -> Vec<f32> {
        let number = |i: usize| {
            let bits = (i as u32 + 1).wrapping_mul(2_654_435_761).wrapping_mul(2 * seed + 1);
            match bits >> 28 {
                0 => f32::NAN,
                1 => -0.0,
                _ => (bits % 20_011) as f32 / 7919.0 - 1.25,
            }
        };
        (0..length).map(number).collect()
    }

    #[test]
    fn whatever_the_length_it_is_what_one_pixel_after_the_other_gives() {
        for length in (0..70).chain([129, 1000]) {
            for (longer, scale) in [(0, 0.37), (5, -1.7), (0, 0.0), (1, f32::MIN_POSITIVE)] {
                let (before, psf) = (drawn(1, length), drawn(2, length + longer));
                let expected: Vec<f32> = before.iter().zip(&psf).map(|(pixel, psf)| pixel - scale * psf).collect();
                let peak = expected.iter().fold(0.0f32, |peak, pixel| peak.max(pixel.abs()));
                let mut pixels = before.clone();
                assert_eq!(subtract_scaled(&mut pixels, &psf, scale), peak, "{length}");
                let bits = |pixels: &[f32]| pixels.iter().map(|pixel| pixel.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&pixels), bits(&expected), "{length}");
                assert_eq!(highest(&pixels), peak, "{length}");
                let mut more = [pixels, vec![9.0; longer]].concat();
                subtract_scaled(&mut more, &psf[..length], scale);
                assert_eq!(more[length..], vec![9.0; longer], "{length}");
            }
        }
    }
}
