//! What a chain of draws tells: means, standard deviations, and how many independent draws it is worth.

use serde::{Deserialize, Serialize};

/// The strengths of noise and sky in one draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Strengths {
    /// σ: standard deviation of the noise of a pixel, in the unit of the dirty image.
    pub sigma: f64,
    /// τ: standard deviation of the sky in the terms of the prior, in the unit of the dirty image per pixel.
    pub tau: f64,
}

impl Strengths {
    /// λ = σ² / τ².
    pub fn balance(&self) -> f64 {
        (self.sigma / self.tau).powi(2)
    }
}

/// The draws of a Gibbs sampler, in their order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Chain {
    /// All of them.
    pub draws: Vec<Strengths>,
    /// How many at the begin were on their way and do not count.
    pub burn_in: usize,
}

/// What a chain tells of one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// Draws that an independent one takes: the integrated autocorrelation time.
    pub autocorrelation: f64,
    /// As many independent draws would tell as much.
    pub effective: f64,
}

impl Chain {
    /// Those that count.
    pub fn kept(&self) -> &[Strengths] {
        &self.draws[self.burn_in.min(self.draws.len())..]
    }

    /// Do its last draws, so many, differ from as many before them by no more than they scatter, and a hundredth?
    pub fn has_settled(&self, window: usize) -> bool {
        let Some(first) = self.draws.len().checked_sub(2 * window) else { return false };
        let (before, after) = self.draws[first..].split_at(window);
        let moments = |draws: &[Strengths], of: fn(&Strengths) -> f64| {
            let estimate = Estimate::of(&draws.iter().map(|draw| of(draw).ln()).collect::<Vec<f64>>());
            (estimate.mean, estimate.std * estimate.std / window as f64)
        };
        let alike = |of: fn(&Strengths) -> f64| {
            let ((a, a_scatter), (b, b_scatter)) = (moments(before, of), moments(after, of));
            (a - b).abs() <= 2.0 * (a_scatter + b_scatter).sqrt() + 0.01
        };
        alike(|draw| draw.sigma) && alike(|draw| draw.tau)
    }

    /// What it tells of a function of the strengths.
    pub fn estimate(&self, of: impl Fn(&Strengths) -> f64) -> Estimate {
        Estimate::of(&self.kept().iter().map(of).collect::<Vec<f64>>())
    }

    /// As many independent draws would tell as much of σ and of τ, whichever is known less well.
    pub fn effective(&self) -> f64 {
        let of = |number: fn(&Strengths) -> f64| self.estimate(number).effective;
        of(|draw| draw.sigma).min(of(|draw| draw.tau))
    }
}

/// The sum of autocorrelations ends at so many times itself (Sokal 1997, "Monte Carlo methods in statistical mechanics", §3).
const WINDOW: f64 = 5.0;

impl Estimate {
    /// Of the numbers of a chain. One that never moves, as of a number that is given, is worth all of its draws.
    pub fn of(numbers: &[f64]) -> Estimate {
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count.max(1.0);
        let from_mean: Vec<f64> = numbers.iter().map(|number| number - mean).collect();
        let lagged = |lag: usize| from_mean.iter().zip(&from_mean[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let variance = lagged(0);
        if variance <= 0.0 {
            return Estimate { mean, std: 0.0, autocorrelation: 1.0, effective: count };
        }
        let mut time = 1.0;
        for lag in 1..numbers.len() {
            time += 2.0 * lagged(lag) / variance;
            if lag as f64 >= WINDOW * time {
                break;
            }
        }
        // Draws that alternate tell more than independent ones; that is not counted on.
        let autocorrelation = time.max(1.0);
        let std = (variance / (count - 1.0)).sqrt();
        Estimate { mean, std, autocorrelation, effective: count / autocorrelation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Random;

    /// A chain in which each number is so much of the last one and new: its time is (1 + ρ) / (1 − ρ).
    fn autoregressive(rho: f64, count: usize) -> Vec<f64> {
        let random = Random::new(7, 3);
        let mut last = 0.0;
        let step = |i: u64| {
            last = rho * last + (1.0 - rho * rho).sqrt() * random.normals(i).0;
            last + 5.0
        };
        (0..count as u64).map(step).collect()
    }

    #[test]
    fn the_time_of_an_autoregressive_chain() {
        for (rho, bound) in [(0.0, 0.1), (0.5, 0.1), (0.9, 0.2)] {
            let Estimate { mean, std, autocorrelation, effective } = Estimate::of(&autoregressive(rho, 50_000));
            let expected = (1.0 + rho) / (1.0 - rho);
            assert!((autocorrelation / expected - 1.0).abs() < bound, "{rho}: {autocorrelation}, not {expected}");
            assert!((effective * autocorrelation - 50_000.0).abs() < 1e-6);
            assert!((mean - 5.0).abs() < 0.1 && (std - 1.0).abs() < 0.05, "{mean} {std}");
        }
    }

    #[test]
    fn short_and_constant_chains() {
        let none = Estimate::of(&[]);
        assert_eq!((none.mean, none.std, none.effective), (0.0, 0.0, 0.0));
        let one = Estimate::of(&[3.0]);
        assert_eq!((one.mean, one.std, one.effective), (3.0, 0.0, 1.0));
        let fixed = Estimate::of(&[2.0; 9]);
        assert_eq!((fixed.mean, fixed.std, fixed.effective), (2.0, 0.0, 9.0));
        let slow: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(Estimate::of(&slow).effective < 10.0, "{:?}", Estimate::of(&slow));
        let swing: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
        assert_eq!(Estimate::of(&swing).effective, 40.0);
    }

    #[test]
    fn a_chain_settles_where_it_scatters_about_one_value() {
        let random = Random::new(3, 1);
        let draw = |i: u64| {
            let far = 3.0 * (-(i as f64) / 8.0).exp();
            Strengths { sigma: 2.0 * (far + 0.02 * random.normals(i).0).exp(), tau: 5.0 }
        };
        let chain = |draws: u64| Chain { draws: (0..draws).map(draw).collect(), burn_in: 0 };
        assert!([5, 9, 10, 20, 30].iter().all(|&draws| !chain(draws).has_settled(5)));
        assert!([70, 80, 90].iter().all(|&draws| chain(draws).has_settled(5)));
    }

    #[test]
    fn a_chain_counts_what_is_kept() {
        let draw = |i: usize| Strengths { sigma: if i < 5 { 100.0 } else { 2.0 + (i % 3) as f64 }, tau: 4.0 };
        let chain = Chain { draws: (0..35).map(draw).collect(), burn_in: 5 };
        assert_eq!(chain.kept().len(), 30);
        let sigma = chain.estimate(|draw| draw.sigma);
        assert!((sigma.mean - 3.0).abs() < 1e-12 && chain.effective() <= 30.0);
        assert!((chain.draws[5].balance() - (chain.draws[5].sigma / 4.0).powi(2)).abs() < 1e-15);
        assert_eq!(Chain { burn_in: 50, ..chain }.kept(), []);
    }
}
