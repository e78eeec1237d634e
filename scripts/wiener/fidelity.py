"""How near the truth the program comes, and what knobs would have given."""

import sys

import numpy as np

from peers.bars import Bar

from . import observations, reference
from .program import attempt

FIGURE = "model ⊛ beam − truth, rms, µJy"
SIZE = 1024

# The PSF and the bar of `wiener` at its defaults.
DEFAULTS = (("psf2n.fits", 20.0), ("psf.fits", 72.0))

# Balances of a scan, half a decade apart.
SCAN = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0)

# `unsupervised-wiener` may be so many times the best of a scan.
OF_BEST = 1.1

# Conjugate gradients of the definition.
REFERENCE_BALANCE, REFERENCE_ITERATIONS = 0.01, 100


def fidelity(bench):
    """A smoke run's planes are small: bars in µJy are not held for them."""
    quick = bench.settings.quick
    size = 256 if quick else SIZE
    for seed in bench.settings.seeds:
        sky = bench.skies.get(size, seed)
        for psf, asked in DEFAULTS:
            yield from reached(bench, sky, psf, "wiener", (), asked=None if quick else asked)
            yield of_definition(sky, psf)
            yield from reached(bench, sky, psf, "wiener-hunt", ())
            yield from reached(bench, sky, psf, "huber", ())
        yield from unsupervised(bench, sky, "psf2n.fits", (), ((),))
        sky = bench.skies.get(size, seed, periodic=True)
        around = ("--boundary", "periodic")
        spectra = tuple((*around, "--noise-spectrum", spectrum) for spectrum in ("natural", "white"))
        yield from unsupervised(bench, sky, "psf.fits", around, spectra)
        yield from reached(bench, sky, "psf.fits", "unsupervised-wiener", (), on="periodic data")


def error(sky, model):
    """rms about its mean of model ⊛ beam − truth, µJy."""
    return 1e6 * float((observations.convolved(sky, model) - sky.read("truth_restored.fits")).std(dtype=float))


def run(bench, sky, psf, method, options):
    print(f"# {method} {' '.join(map(str, options))}: {sky.size}², seed {sky.seed}, {psf}", file=sys.stderr)
    done = bench.deconv.run(f"{sky.path}/dirty.fits", f"{sky.path}/{psf}", method, *options)
    return error(sky, done.product("model")), done


def reached(bench, sky, psf, method, options, asked=None, on=""):
    """One run's figure, with what it cost."""
    found, note = attempt(lambda: run(bench, sky, psf, method, options))
    measured, own = (found, "") if note else (found[0], f"{found[1].iterations()} iterations, {found[1].cpu_s:.2f} s CPU")
    what = ", ".join(word for word in (method, psf, on, " ".join(options) or "defaults") if word)
    yield Bar("fidelity", what, sky.size, sky.seed, FIGURE, measured, asked, ours=own, note=note)


def of_definition(sky, psf):
    """The same by conjugate gradients in NumPy."""
    dirty, kernel = sky.read("dirty.fits").astype(float), sky.read(psf).astype(float)
    model, iterations = reference.conjugate_gradients(dirty, kernel, REFERENCE_BALANCE, REFERENCE_ITERATIONS)
    what = f"conjugate gradients in NumPy, {psf}, balance {REFERENCE_BALANCE}, {iterations} iterations"
    note = "indefinite from there on" if iterations < REFERENCE_ITERATIONS else ""
    return Bar("fidelity", what, sky.size, sky.seed, FIGURE, error(sky, model), note=note)


def unsupervised(bench, sky, psf, options, scans):
    """Without a knob beside the best of all scans of `wiener`, each with options of its own."""
    on = "periodic data" if sky.periodic else ""
    for ours in reached(bench, sky, psf, "unsupervised-wiener", options, on=on):
        best, where, note = best_of(bench, sky, psf, scans)
        yield ours
        what = f"unsupervised-wiener / best balance of a scan, {psf}{', periodic data' if sky.periodic else ''}"
        yield Bar("fidelity", what, sky.size, sky.seed, "ratio of rms", ours.measured / best, None if bench.settings.quick else OF_BEST,
                  theirs=f"{best:.4g} µJy", ours=f"{ours.measured:.4g} µJy, best {best:.4g} µJy with {where}", note=ours.note or note)


def best_of(bench, sky, psf, scans):
    """The least figure of `wiener`, with which options it was reached, and what failed. A scan of which a run fails has no best."""
    least, where = np.inf, ""
    for scan in scans:
        for balance in SCAN[::3] if bench.settings.quick else SCAN:
            options = (*scan, "--balance", balance)
            found, note = attempt(lambda: run(bench, sky, psf, "wiener", options)[0])
            if note:
                return np.nan, "", note
            if found < least:
                least, where = found, " ".join(map(str, options))
    return least, where, ""
