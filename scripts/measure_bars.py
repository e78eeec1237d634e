#!/usr/bin/env python3
"""Every bar that is asked of this program, measured again: what was asked beside what was measured.

Sections: tests (bars that tests hold), fft and scheduler (benches), runs (real data, what an iteration and what checkpoints cost),
large (planes larger than memory; 32768² where there are 64 GiB of disk), peers (beside CASA and Radler), wiener (the Wiener family),
clone (scripts/test on a clean clone of what is committed). All take about two hours; a quiet machine is best. Tests and benches are
always those of this directory; FFTW (Debian's libfftw3-single3) has to be installed to be compared with.

The tables go between the two markers in benches/RESULTS.md, all figures as bars.json to --output. A section that is not measured in
this call keeps what bars.json has of it, with the commit of then. Data, and a Python environment where this one lacks something, are
made under --work at the first call. Exit status: 0 all bars that were measured are met, 1 one is missed or a program failed, 2 wrong
usage. The variable DECONV names another program than that of this directory, which is built first.
"""

import argparse
import os
import subprocess
import sys
import time
from types import SimpleNamespace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bars import results, rows  # noqa: E402
from peers import build, environment, report  # noqa: E402
from peers.words import numbers, words  # noqa: E402

SECTIONS = ("tests", "fft", "scheduler", "runs", "large", "peers", "wiener", "clone")

# scripts/test tries these in ways of their own, or is one.
NOT_QUICK = ("peers", "wiener", "clone")

MODULES = ["numpy", "scipy"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=words(SECTIONS), default=SECTIONS, metavar="SECTION,...", help=", ".join(SECTIONS))
    parser.add_argument("--reps", type=int, metavar="COUNT", help="runs of each program in peers and wiener (theirs)")
    parser.add_argument("--seeds", type=numbers, default=(1, 2), metavar="SEED,...",
                        help="seeds of the skies (1,2)")
    home = os.path.join(build.TARGET, "bars")
    parser.add_argument("--work", default=home, help="data, environment (bars in the build directory)")
    parser.add_argument("--output", default=os.path.join(home, "report"), metavar="DIR",
                        help="where bars.json and the comparisons' reports are (bars/report in the build directory)")
    parser.add_argument("--quick", action="store_true",
                        help=f"a smoke run on small planes without {', '.join(NOT_QUICK)}: no bars on time, nothing goes into RESULTS.md")
    settings = parser.parse_args()
    settings.work, settings.output = map(os.path.abspath, (settings.work, settings.output))
    if settings.quick:
        settings.only = tuple(name for name in settings.only if name not in NOT_QUICK)
        settings.seeds, settings.output = (1,), os.path.join(settings.work, "report-quick")
    return settings


def bench_of(settings):
    """What the sections measure with. Modules that need NumPy are imported here, when it is there."""
    from peers import data
    from wiener.program import Deconv

    place = os.path.join(settings.work, "bars")
    program = build.program(place)
    return SimpleNamespace(
        settings=settings, program=program, skies=data.Skies(settings.work, program, only_simulate=settings.quick),
        deconv=Deconv(program, os.path.join(place, "out")))


def measure(bench, name):
    """The rows of a section, each said as it comes. Where something fails that no bar is about, so much was measured."""
    from bars import benches, clone, held, large, reports, runs

    sections = {"tests": held.tests, "fft": benches.fft, "scheduler": benches.scheduler, "runs": runs.runs, "large": large.large,
                "peers": reports.peers, "wiener": reports.wiener, "clone": clone.clone}
    found = []
    try:
        for row in sections[name](bench):
            print(row.bar.line(), flush=True)
            found.append(row)
    except (OSError, subprocess.CalledProcessError) as error:
        found.append(rows.failed("engine", f"scripts/measure_bars.py --only {name}", str(error)))
        print(found[-1].bar.line(), flush=True)
    return found


def main():
    settings = arguments()
    environment.ensure(MODULES, os.path.join(settings.work, "venv"))
    bench, path = bench_of(settings), os.path.join(settings.output, "bars.json")
    known = {} if settings.quick else rows.load(path)
    measured = []
    for name in SECTIONS:
        if name not in settings.only:
            continue
        start, load = time.monotonic(), os.getloadavg()[0]
        found = measure(bench, name)
        known[name] = rows.now(found, time.monotonic() - start, bench.program, load)
        measured += found
        # After each: what was measured until then is not lost.
        rows.save(path, known)
        if not settings.quick:
            results.write(known, SECTIONS)
    print(f"{report.verdict([row.bar for row in measured])} The figures are in {path}.")
    return 1 if not measured or any(row.bar.is_failed() for row in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
