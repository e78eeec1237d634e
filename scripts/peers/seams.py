"""Do chunks show? Chunked and unchunked runs that stop at the same level, beside a control."""

import sys

import numpy as np

from . import figures
from .bars import Bar

SIZE = 1024
CHUNKS = (64, 128, 256, 512)
NITER = 1_000_000

# Runs stop at so many times the noise.
SIGMAS = 5

# Asked: the difference that chunks make is at most this many times the control's, and near core borders this many times
# that elsewhere.
OF_CONTROL = OF_ELSEWHERE = 1.2


def near_borders(size, chunk, width):
    """Pixels at most `width` away from a border between the cores of two chunks."""
    borders = np.arange(chunk, size, chunk) - 0.5
    near = np.abs(np.arange(size)[:, None] - borders).min(axis=1) <= width
    return near[:, None] | near[None]


def seams(bench, sizes):
    """Of planes of one size; a smoke run's is its largest, and it does not ask about core borders."""
    wanted = max(sizes) if bench.settings.quick else SIZE
    for size in (size for size in sizes if size == wanted):
        for seed in bench.settings.seeds:
            yield from of_sky(bench, bench.skies.get(size, seed))


def of_sky(bench, sky):
    level = SIGMAS * sky.meta()["noise_rms"]
    whole = restored(bench, sky, level, sky.size, ())
    control = restored(bench, sky, level, sky.size, bench.settings.control) - whole
    for chunk in (chunk for chunk in CHUNKS if 2 * chunk <= sky.size):
        yield from bars(bench, sky, chunk, restored(bench, sky, level, chunk, ()) - whole, control)


def restored(bench, sky, level, chunk, options):
    """The restored image of a run that stops at a level, in f64. One that stops for another reason compares with nothing: its
    pixels are no numbers, and reach no bar."""
    print(f"# deconv clark: {sky.size}², seed {sky.seed}, chunk {chunk} {' '.join(options)}", file=sys.stderr)
    program = bench.ours("clark", ("--chunk", str(chunk), *options))
    reason = program.run(sky, NITER, psf="psf2n.fits", threshold=level).said["stop_reason"]
    if reason != "threshold":
        print(f"# it stopped by {reason}, not at the level", file=sys.stderr)
        return np.full((sky.size, sky.size), np.nan)
    return program.product("image").astype(float)


def bars(bench, sky, chunk, difference, control):
    allowed = figures.rms(control)
    what = f"clark, psf2n.fits, chunk {chunk} − unchunked, both to {SIGMAS} sigma"
    near = near_borders(sky.size, chunk, sky.beam_pixels())
    split = lambda image: (figures.rms(image[near]), figures.rms(image[~near]))
    at, elsewhere = split(difference)
    note = f"{OF_CONTROL} × control ({' '.join(bench.settings.control)}) {1e6 * allowed:.3f}"
    asked = 1e6 * OF_CONTROL * allowed
    total = 1e6 * figures.rms(difference)
    yield Bar("seams", what, sky.size, sky.seed, "difference of restored images, rms, µJy", total, asked, note=note)
    note = "; control ".join(f"{1e6 * a:.3f} and {1e6 * b:.3f} µJy" for a, b in (split(difference), split(control)))
    asked = None if bench.settings.quick else OF_ELSEWHERE
    figure = "the same within a beam of core borders / elsewhere"
    ratio = at / elsewhere if elsewhere else float("inf") if at else 1.0
    yield Bar("seams", what, sky.size, sky.seed, figure, ratio, asked, note=note)
