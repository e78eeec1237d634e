//! When CLEAN stops: each reason by numbers alone, and each in a whole job.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Control, Cycle, Measured, Pace, Parameters, StopReason, Verdict};
use deconv::job::{Options, PlaneSummary};
use deconv::kernel::{Stats, mad_to_sigma};
use support::fits::Fits;
use support::job::{options, run};
use support::noise;
use support::oracle::{Beam, convolve};

const PARAMETERS: Parameters = Parameters { niter: 1000, nsigma: 0.0, ..Parameters::DEFAULT };

const PACE: Pace = Pace { depth: 0.2, iterations: 500, pixels_a_component: None };

/// A residual of 100 pixels with this peak, standard deviation and median absolute deviation.
fn measured(peak: f32, rms: f64, mad: f64) -> Measured {
    let stats = Stats { count: 100, peak, sum_squares: 100.0 * rms * rms, ..Stats::default() };
    Measured::of(stats, Some(mad_to_sigma(mad)))
}

/// The verdict on the last of some residuals (peak and standard deviation) of a CLEAN run that went on before it.
fn verdict(parameters: Parameters, residuals: &[(f32, f64)]) -> Verdict {
    let mut control = Control::new(parameters, PACE);
    let (last, before) = residuals.split_last().unwrap();
    for &(peak, rms) in before {
        let (verdict, _) = control.refreshed(&measured(peak, rms, 0.01));
        let Verdict::Clean(Cycle { iterations, .. }) = verdict else { panic!("stopped early: {verdict:?}") };
        control.cleaned(iterations.min(10), 0);
    }
    control.refreshed(&measured(last.0, last.1, 0.01)).0
}

#[test]
fn an_automatic_mask_comes_between_two_levels() {
    let parameters = Parameters { nsigma: 3.0, auto_mask: Some(5.0), ..PARAMETERS };
    let sigma = mad_to_sigma(0.01);
    let mut control = Control::new(parameters, PACE);
    let level = |verdict| match verdict {
        Verdict::Clean(cycle) => cycle.level,
        other => panic!("{other:?}"),
    };
    assert!(level(control.refreshed(&measured(0.08, 1.0, 0.01)).0) >= 5.0 * sigma * (1.0 - 1e-6));
    assert!(!control.is_inside());
    assert_eq!(control.refreshed(&measured(0.07, 0.9, 0.01)).0, Verdict::GoInside);
    assert!(control.is_inside());
    // What may be found now is less.
    let found = level(control.gone_inside(&measured(0.06, 0.9, 0.01)));
    assert!(found >= 3.0 * sigma * (1.0 - 1e-6) && found < 5.0 * sigma, "{found}");
    assert_eq!(control.progress().refreshes, 1);
    assert_eq!(control.refreshed(&measured(0.04, 0.8, 0.01)).0, Verdict::Stop(StopReason::Nsigma));
    // Nothing above the first level, or a threshold above it: no mask is made.
    let first = |parameters, peak| Control::new(parameters, PACE).refreshed(&measured(peak, 1.0, 0.01)).0;
    assert_eq!(first(parameters, 0.07), Verdict::Stop(StopReason::NothingToClean));
    let mut control = Control::new(Parameters { threshold: 0.2, ..parameters }, PACE);
    control.refreshed(&measured(0.5, 1.0, 0.01));
    assert_eq!(control.refreshed(&measured(0.1, 0.9, 0.01)).0, Verdict::Stop(StopReason::Threshold));
}

#[test]
fn stops_at_the_threshold() {
    let parameters = Parameters { threshold: 0.5, ..PARAMETERS };
    assert_eq!(verdict(parameters, &[(-2.0, 1.0), (-0.5, 0.4)]), Verdict::Stop(StopReason::Threshold));
    let above = verdict(parameters, &[(-2.0, 1.0), (-0.51, 0.4)]);
    assert!(matches!(above, Verdict::Clean(Cycle { level: 0.5, .. })), "{above:?}");
}

#[test]
fn stops_at_the_noise() {
    let parameters = Parameters { nsigma: 5.0, threshold: 0.01, ..PARAMETERS };
    let level = 5.0 * mad_to_sigma(0.01);
    assert!((level - 5.0 * 1.4826 * 0.01).abs() < 1e-5);
    assert_eq!(verdict(parameters, &[(2.0, 1.0), (level as f32 * 0.99, 0.4)]), Verdict::Stop(StopReason::Nsigma));
    assert!(matches!(verdict(parameters, &[(2.0, 1.0), (level as f32 * 1.01, 0.4)]), Verdict::Clean(_)));
}

#[test]
fn the_noise_never_grows() {
    let mut control = Control::new(Parameters { nsigma: 5.0, ..PARAMETERS }, PACE);
    control.refreshed(&measured(2.0, 1.0, 0.01));
    let level = control.progress().level;
    control.refreshed(&measured(1.0, 0.9, 0.1));
    assert_eq!(control.progress().level, level);
    // At ten times the noise it would stop here.
    assert!(matches!(control.refreshed(&measured(0.7, 0.8, 0.1)).0, Verdict::Clean(_)));
    control.refreshed(&measured(0.6, 0.7, 0.001));
    assert!((control.progress().level / level - 0.1).abs() < 1e-9);
}

#[test]
fn without_nsigma_the_noise_is_not_asked_for() {
    let unmeasured = |peak| Measured { sigma: None, ..measured(peak, f64::from(peak), 0.0) };
    let mut control = Control::new(Parameters { threshold: 0.5, ..PARAMETERS }, PACE);
    assert!(matches!(control.refreshed(&unmeasured(2.0)).0, Verdict::Clean(Cycle { level: 0.5, .. })));
    assert_eq!(control.progress().level, 0.5);
    assert_eq!(control.refreshed(&unmeasured(0.5)).0, Verdict::Stop(StopReason::Threshold));
}

#[test]
fn stops_after_niter_components() {
    let parameters = Parameters { niter: 30, ..PARAMETERS };
    let steps = [(2.0, 1.0), (1.9, 0.9), (1.8, 0.8), (1.7, 0.7)];
    assert_eq!(verdict(parameters, &steps), Verdict::Stop(StopReason::Niter));
    let last = verdict(parameters, &steps[..3]);
    assert!(matches!(last, Verdict::Clean(Cycle { iterations: 10, .. })), "{last:?}");
    assert_eq!(verdict(Parameters { niter: 0, ..PARAMETERS }, &[(2.0, 1.0)]), Verdict::Stop(StopReason::Niter));
}

#[test]
fn stops_where_nothing_gets_better() {
    let steps = [(2.0, 1.0), (1.0, 0.5), (1.0, 0.5), (1.0001, 0.501), (1.0, 0.5001)];
    assert_eq!(verdict(PARAMETERS, &steps), Verdict::TryAgain);
    assert_eq!(second_try(&steps, &steps[1..]), Verdict::RollBack(StopReason::Stalled));
    assert!(matches!(verdict(PARAMETERS, &steps[..4]), Verdict::Clean(_)));
    // A better peak alone is progress, as is a better rms.
    for better in [(0.9, 0.501), (1.1, 0.495)] {
        let steps = [&steps[..4], &[better], &steps[4..]].concat();
        assert!(matches!(verdict(PARAMETERS, &steps), Verdict::Clean(_)), "{better:?}");
    }
}

/// The verdict on the last of some residuals after the others were those of a first try that went wrong, and it was tried again
/// from the second of them.
fn second_try(first: &[(f32, f64)], then: &[(f32, f64)]) -> Verdict {
    let mut control = Control::new(PARAMETERS, PACE);
    let measured = |&(peak, rms): &(f32, f64)| measured(peak, rms, 0.01);
    let mut verdict = Verdict::TryAgain;
    first.iter().for_each(|residual| verdict = control.refreshed(&measured(residual)).0);
    assert_eq!(verdict, Verdict::TryAgain);
    let again = control.tries_again(&measured(&first[1]), 10);
    let Verdict::Clean(cycle) = again else { panic!("{again:?}") };
    assert!(cycle.gain < PARAMETERS.gain && cycle.level > PACE.depth * f64::from(first[1].0), "{cycle:?}");
    assert_eq!(control.progress().iterations, 10);
    then.iter().for_each(|residual| verdict = control.refreshed(&measured(residual)).0);
    verdict
}

#[test]
fn a_chunk_that_diverges_makes_all_careful_once() {
    let mut control = Control::new(PARAMETERS, PACE);
    control.refreshed(&measured(2.0, 1.0, 0.01));
    control.chunk_diverged();
    let (verdict, best) = control.refreshed(&measured(1.0, 0.8, 0.01));
    let Verdict::Clean(cycle) = verdict else { panic!("{verdict:?}") };
    assert!(best && cycle.gain < PARAMETERS.gain && cycle.level > PACE.depth, "{cycle:?}");
    // Once is forgiven, and forgotten until it happens again.
    assert!(matches!(control.refreshed(&measured(0.9, 0.7, 0.01)).0, Verdict::Clean(_)));
    control.chunk_diverged();
    assert_eq!(control.refreshed(&measured(0.8, 0.6, 0.01)).0, Verdict::RollBack(StopReason::Diverged));
}

#[test]
fn a_state_with_a_higher_peak_than_at_first_is_none_to_go_back_to() {
    let mut control = Control::new(PARAMETERS, PACE);
    assert!(control.refreshed(&measured(2.0, 1.0, 0.01)).1);
    assert!(!control.refreshed(&measured(-2.1, 0.9, 0.01)).1);
    assert!(control.refreshed(&measured(1.9, 0.8, 0.01)).1);
    // Where peaks are in units of a noise that has fallen, or inside a mask, those of the whole plane are to have grown too.
    let (whole, inside) = (measured(1.9, 0.7, 0.01), measured(2.2, 0.7, 0.01).search);
    assert!(control.refreshed(&Measured { search: inside, ..whole }).1);
}

#[test]
fn stops_when_there_is_no_time_left() {
    let mut control = Control::new(Parameters { threshold: 0.5, ..PARAMETERS }, PACE);
    control.refreshed(&measured(2.0, 1.0, 0.01));
    control.hurry();
    assert_eq!(control.refreshed(&measured(1.0, 0.8, 0.01)).0, Verdict::Stop(StopReason::TimeLimit));
    // What is done is done, time or not.
    let mut control = Control::new(Parameters { threshold: 0.5, ..PARAMETERS }, PACE);
    control.refreshed(&measured(2.0, 1.0, 0.01));
    control.hurry();
    assert_eq!(control.refreshed(&measured(0.4, 0.8, 0.01)).0, Verdict::Stop(StopReason::Threshold));
}

#[test]
fn stops_where_the_residual_grows() {
    let steps = [(2.0, 1.0), (1.0, 0.5), (1.0, 0.52)];
    assert_eq!(verdict(PARAMETERS, &steps), Verdict::TryAgain);
    assert_eq!(second_try(&steps, &steps[2..]), Verdict::RollBack(StopReason::Diverged));
    // Within a cycle the ceiling is one and a half times its first peak.
    let Verdict::Clean(Cycle { divergence, .. }) = verdict(PARAMETERS, &steps[..2]) else { panic!() };
    assert_eq!(divergence, 1.5);
}

#[test]
fn stops_before_it_begins() {
    let nothing = Verdict::Stop(StopReason::NothingToClean);
    assert_eq!(verdict(PARAMETERS, &[(0.0, 0.0)]), nothing);
    assert_eq!(verdict(Parameters { threshold: 3.0, ..PARAMETERS }, &[(-2.0, 1.0)]), nothing);
    assert_eq!(verdict(Parameters { nsigma: 500.0, ..PARAMETERS }, &[(2.0, 1.0)]), nothing);
    let blank = Measured::of(Stats::default(), Some(f64::NAN));
    assert_eq!(Control::new(Parameters { nsigma: 5.0, ..PARAMETERS }, PACE).refreshed(&blank).0, nothing);
}

const AXES: [(&str, usize); 2] = [("RA---SIN", 40), ("DEC--SIN", 32)];

/// The summary of a job on an image of two points, seen through a Gaussian PSF of this variance, and noise.
/// Pixels of the PSF are wrong by a part `distorted`, some up and some down.
fn summary(noise_level: f64, variance: f64, distorted: f64, change: impl Fn(&mut Options)) -> PlaneSummary {
    let directory = tempfile::tempdir().unwrap();
    let psf = Fits::new(&AXES, |_, y, x| {
        let (y, x) = (y as f64 - 16.0, x as f64 - 20.0);
        let sign = if y == 0.0 && x == 0.0 { 0.0 } else { (3.0 * x + 5.0 * y).cos().signum() };
        (-(y * y + x * x) / (2.0 * variance)).exp() * (1.0 + distorted * sign)
    });
    let mut sky = ndarray::Array2::zeros((32, 40));
    sky[[10, 12]] = 1.0;
    sky[[20, 25]] = -0.5;
    let dirty = convolve(&sky, &Beam::new(&psf.plane(0)));
    let dirty = Fits::new(&AXES, |_, y, x| dirty[[y, x]] + noise_level * f64::from(noise(3, 100 * y + x)));
    let (dirty, psf) = (dirty.write(directory.path().join("d.fits")), psf.write(directory.path().join("p.fits")));
    let mut options = options(dirty, psf, directory.path().join("out"));
    options.parameters.niter = 100_000;
    options.beam = Some(deconv::image::Beam { major: 3.0 / 3600.0, minor: 3.0 / 3600.0, pa: 0.0 });
    change(&mut options);
    run(&options).summary.planes.remove(0)
}

#[test]
fn jobs_stop_for_every_reason() {
    let threshold = summary(0.01, 1.5, 0.0, |options| options.parameters.threshold = 0.05);
    assert_eq!(threshold.stop_reason, StopReason::Threshold);
    assert!(threshold.peak_after <= 0.05 && threshold.peak_after > 0.03, "{threshold:?}");

    let nsigma = summary(0.01, 1.5, 0.0, |options| options.parameters.nsigma = 5.0);
    assert_eq!(nsigma.stop_reason, StopReason::Nsigma);
    // Noise that is even between -0.01 and 0.01 has a median absolute deviation of 0.005.
    assert!(nsigma.peak_after <= 5.0 * 1.4826 * 0.006, "{nsigma:?}");

    let niter = summary(0.01, 1.5, 0.0, |options| options.parameters.niter = 7);
    assert_eq!((niter.stop_reason, niter.iterations), (StopReason::Niter, 7));

    let none = summary(0.01, 1.5, 0.0, |options| options.parameters.niter = 0);
    assert_eq!((none.stop_reason, none.iterations, none.model_flux), (StopReason::Niter, 0, 0.0));

    let nothing = summary(0.01, 1.5, 0.0, |options| options.parameters.threshold = 2.0);
    assert_eq!((nothing.stop_reason, nothing.iterations), (StopReason::NothingToClean, 0));
    assert_eq!(nothing.peak_before, nothing.peak_after);

    // A PSF of a single pixel is cleaned down to what f32 can tell apart, and no further.
    let stalled = summary(0.0, 0.001, 0.0, |_| {});
    assert_eq!(stalled.stop_reason, StopReason::Stalled);
    assert!(stalled.peak_after < 1e-6 && (stalled.model_flux - 0.5).abs() < 1e-5, "{stalled:?}");

    // Noise that this PSF, which is none that an interferometer has, cannot have made.
    let diverged = summary(1.0, 1.0, 0.2, |_| {});
    assert_eq!(diverged.stop_reason, StopReason::Diverged);
    assert!(diverged.peak_after <= diverged.peak_before, "{diverged:?}");
}
