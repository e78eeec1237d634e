"""Whole processes against whole processes: time, memory, and what they reach."""

import statistics
import sys
from dataclasses import dataclass, field

from . import figures
from .bars import Bar

ITERATIONS = 10_000

# The program's tasks, those for files apart, may take this many times the bare transforms that are needed.
TASKS_PER_LIMIT = 1.6
SIZES_OF_LIMIT = (2048, 4096)

# What the products may be off dirty - PSF * model, in Jy/beam: rounding.
EXACT = 1e-8


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two programs, the sizes they are compared at, and the ratios that are asked for at some of them (theirs / ours)."""

    ours: str
    peer: str
    case: str
    sizes: tuple
    cpu: dict
    wall: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)


NAMES = {"radler": "Radler", "casa": "CASA"}

COMPARISONS = (
    Comparison("clark", "radler", "generic-mg80", (1024, 2048, 4096), {2048: 5, 4096: 8}, {2048: 8, 4096: 8}, {4096: 2}),
    Comparison("clark", "casa", "hogbom", (1024, 2048), {2048: 80}),
    Comparison("multiscale", "radler", "multiscale-mg80", (1024, 2048), {2048: 5}),
)


@dataclass(frozen=True)
class Side:
    """A program's runs and what the last of them reached."""

    name: str
    beside: str
    threads: int
    runs: list
    reached: dict

    def median(self, what):
        values = [getattr(run, what) if hasattr(run, what) else run.said.get(what) for run in self.runs]
        return None if None in values else statistics.median(values)

    def tasks_s(self):
        """At most so much processor time did tasks without files take, on one thread: their seconds of the clock, or all of the
        process's where others held the processor."""
        at_most = [None if run.said["kernels_s"] is None else min(run.said["kernels_s"], run.cpu_s) for run in self.runs]
        return None if None in at_most else statistics.median(at_most)


class Bench:
    """Measurements, each made once."""

    def __init__(self, settings, skies, ours, theirs, bare):
        self.settings, self.skies, self.ours, self.theirs, self.bare = settings, skies, ours, theirs, bare
        self.done = {}

    def pair(self, comparison, size, seed, threads):
        """Both sides, run in turn. Their side is none if the peer is left out."""
        key = (comparison, size, seed, threads)
        if key not in self.done:
            ours = self.ours(comparison.ours)
            theirs = self.theirs(comparison) if comparison.peer in self.settings.peers else None
            programs = [program for program in (ours, theirs) if program]
            print(f"# {' and '.join(p.name for p in programs)}: {size}², seed {seed}, threads {threads}", file=sys.stderr)
            self.done[key] = self.measure(programs, self.skies.get(size, seed), threads)
        return self.done[key]

    def measure(self, programs, sky, threads):
        runs = {program: [] for program in programs}
        for _ in range(self.settings.reps):
            for program in programs:
                runs[program].append(program.run(sky, self.settings.niter, threads))
        names = [program.name for program in programs]
        besides = names[::-1] if len(names) == 2 else [""]
        sides = [Side(program.name, beside, threads, runs[program], reached(sky, program))
                 for program, beside in zip(programs, besides)]
        return sides if len(sides) == 2 else [*sides, None]

    def sides(self):
        """Everything measured: (comparison, size, seed, side)."""
        return [(*key[:3], side) for key, sides in self.done.items() for side in sides if side]


def reached(sky, program):
    model, residual = program.products()
    found = figures.of(sky, model, residual)
    found["exact_rms"], found["off_exact_rms"] = figures.exact_residual(sky, model, residual)
    return found


def limit(bench, side):
    """Processor seconds of the transforms that cannot be left out: one forward and one inverse of the padded size for every
    refresh, the forward one of the PSF and the inverse one of the restored image."""
    said = side.runs[-1].said
    both_ways = bench.bare.both_ways(said["padded"])
    return None if both_ways is None else (said["refreshes"] + 1) * both_ways


def comparisons(bench, sizes):
    """Those that are wanted, with their sizes and seeds. Sizes below all of a comparison's are for trying. A method of ours is
    measured once where peers are left out."""
    alone = set()
    for comparison in COMPARISONS:
        if comparison.peer not in bench.settings.peers:
            if comparison.ours in alone:
                continue
            alone.add(comparison.ours)
        for size in sizes:
            if size in comparison.sizes or size < min(comparison.sizes):
                for seed in bench.settings.seeds:
                    yield comparison, size, seed


def ratio(bench, comparison, size, seed, figure, asked):
    """The bar of a ratio. Bars are about 10,000 iterations."""
    label, unit, what, threads, scale = FIGURES[figure]
    asked = asked.get(size) if bench.settings.niter == ITERATIONS else None
    base = dict(section="speed" if figure != "memory" else "memory", size=size, seed=seed, figure=label, at_least=True)
    base["what"] = f"{NAMES[comparison.peer]} {comparison.case} / deconv {comparison.ours}"
    if not bench.ours(comparison.ours).is_known():
        return Bar(**base, asked=asked, measured=None, note=f"the program has no --method {comparison.ours}")
    ours, theirs = bench.pair(comparison, size, seed, threads)
    mine = ours.median(what) / scale
    base["ours"] = f"{mine:.3g} {unit}"
    least = limit(bench, ours) if figure != "memory" else None
    if least is not None:
        base["limit"] = f"{least / threads:.3g} {unit}"
    if theirs is None:
        return Bar(**base, asked=asked, measured=None, note=f"without {NAMES[comparison.peer]}")
    their = theirs.median(what) / scale
    short = [f"{side.name} made {side.median('iterations'):.0f} iterations" for side in (ours, theirs)
             if side.median("iterations") < bench.settings.niter]
    return Bar(**base, asked=asked, measured=their / mine, theirs=f"{their:.3g} {unit}", note="; ".join(short))


# Name, unit, attribute of a run, threads of both sides, the unit in that of the attribute.
FIGURES = {
    "cpu": ("CPU time, 1 thread", "s", "cpu_s", 1, 1.0),
    "wall": ("wall time, 2 threads", "s", "wall_s", 2, 1.0),
    "memory": ("peak memory, 2 threads", "MB", "peak_bytes", 2, 1e6),
}


def speed(bench, sizes):
    for comparison, size, seed in comparisons(bench, sizes):
        yield ratio(bench, comparison, size, seed, "cpu", comparison.cpu)
        if comparison.wall:
            yield ratio(bench, comparison, size, seed, "wall", comparison.wall)
    yield from near_limit(bench)
    yield from exact(bench)


def memory(bench, sizes):
    for comparison, size, seed in comparisons(bench, sizes):
        if comparison.memory:
            yield ratio(bench, comparison, size, seed, "memory", comparison.memory)


def near_limit(bench):
    """The time of clark's tasks beside the limit, of the runs on one thread."""
    seen = set()
    for comparison, size, seed, side in bench.sides():
        if comparison.ours != "clark" or not side.name.startswith("deconv") or side.threads != 1 or (size, seed) in seen:
            continue
        seen.add((size, seed))
        least, tasks = limit(bench, side), side.tasks_s()
        base = dict(section="limit", what="deconv clark", size=size, seed=seed, figure="tasks without files / limit")
        asked = TASKS_PER_LIMIT if size in SIZES_OF_LIMIT and bench.settings.niter == ITERATIONS else None
        if least is None or tasks is None:
            why = "the program's summary has no times of kernels" if tasks is None else bench.bare.why
            yield Bar(**base, measured=None, asked=asked, note=why)
        else:
            refreshes = side.median("refreshes")
            padded = side.runs[-1].said["padded"][0]
            note = f"process {side.median('cpu_s') / least:.2f}; {refreshes:.0f} refreshes, {size}² padded to {padded}²"
            yield Bar(**base, measured=tasks / least, asked=asked, ours=f"{tasks:.3g} s", limit=f"{least:.3g} s", note=note)


def exact(bench):
    """Is our residual dirty - PSF * model?"""
    seen = set()
    for _, size, seed, side in bench.sides():
        if not side.name.startswith("deconv") or (side.name, size, seed) in seen:
            continue
        seen.add((side.name, size, seed))
        off = side.reached["off_exact_rms"]
        yield Bar("exactness", side.name, size, seed, "residual - (dirty - PSF ⊛ model), rms, µJy", 1e6 * off, 1e6 * EXACT)
