"""How near the truth the program comes. All bars are of skies of gen_synth.py."""

import sys

from . import figures
from .bars import Bar

# rms of model * beam + residual - truth of textbook CLEAN after 10,000 iterations on gen_synth.py's skies, in µJy/beam.
TEXTBOOK = {(1024, 1): 43.58, (1024, 2): 45.47}
TEXTBOOK_ITERATIONS = 10_000
OF_TEXTBOOK = 1.01

DEEP_ITERATIONS = 40_000
SIZES = {"clark": (1024, 2048), "multiscale": (1024,)}

# Figure, name, unit in that of the figure, bar, is it a least.
DEEP = {
    "clark": (
        ("beyond_noise_rms", "error beyond the noise, rms, µJy", 1e-6, 2.0, False),
        ("fid_model_rms", "model ⊛ beam − truth, rms, µJy", 1e-6, 9.0, False),
    ),
    "multiscale": (
        ("flux_share", "part of the true flux, %", 1e-2, 99.0, True),
        ("res_rms", "residual rms, µJy", 1e-6, 12.0, False),
        ("beyond_noise_rms", "error beyond the noise, rms, µJy", 1e-6, 2.0, False),
        ("fid_model_rms", "model ⊛ beam − truth, rms, µJy", 1e-6, 6.0, False),
        ("negative_share", "negative model flux, %", 1e-2, 6.0, False),
    ),
}


def fidelity(bench, sizes):
    """Against textbook CLEAN with psf.fits, and deep with the PSF that holds every sidelobe. A smoke run is not deep."""
    for size in sizes:
        for seed in bench.settings.seeds:
            if bench.settings.quick or size in SIZES["clark"]:
                yield against_textbook(bench, size, seed)
            for method, its_sizes in SIZES.items():
                if not bench.settings.quick and size in its_sizes:
                    yield from deep(bench, method, size, seed)


def after(bench, method, sky, niter, psf):
    print(f"# deconv {method}: {sky.size}², seed {sky.seed}, {psf}, {niter} iterations", file=sys.stderr)
    program = bench.ours(method)
    program.run(sky, niter, psf=psf)
    return figures.of(sky, *program.products())


def against_textbook(bench, size, seed):
    sky = bench.skies.get(size, seed, gen_synth=True)
    niter = bench.settings.niter if bench.settings.quick else TEXTBOOK_ITERATIONS
    textbook = TEXTBOOK.get((size, seed)) if sky.by_gen_synth and niter == TEXTBOOK_ITERATIONS else None
    if textbook is None:
        textbook = 1e6 * after(bench, "hogbom", sky, niter, "psf.fits")["fid_rms"]
    ours = 1e6 * after(bench, "clark", sky, niter, "psf.fits")["fid_rms"]
    what, note = f"clark, psf.fits, {niter} iterations", f"{OF_TEXTBOOK} × textbook {textbook:.2f}"
    return Bar("fidelity", what, size, seed, "fidelity rms, µJy", ours, OF_TEXTBOOK * textbook, note=note)


def deep(bench, method, size, seed):
    what = f"{method}, psf2n.fits, {DEEP_ITERATIONS} iterations"
    known = bench.ours(method).is_known()
    note = "" if known else f"the program has no --method {method}"
    sky = bench.skies.get(size, seed, gen_synth=True) if known else None
    found = after(bench, method, sky, DEEP_ITERATIONS, "psf2n.fits") if known else None
    for key, name, unit, asked, at_least in DEEP[method]:
        measured = found[key] / unit if found else None
        yield Bar("fidelity", what, size, seed, name, measured, asked, at_least, note=note)
