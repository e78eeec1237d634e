"""Definitions in f64 that the program is held against."""

import numpy as np
import scipy.fft as sf

# What is added to a regularisation under noise of natural weighting, so that no cell is without a prior.
FLOOR = 1e-3


def transfer(psf, frame):
    """The transfer function of a PSF whose peak is in its middle, pixel n // 2, wrapped into a frame that holds it."""
    held = np.zeros(frame)
    held[:psf.shape[0], :psf.shape[1]] = psf
    return sf.rfft2(np.roll(held, (-(psf.shape[0] // 2), -(psf.shape[1] // 2)), (0, 1)))


def angles(shape):
    """Angular frequencies of rows and columns, radians a pixel, on the half spectrum."""
    return 2 * np.pi * sf.fftfreq(shape[0])[:, None], 2 * np.pi * sf.rfftfreq(shape[1])[None]


def regularization(name, shape):
    """R, the inverse of a prior's power spectrum up to a factor. `laplacian` is the square of scikit-image's operator."""
    ky, kx = angles(shape)
    gradient = 4 - 2 * np.cos(ky) - 2 * np.cos(kx)
    return {"flat": np.ones_like(gradient), "gradient": gradient, "laplacian": gradient ** 2}[name]


def filtered(image, spectrum):
    """An image convolved around its edges."""
    return sf.irfft2(sf.rfft2(image) * spectrum, s=image.shape)


def beam_spectrum(meta, shape):
    """Of the restoring beam with a peak of 1: see peerlib.beam_convolve, which convolves linearly."""
    pixels = meta["cell_arcsec"] * 2 * np.sqrt(2 * np.log(2))
    major, minor, angle = meta["bmaj_arcsec"] / pixels, meta["bmin_arcsec"] / pixels, np.deg2rad(meta["bpa_deg"])
    ky, kx = angles(shape)
    along, across = ky * np.cos(angle) - kx * np.sin(angle), ky * np.sin(angle) + kx * np.cos(angle)
    return 2 * np.pi * major * minor * np.exp(-((major * along) ** 2 + (minor * across) ** 2) / 2)


def conjugate_gradients(dirty, psf, balance, iterations):
    """(A + balance) x = dirty, where A = crop · PSF · pad is the linear convolution seen through the image's frame, negative
    values of its transfer function set to zero. Stops early where A shows itself indefinite; also says after how many."""
    n, p = dirty.shape[0], psf.shape[0]
    reach = min(n - 1, p // 2)
    frame = sf.next_fast_len(n + reach, True)
    seen = slice(p // 2 - reach, p // 2 + min(n, p - p // 2))
    kernel, offsets = np.zeros((frame, frame)), np.arange(seen.start, seen.stop) - p // 2
    kernel[np.ix_(offsets % frame, offsets % frame)] = psf[seen, seen]
    spectrum = np.maximum(sf.rfft2(kernel).real, 0)
    x, rest = np.zeros_like(dirty), dirty.copy()
    towards, square = rest.copy(), np.vdot(rest, rest)
    for done in range(iterations):
        pushed = sf.irfft2(spectrum * sf.rfft2(towards, (frame, frame)), (frame, frame))[:n, :n] + balance * towards
        curvature = np.vdot(towards, pushed)
        if curvature <= 0:
            return x, done
        x += square / curvature * towards
        rest -= square / curvature * pushed
        before, square = square, np.vdot(rest, rest)
        towards = rest + square / before * towards
    return x, iterations
