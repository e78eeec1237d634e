//! The plans of all lengths, made once and shared by all threads.
//!
//! Every length has a planner of its own: rustfft may build a new plan on those that a planner already has, and the
//! last bits of a transform must not depend on which lengths were planned before it.

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Plans of one kind by length.
struct Plans<P: ?Sized>(Mutex<BTreeMap<usize, Arc<P>>>);

impl<P: ?Sized> Plans<P> {
    const fn new() -> Plans<P> {
        Plans(Mutex::new(BTreeMap::new()))
    }

    fn get(&self, length: usize, make: impl FnOnce() -> Arc<P>) -> Arc<P> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(plans.entry(length).or_insert_with(make))
    }
}

static FORWARD: Plans<dyn Fft<f32>> = Plans::new();
static INVERSE: Plans<dyn Fft<f32>> = Plans::new();
static REAL_FORWARD: Plans<dyn RealToComplex<f32>> = Plans::new();
static REAL_INVERSE: Plans<dyn ComplexToReal<f32>> = Plans::new();

/// The complex forward transform of `length` numbers.
pub fn forward(length: usize) -> Arc<dyn Fft<f32>> {
    FORWARD.get(length, || FftPlanner::new().plan_fft_forward(length))
}

/// The complex inverse transform of `length` numbers, unscaled.
pub fn inverse(length: usize) -> Arc<dyn Fft<f32>> {
    INVERSE.get(length, || FftPlanner::new().plan_fft_inverse(length))
}

/// The forward transform of `length` real numbers.
pub fn real_forward(length: usize) -> Arc<dyn RealToComplex<f32>> {
    REAL_FORWARD.get(length, || RealFftPlanner::new().plan_fft_forward(length))
}

/// The inverse transform to `length` real numbers, unscaled.
pub fn real_inverse(length: usize) -> Arc<dyn ComplexToReal<f32>> {
    REAL_INVERSE.get(length, || RealFftPlanner::new().plan_fft_inverse(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex32;

    #[test]
    fn the_bits_do_not_depend_on_what_was_planned_before() {
        let image = |length: usize| -> Vec<Complex32> {
            (0..length).map(|i| Complex32::new((i as f32 * 0.7).sin(), (i as f32 * 1.3).cos())).collect()
        };
        let lengths: Vec<usize> = (16..2048).step_by(16).map(crate::kernel::fft::fast_length).collect();
        for &length in &lengths {
            forward(length);
        }
        for length in lengths {
            let (mut ours, mut fresh) = (image(length), image(length));
            forward(length).process(&mut ours);
            FftPlanner::new().plan_fft_forward(length).process(&mut fresh);
            assert_eq!(ours, fresh, "{length}");
        }
    }
}
