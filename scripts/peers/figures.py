"""Figures of merit of a model and its residual: those of peerlib.py, and some more."""

import numpy as np

from .data import peerlib


def rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def of(sky, model, residual):
    """Figures in the unit of the image: see `peerlib.metrics`. Beside them the error beyond the noise that was put in, the
    parts of the true flux and of negative flux in the model, and the residual dirty - PSF * model with psf.fits."""
    found = peerlib.metrics(sky.path, model, residual)
    restored = peerlib.beam_convolve(model, sky.meta())
    found["beyond_noise_rms"] = rms(restored + residual - sky.read("truth_restored.fits") - sky.read("noise.fits"))
    found["flux_share"] = found["model_flux"] / found["true_flux"]
    negative, total = model[model < 0].sum(dtype=float), np.abs(model).sum(dtype=float)
    found["negative_share"] = float(abs(negative) / total) if total else 0.0
    return found


def exact_residual(sky, model, residual):
    """rms of dirty - PSF * model, the convolution linear and the PSF psf.fits, and of what a residual differs from it."""
    exact = peerlib.residual_of(sky.path, model)
    return rms(exact - exact.mean()), rms(residual - exact)
