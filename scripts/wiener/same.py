"""The same filter gives scikit-image's numbers."""

import os
import sys

import numpy as np

from peers.bars import Bar
from peers.data import peerlib

from .observations import middle, observation
from .program import attempt

# The largest difference over the largest absolute value of the model.
ASKED = 1e-5

# λ is in units of |H|², which reaches some 1e5. Below 1e-3 it is less than f32 knows of cells without data, ours or theirs.
BALANCES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)

# Method, its options, and scikit-image's operator.
FILTERS = (
    ("wiener", (), "reg=ones"),
    ("wiener-hunt", ("--regularization", "laplacian"), "default, laplacian"),
)

# Image and PSF, rows and columns, cut out of planes of 256²: not square, odd, prime, a PSF smaller than the image.
AWKWARD = (((243, 250), (243, 250)), ((225, 251), (225, 251)), ((240, 180), (101, 64)))


def same(bench):
    """Of planes of two sizes, with data that are periodic and data that are not, and of awkward ones."""
    sizes = (128,) if bench.settings.quick else (256, 1024)
    for size in sizes:
        for periodic in (True, False):
            sky = bench.skies.get(size, 1, periodic)
            yield from of_files(bench, sky.path, (size, size), "periodic data" if periodic else "data with more around")
    for image, psf in AWKWARD:
        if bench.settings.quick:
            image, psf = (tuple(n // 2 for n in shape) for shape in (image, psf))
        path = cut(bench, bench.skies.get(min(sizes), 1, True), image, psf)
        yield from of_files(bench, path, image, f"cut to {image[0]} × {image[1]}, PSF {psf[0]} × {psf[1]}")


def cut(bench, sky, image, psf):
    """A directory with the middle of a dirty image and of its PSF, the PSF's peak at pixel n // 2."""
    path = os.path.join(bench.settings.work, "cut", "x".join(map(str, (sky.size, *image, *psf))))
    planes = (middle(sky.read(f"{name}.fits"), shape) for name, shape in (("dirty", image), ("psf", psf)))
    return observation(path, *planes, sky.meta())


def theirs(dirty, psf, balance, operator):
    """scikit-image's filter in the precision of the image. The operator of `reg=ones` is a transfer function, else it would be
    taken for an impulse response."""
    from skimage import restoration

    kind = np.result_type(dirty.dtype, np.complex64)
    reg = np.ones((dirty.shape[0], dirty.shape[1] // 2 + 1), kind) if operator == "reg=ones" else None
    return restoration.wiener(dirty, psf, balance, reg=reg, is_real=True, clip=False)


def of_files(bench, path, shape, what):
    dirty, psf = (peerlib.read_fits(os.path.join(path, f"{name}.fits"))[0] for name in ("dirty", "psf"))
    for method, options, operator in FILTERS:
        print(f"# {method}, periodic: {what}, {shape[0]} × {shape[1]}", file=sys.stderr)
        ours, rounding, failures = [], [], []
        for balance in BALANCES:
            expected = theirs(dirty.astype(float), psf.astype(float), balance, operator)
            run = lambda: bench.deconv.run(f"{path}/dirty.fits", f"{path}/psf.fits", method, "--boundary", "periodic",
                                           "--balance", balance, *options).product("model")
            model, failure = attempt(run)
            ours.append(off(model, expected))
            rounding.append(off(theirs(dirty, psf, balance, operator), expected))
            failures.append(failure)
        note = next(filter(None, failures), "")
        yield from bars(f"{method} and skimage wiener ({operator}), {what}", shape[0], ours, rounding, note)


def bars(what, size, ours, rounding, note):
    """The worst balance. Where scikit-image in float32 is itself further from its numbers in float64 than is asked, pixels in f32
    cannot tell: such balances are apart, and have no bar."""
    told = [figure <= ASKED for figure in rounding]
    for asked, figure in ((ASKED, "largest difference / peak"), (None, "the same, balances beyond float32")):
        those = [of for of, known in zip(zip(BALANCES, ours, rounding), told) if known == (asked is not None)]
        if those:
            own = "balance " + ", ".join(f"{balance:g}: {off:.1e}" for balance, off, _ in those)
            limit = f"skimage in float32 {max(off for _, _, off in those):.1e}"
            yield Bar("same", what, size, 1, figure, float(np.max([off for _, off, _ in those])), asked, ours=own, limit=limit, note=note)


def off(model, expected):
    """The largest difference over the largest absolute value that is expected."""
    return float(np.abs(model - expected).max() / np.abs(expected).max())
