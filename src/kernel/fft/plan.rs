//! The plans of all lengths, made once and shared by all threads.

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// The planners keep every plan that they have made.
struct Planners {
    complex: FftPlanner<f32>,
    real: RealFftPlanner<f32>,
}

static PLANNERS: LazyLock<Mutex<Planners>> =
    LazyLock::new(|| Mutex::new(Planners { complex: FftPlanner::new(), real: RealFftPlanner::new() }));

fn planners() -> MutexGuard<'static, Planners> {
    PLANNERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The complex forward transform of `length` numbers.
pub fn forward(length: usize) -> Arc<dyn Fft<f32>> {
    planners().complex.plan_fft_forward(length)
}

/// The complex inverse transform of `length` numbers, unscaled.
pub fn inverse(length: usize) -> Arc<dyn Fft<f32>> {
    planners().complex.plan_fft_inverse(length)
}

/// The forward transform of `length` real numbers.
pub fn real_forward(length: usize) -> Arc<dyn RealToComplex<f32>> {
    planners().real.plan_fft_forward(length)
}

/// The inverse transform to `length` real numbers, unscaled.
pub fn real_inverse(length: usize) -> Arc<dyn ComplexToReal<f32>> {
    planners().real.plan_fft_inverse(length)
}
