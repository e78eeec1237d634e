//! Kernels on a device against their definitions in f64 and against their twins in memory, and shaders without any device.
#![cfg(feature = "gpu")]

mod support;

use deconv::kernel::{Combine, Kernel};
use support::gpu::{gpu, run_one_on};
use support::{AWKWARD, noise, real, run_one};

/// The largest absolute difference of two chunks of pixels; infinite where one is blank and the other is not.
fn apart(a: &deconv::kernel::Payload, b: &deconv::kernel::Payload) -> f64 {
    assert_eq!(a.real().dim(), b.real().dim());
    let pairs = a.real().view().iter().copied().zip(b.real().view().iter().copied()).collect::<Vec<_>>();
    pairs.into_iter().fold(0.0, |most, (a, b)| match (a.is_nan(), b.is_nan()) {
        (false, false) => f64::from((a - b).abs()).max(most),
        (true, true) => most,
        _ => f64::INFINITY,
    })
}

#[test]
fn gpu_combine_is_a_weighted_sum() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in AWKWARD {
        let a = |y, x| if (y + x) % 5 == 3 { f32::NAN } else { noise(1, y * cols + x) };
        let b = |y, x| if (y * x) % 7 == 5 { f32::NAN } else { noise(2, y * cols + x) };
        let inputs = || vec![real(rows, cols, a), real(rows, cols, b)];
        let kernel: Kernel = Combine { rows, cols, left: -1.5, right: 0.75 }.into();
        let (there, here) = (run_one_on(&gpu, kernel.clone(), inputs()), run_one(kernel, inputs()));
        // One rounding more or less.
        assert!(apart(&there, &here) <= 1.2e-7 * 2.25);
        for ((y, x), &pixel) in there.real().view().indexed_iter() {
            let exact = -1.5 * f64::from(a(y, x)) + 0.75 * f64::from(b(y, x));
            let is_near = (f64::from(pixel) - exact).abs() <= 3e-7;
            assert!(if exact.is_nan() { pixel.is_nan() } else { is_near }, "{y} {x}");
        }
    }
}

#[test]
fn gpu_a_wrong_sum_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let inputs = || vec![real(7, 11, |y, x| noise(1, y * 11 + x)), real(7, 11, |y, x| noise(2, y * 11 + x))];
    let there = run_one_on(&gpu, Combine { rows: 7, cols: 11, left: 1.0, right: 1.0 }, inputs());
    let here = run_one(Combine { rows: 7, cols: 11, left: 1.0, right: 1.001 }, inputs());
    assert!(apart(&there, &here) > 1e-4);
}
