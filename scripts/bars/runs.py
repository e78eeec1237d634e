"""Bars of single runs of the program: real data, what an iteration costs, what checkpoints cost."""

import os

from peers.bars import Bar
from peers.build import ROOT
from wiener.program import attempt

from .rows import Row

COMMAND = "scripts/measure_bars.py --only runs"

# Seconds of the clock for real data, the whole process.
REAL = 2.0
SETS = ("vla-3c273", "vla-ngc5921", "meerkat-sim")
TO_FIVE_SIGMA = ("--nsigma", 5, "--png")

# Microseconds of a component at 4096².
ITERATION, ITERATIONS = 20.0, 10_000

# Checkpoints may take this part of a run, %.
CHECKPOINTS = 5.0

DEEP = ("--threshold", 0, "--nsigma", 0)


def runs(bench):
    for group, bar in (*real_data(bench), *iterations(bench), *checkpoints(bench)):
        yield Row(group, bar, COMMAND)


def asked(bench, bound):
    """A smoke run has no bars on time."""
    return None if bench.settings.quick else bound


def of_set(bench, name, method, options):
    path = os.path.join(ROOT, "data", name)
    return bench.deconv.run(f"{path}/dirty.fits", f"{path}/psf.fits", method, *options, threads=os.cpu_count())


def of_sky(bench, size, seed, method, *options, threads):
    sky = bench.skies.get(size, seed)
    return bench.deconv.run(f"{sky.path}/dirty.fits", f"{sky.path}/psf.fits", method, *options, threads=threads)


def real_data(bench):
    """All planes, reading and writing included."""
    jobs = [("engine", SETS[0], "clark", ())]
    jobs += [("clean", name, method, TO_FIVE_SIGMA) for name in SETS for method in ("clark", "multiscale")]
    for group, name, method, options in jobs:
        done, note = attempt(lambda: of_set(bench, name, method, options))
        what = f"{name}, {method}, {' '.join(map(str, options)) or 'the defaults'}"
        measured = float("nan") if note else done.wall_s
        if not note:
            planes = done.summary["planes"]
            note = f"planes: {len(planes)}, ended by {', '.join(sorted({plane['stop_reason'] for plane in planes}))}"
        yield group, Bar("runs", what, 0, 0, "wall time, s", measured, asked(bench, REAL), note=note)


def iterations(bench):
    """Minor cycles' time over the components that they found, and over those that were kept: each chunk finds some in its halo,
    and some more than all together may keep."""
    size = 256 if bench.settings.quick else 4096
    for seed in bench.settings.seeds:
        run = lambda: of_sky(bench, size, seed, "clark", "--niter", ITERATIONS, "--gain", 0.1, *DEEP, threads=1)
        done, note = attempt(run)
        for figure, names in (("µs of minor cycles, a component that is kept", ("iterations",)),
                              ("µs of minor cycles, a component that is found", ("iterations", "halo_iterations"))):
            measured, own = float("nan"), ""
            if not note:
                count = sum(done.summary["planes"][0][name] for name in names)
                spent = done.seconds_of("MinorCycle")
                measured, own = 1e6 * spent / count, f"{spent:.3g} s for {count}"
            yield "clean", Bar("runs", "clark, an iteration", size, seed, figure, measured, asked(bench, ITERATION), ours=own, note=note)


def checkpoints(bench):
    """Of runs that are long enough to write some."""
    size, deep, samples = (256, 1000, 20) if bench.settings.quick else (2048, 400_000, 400)
    for method, options in (("clark", ("--niter", deep, *DEEP)),
                            ("unsupervised-wiener", ("--boundary", "periodic", "--samples", samples))):
        done, note = attempt(lambda: of_sky(bench, size, 1, method, *options, threads=os.cpu_count()))
        measured = float("nan")
        if not note:
            wall, count = done.summary["wall_s"], done.summary["checkpoints"]
            measured, note = 100 * done.summary["checkpoint_s"] / wall, f"{count} in {wall:.3g} s"
            # A run without any tells nothing.
            measured = measured if count else None
        what = f"{method}, {' '.join(map(str, options))}"
        yield "memory", Bar("runs", what, size, 1, "part of the time for checkpoints, %", measured, asked(bench, CHECKPOINTS), note=note)
