"""Processor time, on one thread, beside that of the transforms that cannot be left out and of scikit-image's call."""

import json
import os
import statistics
import sys

from peers.bars import Bar
from peers.programs import launch

from .program import attempt

SIZES = (2048, 4096)

# Bars: times the bare transforms; times less than scikit-image.
PERIODIC, LINEAR, SAMPLE, FILTER = 1.3, 1.3, 1.5, 2.0

# Method, scikit-image's operator, and what is asked beside its call: its default, which makes the operator's transfer function too,
# has the bar. That of `ones` is made before the clock starts.
FILTERS = (("wiener", "ones", None), ("wiener-hunt", "laplacian", FILTER))

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "time_skimage.py")
AROUND = ("--boundary", "periodic")
BALANCE = ("--balance", "0.1")

# Kernels that make forward and inverse transforms, and those that draw random numbers.
FORWARD, INVERSE = ("RowForward", "ColumnForward"), ("RowInverse", "ColumnInverse")
RANDOM = ("PosteriorDraw",)


def speed(bench):
    """A smoke run measures no bare transforms, and has no bars."""
    for size in (512,) if bench.settings.quick else SIZES:
        for method, operator, bound in FILTERS:
            yield from of_filter(bench, size, method, operator, bound)
        yield from sample(bench, size)
    # A PSF of twice the size doubles the frame.
    size = 256 if bench.settings.quick else SIZES[0]
    for psf in ("psf.fits", "psf2n.fits"):
        yield from iteration(bench, size, psf)


def runs(bench, size, psf, method, *options):
    """Some runs on one thread, the first for the page cache."""
    print(f"# {method} {' '.join(map(str, options))}: {size}², {psf}, 1 thread", file=sys.stderr)
    sky = bench.skies.get(size, 1)
    files = f"{sky.path}/dirty.fits", f"{sky.path}/{psf}"
    return [bench.deconv.run(*files, method, *options, threads=1) for _ in range(bench.settings.reps + 1)][1:]


def median(done, of):
    return statistics.median(map(of, done))


def asked(bench, bar):
    return None if bench.settings.quick else bar


def bar(bench, what, size, figure, seconds, limit, bound, note=""):
    """Seconds beside a limit; not measured where the limit is not."""
    base = dict(section="speed", what=what, size=size, seed=1, figure=figure, asked=asked(bench, bound), note=note)
    if limit is None:
        return Bar(**base, measured=None, ours=f"{seconds:.3g} s")
    return Bar(**base, measured=seconds / limit, ours=f"{seconds:.3g} s", limit=f"{limit:.3g} s")


def failed(bench, what, size, figure, bound, note):
    return Bar("speed", what, size, 1, figure, float("nan"), asked(bench, bound), note=note)


def of_filter(bench, size, method, operator, bound):
    """All that a run does but files; and the filter alone beside scikit-image's call, which has to reach a bound."""
    what, figure = f"{method}, periodic", "tasks without files / 3 forward and 3 inverse bare transforms"
    done, note = attempt(lambda: runs(bench, size, "psf.fits", method, *AROUND, *BALANCE))
    if note:
        yield failed(bench, what, size, figure, PERIODIC, note)
        return
    ways = bench.bare.one_way_each((size, size))
    tasks = median(done, lambda run: run.tasks_s())
    note = f"process {median(done, lambda run: run.cpu_s):.3g} s; {bench.bare.why}".rstrip("; ")
    yield bar(bench, what, size, figure, tasks, ways and 3 * sum(ways), PERIODIC, note)
    alone, theirs = median(done, filter_alone), time_skimage(bench, size, operator)
    note = f"ours: ⅔ of the forward transforms, ⅓ of the inverse ones, the filter; all tasks {tasks:.3g} s"
    limit = ways and f"{2 * ways[0] + ways[1]:.3g} s" or ""
    yield Bar("speed", f"skimage wiener ({operator}) in float32 / the filter of {method}, periodic", size, 1, "CPU time in memory",
              theirs / alone, bound and asked(bench, bound), at_least=True, theirs=f"{theirs:.3g} s", ours=f"{alone:.3g} s",
              limit=limit, note=note)


def filter_alone(done):
    """The run transforms dirty image, PSF and model forward; model, residual and restored image back."""
    return 2 / 3 * done.seconds_of(*FORWARD) + done.seconds_of(*INVERSE) / 3 + done.seconds_of("Wiener")


def time_skimage(bench, size, operator):
    sky = bench.skies.get(size, 1)
    _, printed = launch([sys.executable, WORKER, sky.path, operator, str(bench.settings.reps)], 1)
    return json.loads(printed.splitlines()[-1])["cpu_s"]


def per_step(bench, size, psf, method, steps, options):
    """Two counts of iterations or samples: seconds a step of all tasks but files, the same of random numbers alone, and the last
    run."""
    few, many = (runs(bench, size, psf, method, *options, *words) for words in steps)
    count = many[-1].iterations() - few[-1].iterations()
    if count <= 0:
        return None
    difference = lambda of: (median(many, of) - median(few, of)) / count
    return difference(lambda run: run.tasks_s()), difference(lambda run: run.seconds_of(*RANDOM)), many[-1]


def iteration(bench, size, psf):
    """One of conjugate gradients, in the frame in which the convolution is linear."""
    what, figure = f"wiener, linear, {psf}, an iteration", "tasks / 1 forward and 1 inverse bare transform of the frame"
    steps = [("--iterations", count, "--tolerance", 0) for count in (5, 25)]
    found, note = attempt(lambda: per_step(bench, size, psf, "wiener", steps, BALANCE))
    if note or found is None:
        yield failed(bench, what, size, figure, LINEAR, note or "both runs made as many iterations")
        return
    seconds, _, last = found
    frame = last.summary["padded"][0]
    yield bar(bench, what, size, figure, seconds, bench.bare.both_ways(frame), LINEAR, f"frame {frame[0]} × {frame[1]}")


def sample(bench, size):
    """One of a periodic chain, its random numbers apart."""
    what, figure = "unsupervised-wiener, periodic, a sample", "tasks but random numbers / 1 inverse bare transform"
    steps = [("--samples", count) for count in (20, 60)]
    found, note = attempt(lambda: per_step(bench, size, "psf.fits", "unsupervised-wiener", steps, AROUND))
    if note or found is None:
        yield failed(bench, what, size, figure, SAMPLE, note or "both runs drew as many samples")
        return
    seconds, random, _ = found
    ways = bench.bare.one_way_each((size, size))
    yield bar(bench, what, size, figure, seconds - random, ways and ways[1], SAMPLE, f"random numbers {random:.3g} s")
