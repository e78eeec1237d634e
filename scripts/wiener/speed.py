"""Processor time, on one thread, beside that of the transforms that cannot be left out and of scikit-image's call."""

import json
import os
import statistics
import sys

import numpy as np
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


def touch_memory():
    """A virtual machine may have given freed memory back to its host: to touch it again then costs several times what it costs
    on other machines, by chance in one run and not in the next."""
    np.ones(1 << 30, np.uint8)


def in_turn(bench, size, psf, method, ways, shape, beside=lambda: None):
    """Repetitions: runs of the program on one thread, one for each list of options, the seconds of a bare forward and inverse
    transform of this shape (none: not measured), and what is to be done beside. All of a repetition belong together, for the
    speed of a machine changes; the first is for caches."""
    sky = bench.skies.get(size, 1)
    files = f"{sky.path}/dirty.fits", f"{sky.path}/{psf}"
    print(f"# {method} {ways}: {size}², {psf}, 1 thread", file=sys.stderr)
    found = []
    for _ in range(bench.settings.reps + 1):
        done = []
        for options in ways:
            touch_memory()
            done.append(bench.deconv.run(*files, method, *options, threads=1))
        found.append((done, bench.bare.anew(shape(done[-1])), beside()))
    return found[1:]


def median(repetitions, of):
    return statistics.median(of(*repetition) for repetition in repetitions)


def asked(bench, bar):
    return None if bench.settings.quick else bar


def bar(bench, what, size, figure, repetitions, seconds, limit, bound, note=""):
    """The median of seconds over their limit, functions of a repetition; not measured where the limit is not."""
    base = dict(section="speed", what=what, size=size, seed=1, figure=figure, asked=asked(bench, bound), note=note)
    ours = f"{median(repetitions, seconds):.3g} s"
    if repetitions[0][1] is None:
        return Bar(**base, measured=None, ours=ours)
    ratio = median(repetitions, lambda *one: seconds(*one) / limit(*one))
    return Bar(**base, measured=ratio, ours=ours, limit=f"{median(repetitions, limit):.3g} s")


def failed(bench, what, size, figure, bound, note):
    return Bar("speed", what, size, 1, figure, float("nan"), asked(bench, bound), note=note)


def of_filter(bench, size, method, operator, bound):
    """All that a run does but files; and the filter alone beside scikit-image's call, which has to reach a bound."""
    what, figure = f"{method}, periodic", "tasks without files / 3 forward and 3 inverse bare transforms"
    theirs = lambda: time_skimage(bench, size, operator)
    options = [(*AROUND, *BALANCE)]
    found, note = attempt(lambda: in_turn(bench, size, "psf.fits", method, options, lambda _: (size, size), theirs))
    if note:
        yield failed(bench, what, size, figure, PERIODIC, note)
        return
    tasks, limit = lambda done, *_: done[0].tasks_s(), lambda _, ways, __: 3 * sum(ways)
    note = f"process {median(found, lambda done, *_: done[0].cpu_s):.3g} s; {bench.bare.why}".rstrip("; ")
    yield bar(bench, what, size, figure, found, tasks, limit, PERIODIC, note)
    alone = lambda done, *_: filter_alone(done[0])
    limit = f"{median(found, lambda _, ways, __: 2 * ways[0] + ways[1]):.3g} s" if found[0][1] else ""
    yield Bar("speed", f"skimage wiener ({operator}) in float32 / the filter of {method}, periodic", size, 1, "CPU time in memory",
              median(found, lambda done, _, theirs: theirs / filter_alone(done[0])), bound and asked(bench, bound), at_least=True,
              theirs=f"{median(found, lambda _, __, theirs: theirs):.3g} s", ours=f"{median(found, alone):.3g} s", limit=limit,
              note="ours: ⅔ of the forward transforms, ⅓ of the inverse ones, the filter")


def filter_alone(done):
    """The run transforms dirty image, PSF and model forward; model, residual and restored image back."""
    return 2 / 3 * done.seconds_of(*FORWARD) + done.seconds_of(*INVERSE) / 3 + done.seconds_of("Wiener")


def time_skimage(bench, size, operator):
    sky = bench.skies.get(size, 1)
    _, printed = launch([sys.executable, WORKER, sky.path, operator, "1"], 1)
    return json.loads(printed.splitlines()[-1])["cpu_s"]


def a_step(of):
    """Seconds a step of two runs of few and of many steps."""
    return lambda done, *_: (of(done[1]) - of(done[0])) / max(1, done[1].iterations() - done[0].iterations())


def iteration(bench, size, psf):
    """One of conjugate gradients, in the frame in which the convolution is linear, preconditioner included."""
    what, figure = f"wiener, linear, {psf}, an iteration", "tasks / 1 forward and 1 inverse bare transform of the frame"
    steps = [("--iterations", count, "--tolerance", 0, *BALANCE) for count in (5, 25)]
    frame = lambda done: tuple(done.summary["padded"][0])
    found, note = attempt(lambda: in_turn(bench, size, psf, "wiener", steps, frame))
    if note:
        yield failed(bench, what, size, figure, LINEAR, note)
        return
    seconds, limit = a_step(lambda run: run.tasks_s()), lambda _, ways, __: sum(ways)
    rows, cols = frame(found[0][0][-1])
    yield bar(bench, what, size, figure, found, seconds, limit, LINEAR, f"frame {rows} × {cols}")


def sample(bench, size):
    """One of a periodic chain, its random numbers apart."""
    what, figure = "unsupervised-wiener, periodic, a sample", "tasks but random numbers / 1 inverse bare transform"
    steps = [("--samples", count, *AROUND) for count in (20, 60)]
    found, note = attempt(
        lambda: in_turn(bench, size, "psf.fits", "unsupervised-wiener", steps, lambda _: (size, size)))
    if note:
        yield failed(bench, what, size, figure, SAMPLE, note)
        return
    seconds, limit = a_step(lambda run: run.tasks_s() - run.seconds_of(*RANDOM)), lambda _, ways, __: ways[1]
    random = median(found, a_step(lambda run: run.seconds_of(*RANDOM)))
    yield bar(bench, what, size, figure, found, seconds, limit, SAMPLE, f"random numbers {random:.3g} s")
