#!/usr/bin/env python3
"""deconv beside CASA's `deconvolve` and Radler (WSClean's deconvolution as a library) on synthetic skies of known truth.

Whole processes run in turn in one call, so that ratios hold on a machine whose clock does not; a quiet machine is best all the
same. Data, and a Python environment with the peers from PyPI (about 1.5 GB), are made under --work at the first call. The
report, peers.md, peers.json and peers.png, goes to --output. Radler's `generic-mg80` and `multiscale-mg80` are what WSClean does
with -mgain 0.8.

Sections: speed and memory (ratios theirs / ours, beside the cost of the bare transforms), fidelity (what clark and multiscale
reach), seams (chunked against unchunked). Bars are held for 10,000 iterations at 1024² to 4096² alone. Exit status: 0 all bars
that were measured are met, 1 one is missed or a program failed, 2 wrong usage. The variable DECONV names another program than
that of this directory, which is built first.
"""

import argparse
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from peers import build, environment  # noqa: E402
from peers.words import numbers, words  # noqa: E402

SECTIONS = ("speed", "memory", "fidelity", "seams")
MEASURING = {"speed", "memory"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=words(SECTIONS), default=SECTIONS, metavar="SECTION,...", help=", ".join(SECTIONS))
    parser.add_argument("--peers", type=words(environment.PEERS), default=tuple(environment.PEERS), metavar="PEER,...",
                        help="radler, casa; an empty word measures deconv alone")
    parser.add_argument("--sizes", type=numbers, metavar="N,...", help="rows and columns of the planes (1024,2048,4096)")
    parser.add_argument("--seeds", type=numbers, metavar="SEED,...", help="seeds of the skies (1,2)")
    parser.add_argument("--reps", type=int, metavar="COUNT", help="runs of each program (3)")
    parser.add_argument("--niter", type=int, metavar="N", help="iterations of speed and memory (10000; bars hold for no other)")
    parser.add_argument("--control", type=shlex.split, default=["--gain", "0.09"], metavar="OPTIONS",
                        help="what the control of seams has otherwise (--gain 0.09)")
    parser.add_argument("--gen-synth", action="store_true", help="skies of gen_synth.py beyond 1024² too: 5 GB at 4096²")
    parser.add_argument("--no-limit", action="store_true", help="do not measure the bare transforms, which needs cargo")
    parser.add_argument("--work", default=os.path.join(build.TARGET, "peers"), help="data, environment (peers in the build directory)")
    parser.add_argument("--output", metavar="DIR", help="where the report goes (report in the work directory)")
    parser.add_argument("--quick", action="store_true", help="a smoke run: small planes, few iterations, no peers, no plot")
    return with_defaults(parser.parse_args())


def with_defaults(settings):
    quick = settings.quick
    if quick:
        settings.peers, settings.no_limit = (), True
    for name, usual, in_short in (("sizes", (1024, 2048, 4096), (256, 512)), ("seeds", (1, 2), (1,)), ("reps", 3, 1),
                                  ("niter", 10_000, 2000)):
        if getattr(settings, name) is None:
            setattr(settings, name, in_short if quick else usual)
    settings.output = settings.output or os.path.join(settings.work, "report")
    return settings


def modules(settings):
    """What the sections that were chosen need."""
    peers = [name for peer in settings.peers for name in environment.PEERS[peer]] if MEASURING & set(settings.only) else []
    return ["numpy", "scipy", *([] if settings.quick else ["matplotlib"]), *peers]


def bench(settings, deconv):
    """What measures. Modules that need NumPy are imported here, when it is there."""
    from peers import data, limit, programs, speed

    out = os.path.join(settings.work, "out")
    home = environment.casa_home(settings.work)
    skies = data.Skies(settings.work, deconv, only_gen_synth=settings.gen_synth, only_simulate=settings.quick)
    ours = lambda method, options=(): programs.Deconv(deconv, method, out, options)
    theirs = lambda comparison: (programs.Radler(comparison.case, out) if comparison.peer == "radler"
                                 else programs.Casa(comparison.case, out, home))
    return speed.Bench(settings, skies, ours, theirs, limit.BareTransforms(not settings.no_limit))


def measure(settings, measuring, bars):
    """Appends the bars of all sections, each said as it comes."""
    from peers import fidelity, seams, speed

    sections = {"speed": speed.speed, "memory": speed.memory, "fidelity": fidelity.fidelity, "seams": seams.seams}
    for name in SECTIONS:
        for bar in sections[name](measuring, settings.sizes) if name in settings.only else ():
            print(bar.line(), flush=True)
            bars.append(bar)


def about(settings, deconv, load):
    from peers import report

    end = f"load average {load:.1f} at the begin, {os.getloadavg()[0]:.1f} at the end"
    measured = f"{settings.niter} iterations, gain 0.1, threshold 0; {settings.reps} runs of each program, in turn"
    return [build.version(deconv), report.machine(), environment.versions(modules(settings)), end, measured]


def main():
    settings = arguments()
    environment.ensure(modules(settings), os.path.join(settings.work, "venv"))
    from peers import plot, programs, report

    load, bars, failed, deconv = os.getloadavg()[0], [], None, build.program(settings.work)
    measuring = bench(settings, deconv)
    try:
        measure(settings, measuring, bars)
    except (programs.Failed, subprocess.CalledProcessError, KeyboardInterrupt) as error:
        # What was measured until then is not lost.
        failed = str(error) or "interrupted"
    report.write(settings.output, bars, measuring.sides(), about(settings, deconv, load), failed=failed)
    if not settings.quick:
        plot.draw(settings.output, bars, measuring.sides())
    print(f"{report.verdict(bars)} The report is in {settings.output}.")
    if failed or not bars:
        print(f"scripts/compare_peers.py: {failed or 'nothing is measured at these sizes'}", file=sys.stderr)
    return 1 if failed or not bars or any(bar.verdict() == report.MISSED for bar in bars) else 0


if __name__ == "__main__":
    sys.exit(main())
