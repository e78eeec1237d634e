"""Do intervals hold the truth as often as they should?"""

import os
import sys
from dataclasses import dataclass

import numpy as np
import scipy.fft as sf

from peers.bars import Bar

from . import reference
from .observations import around, beam_of, convolved, observation
from .program import attempt

# Standard deviations of an interval, per cent of pixels that it should hold, and how far off that may be.
INTERVALS = ((1.0, 68.0, 4.0), (1.96, 95.0, 2.0))

# Priors of the skies that are drawn, and the options with which the program has the same.
PRIORS = (("flat", ()), ("laplacian", ("--regularization", "laplacian")))

METHOD = "unsupervised-wiener"
UNCERTAINTIES = ("--model-uncertainty",)
PERIODIC = ("--boundary", "periodic")

# Of the sky where R is 1, Jy a pixel.
TAU = 1e-3

# Cells with less of the largest transfer function carry no data.
EMPTY = 1e-3

# Neither the noise nor the sky alone decides a cell where λR/s is between these.
BETWEEN = (0.05, 5.0)


@dataclass
class Held:
    """Counts over pixels, z being (truth − mean) / standard deviation."""

    pixels: int = 0
    within: tuple = (0,) * len(INTERVALS)
    squares: float = 0.0

    def add(self, truth, mean, deviation):
        z = np.abs(truth - mean) / deviation
        self.pixels += z.size
        self.within = tuple(count + int((z <= sigmas).sum()) for count, (sigmas, _, _) in zip(self.within, INTERVALS))
        self.squares += float(np.square(z, dtype=float).sum())

    def bars(self, what, size, seed, of, asked, note):
        """One for each interval: how far off the share of pixels is. Where nothing could be counted, no number."""
        for count, (sigmas, expected, room) in zip(self.within, INTERVALS):
            share = 100 * count / self.pixels if self.pixels else np.nan
            spread = (self.squares / self.pixels) ** 0.5 if self.pixels else np.nan
            own = f"{share:.2f} % of {self.pixels} pixels, rms of error / standard deviation {spread:.3f}"
            yield Bar("intervals", what, size, seed, f"{of}: ± {sigmas:g} σ held, points off {expected:g} %",
                      abs(share - expected), room if asked else None, ours=own, note=note)


def intervals(bench):
    quick = bench.settings.quick
    size = 128 if quick else 256
    for coverage in ("gen_synth.py", "disk"):
        s = transfer_function(bench, coverage, size)
        for prior, options in PRIORS:
            yield from drawn(bench, coverage, s, prior, options)
    size = 256 if quick else 512
    for seed in bench.settings.seeds:
        yield from synthetic(bench, bench.skies.get(size, seed), "psf2n.fits", ())
        yield from synthetic(bench, bench.skies.get(size, seed, periodic=True), "psf.fits", PERIODIC)


def transfer_function(bench, coverage, size):
    """Of a uv coverage, its mean 1 so that the PSF's peak is: gen_synth.py's, or a smooth one that has an end."""
    if coverage == "disk":
        ky, kx = reference.angles((size, size))
        s = np.exp(-(np.hypot(ky, kx) / (0.25 * np.pi)) ** 2)
    else:
        s = reference.transfer(bench.skies.get(size, 1, periodic=True).read("psf.fits").astype(float), (size, size)).real
    # Rounding of the PSF's pixels, or no data.
    s = np.where(s > EMPTY * s.max(), s, 0.0)
    return s / sf.irfft2(s, s=(size, size))[0, 0]


def balance_of(s, power):
    """A λ at which sky and noise both show: the median of s / R over the cells with data, and the share of those where neither
    decides alone."""
    ratio = (s / power)[s > 0]
    balance = float(np.median(ratio))
    there = balance / ratio
    return balance, float(((there > BETWEEN[0]) & (there < BETWEEN[1])).mean())


def by_chance(s, power, balance, count, beam):
    """Points by which the share within ± 1 σ of `count` skies may be off by chance (1 σ): errors of pixels are correlated, those of
    cells are not, and where few cells have most of the variance, few numbers decide. Of the sky, and of sky ⊛ beam."""
    size = s.shape[0]
    variance = np.where(s > 0, balance / (s + balance * power), 1 / power)
    of_one = np.full_like(s, 2.0)
    of_one[:, [0, -1]] = 1.0
    for seen in (variance, variance * reference.beam_spectrum(beam, (size, size)) ** 2):
        numbers = count * (of_one * seen).sum() ** 2 / (of_one * seen ** 2).sum()
        yield 100 * 2 * np.exp(-0.5) / np.sqrt(2 * np.pi) / np.sqrt(2 * numbers)


def draw(rng, s, power, sigma):
    """A sky from its prior, variance τ²/R in each cell, and its dirty image with noise of the covariance σ²A."""
    shape = (s.shape[0],) * 2
    sky = reference.filtered(rng.standard_normal(shape), TAU / np.sqrt(power))
    noise = reference.filtered(rng.standard_normal(shape), sigma * np.sqrt(s))
    return sky, reference.filtered(sky, s) + noise


def drawn(bench, coverage, s, prior, options):
    """Skies of one prior and one coverage."""
    size, count = s.shape[0], bench.settings.simulations
    power = reference.regularization(prior, (size, size)) + (0.0 if prior == "flat" else reference.FLOOR)
    balance, share = balance_of(s, power)
    sigma = TAU * balance ** 0.5
    psf = sf.fftshift(sf.irfft2(s, s=(size, size)))
    beam = beam_of(psf)
    print(f"# intervals: {count} skies of {size}², {prior} prior, coverage {coverage}", file=sys.stderr)
    of_sky, of_image, note = Held(), Held(), ""
    for seed in range(1, count + 1):
        rng = np.random.default_rng([seed, size, len(prior), len(coverage)])
        sky, dirty = draw(rng, s, power, sigma)
        path = observation(os.path.join(bench.settings.work, "drawn"), dirty, psf, beam)
        done, failure = attempt(lambda: bench.deconv.run(
            f"{path}/dirty.fits", f"{path}/psf.fits", METHOD, *PERIODIC, *UNCERTAINTIES, "--seed", seed, *options))
        if failure:
            of_sky, of_image, note = Held(), Held(), failure
            break
        count_held(of_sky, of_image, done, sky, lambda image: around(image, beam))
    what = f"{METHOD}, periodic, {count} skies drawn from a {prior} prior, coverage {coverage}"
    told = f"λR/s between {BETWEEN[0]} and {BETWEEN[1]} in {100 * share:.0f} % of the cells with data"
    chances = by_chance(s, power, balance, count, beam)
    for held, of, chance in zip((of_sky, of_image), ("sky", "sky ⊛ beam"), chances):
        yield from held.bars(what, size, 1, of, True, note or f"{told}; {chance:.1f} points by chance")


def count_held(of_sky, of_image, done, sky, convolve, restored=None):
    """The truth ⊛ beam is the sky's if no other is given."""
    model = done.product("model")
    of_sky.add(sky, model, done.product("model-uncertainty"))
    of_image.add(convolve(sky) if restored is None else restored, convolve(model), done.product("uncertainty"))


def synthetic(bench, sky, psf, options):
    """What they hold of gen_synth.py's sky, which no such prior has drawn: no bar."""
    print(f"# intervals: {sky.size}², seed {sky.seed}, {psf} {' '.join(options)}", file=sys.stderr)
    of_sky, of_image = Held(), Held()
    done, note = attempt(lambda: bench.deconv.run(f"{sky.path}/dirty.fits", f"{sky.path}/{psf}", METHOD, *options, *UNCERTAINTIES))
    if not note:
        count_held(of_sky, of_image, done, sky.read("sky.fits"), lambda model: convolved(sky, model),
                   sky.read("truth_restored.fits"))
    what = f"{METHOD}, {psf}, gen_synth.py's sky{', periodic' if sky.periodic else ''}"
    yield from of_sky.bars(what, sky.size, sky.seed, "sky", False, note)
    yield from of_image.bars(what, sky.size, sky.seed, "sky ⊛ beam", False, note)
