#!/usr/bin/env python3
"""The Wiener family of deconv beside scikit-image, definitions in NumPy and the truth: asked and measured.

Parts: same (the same filter gives scikit-image's numbers), fidelity (model ⊛ beam − truth on skies of gen_synth.py; no knob beside the
best balance of a scan), intervals (how often they hold the truth of skies drawn from the prior), speed (processor time beside the
bare transforms and beside scikit-image's call), memory (8192² in 512 MiB gives the bits of 8 GiB; 3 GB of disk, only where --only
names it).

Data, and a Python environment where this one lacks something, are made under --work at the first call. The report, wiener.md and
wiener.json, goes to --output. Exit status: 0 all bars that were measured are met, 1 one is missed or a program failed, 2 wrong
usage. The variable DECONV names another program than that of this directory, which is built first.
"""

import argparse
import os
import subprocess
import sys
from types import SimpleNamespace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import build, environment  # noqa: E402
from peers.words import numbers, words  # noqa: E402

PARTS = ("same", "fidelity", "intervals", "speed", "memory")
USUAL = PARTS[:-1]
MODULES = ["numpy", "scipy", "skimage"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=words(PARTS), default=USUAL, metavar="PART,...", help=f"{', '.join(PARTS)} ({','.join(USUAL)})")
    parser.add_argument("--seeds", type=numbers, metavar="SEED,...", help="seeds of the skies (1,2)")
    parser.add_argument("--simulations", type=int, metavar="COUNT", help="skies drawn for intervals (50)")
    parser.add_argument("--reps", type=int, metavar="COUNT", help="runs of each program for speed (5)")
    parser.add_argument("--work", default=os.path.join(build.TARGET, "wiener"), help="data, environment (wiener in the build directory)")
    parser.add_argument("--output", metavar="DIR", help="where the report goes (report in the work directory)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of all parts: small planes, no bars on speed")
    settings = parser.parse_args()
    for name, usual, in_short in (("seeds", (1, 2), (1,)), ("simulations", 50, 4), ("reps", 5, 1)):
        if getattr(settings, name) is None:
            setattr(settings, name, in_short if settings.quick else usual)
    settings.output = settings.output or os.path.join(settings.work, "report")
    settings.only = PARTS if settings.quick and settings.only == USUAL else settings.only
    return settings


def bench_of(settings, program):
    """What the parts measure with. Modules that need NumPy are imported here, when it is there."""
    from peers import data, limit
    from wiener.program import Deconv

    return SimpleNamespace(
        settings=settings, skies=data.Skies(settings.work, program), bare=limit.BareTransforms(not settings.quick),
        deconv=Deconv(program, os.path.join(settings.work, "out")))


def measure(bench, bars):
    """Appends the bars of all parts, each said as it comes."""
    from wiener import fidelity, intervals, memory, same, speed

    parts = {"same": same.same, "fidelity": fidelity.fidelity, "intervals": intervals.intervals, "speed": speed.speed,
             "memory": memory.memory}
    for name in PARTS:
        for bar in parts[name](bench) if name in bench.settings.only else ():
            print(bar.line(), flush=True)
            bars.append(bar)


def form():
    from peers.report import Form

    titles = {"same": "scikit-image's numbers", "fidelity": "Fidelity", "intervals": "Intervals", "speed": "Speed", "memory": "Memory"}
    explained = {
        "same": "Largest absolute difference of the models over the largest of scikit-image's, which is computed in float64; the worst "
                "balance.",
        "intervals": "Pixels of the truth within the posterior mean ± so many posterior standard deviations, all skies together.",
        "speed": "One thread, medians. Tasks are those but files: by the clock, or the processor time of the process where that is less. What an "
                 "iteration or a sample takes is the difference of two runs over that of their counts.",
    }
    return Form("wiener", "The Wiener family", titles, explained, ratios=("speed",))


def main():
    settings = arguments()
    environment.ensure(MODULES, os.path.join(settings.work, "venv"))
    from peers import report

    load, bars, failed, program = os.getloadavg()[0], [], None, build.program(settings.work)
    bench = bench_of(settings, program)
    try:
        measure(bench, bars)
    except (subprocess.CalledProcessError, KeyboardInterrupt) as error:
        # What was measured until then is not lost.
        failed = str(error) or "interrupted"
    end = f"load average {load:.1f} at the begin, {os.getloadavg()[0]:.1f} at the end"
    about = [build.version(program), report.machine(), environment.versions(MODULES), end]
    report.write(settings.output, bars, [], about, form(), failed)
    print(f"{report.verdict(bars)} The report is in {settings.output}.")
    if failed or not bars:
        print(f"scripts/compare_wiener.py: {failed or 'nothing was measured'}", file=sys.stderr)
    return 1 if failed or not bars or any(bar.is_failed() for bar in bars) else 0


if __name__ == "__main__":
    sys.exit(main())
