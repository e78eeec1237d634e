"""Bars of planes larger than memory: scripts/large."""

import os

from peers.bars import Bar

from . import children
from .rows import Row, replace

MIB = 2 ** 20

# The predicted peak may be so many per cent off where nothing is spilled.
OFF = 15.0

# A plane in little memory may take so many times as long as with all the memory that it wants.
SLOWER = {(16384, "2GiB"): 2.0}

# Calls of the script: sizes with their budgets. The largest has no run without a limit, and nothing to compare with.
CALLS = (
    ((4096, ("unlimited", "256MiB")), (8192, ("unlimited", "1GiB", "512MiB")), (16384, ("unlimited", "2GiB"))),
    ((32768, ("4GiB",)),),
)
SMALL = (((1024, ("unlimited", "32MiB")),),)


def large(bench):
    for sizes in SMALL if bench.settings.quick else CALLS:
        path = os.path.join(os.path.abspath(bench.settings.output), f"large-{sizes[0][0]}.jsonl")
        replace(path, "")
        words = [*(["--compare"] if len(sizes[0][1]) > 1 else []), *(f"{size}:{','.join(budgets)}" for size, budgets in sizes)]
        command = ["scripts/large", "--work", os.path.join(os.path.abspath(bench.settings.work), "large"), "--json", path, *words]
        ended = children.run(command, {"DECONV": bench.program})
        with open(path, encoding="utf-8") as file:
            found = children.Ended(0, file.read(), []).objects()
        for bar in bars(sizes, found, ended):
            yield Row("memory", bar, f"scripts/large {' '.join(words)}")


def bars(sizes, found, ended):
    """Of each run that was meant."""
    for size, budgets in sizes:
        for budget in budgets:
            run = next((run for run in found if (run["size"], run["budget"]) == (size, budget)), None)
            yield from of_run(size, budget, run) if run else lost(size, budget, ended)


def lost(size, budget, ended):
    """A run that failed reaches no bar; one that was left out, for want of disk or memory, was not measured."""
    fault = next((line for line in ended.said if line.startswith(f"FAULT: {size} in {budget}")), "")
    why = fault or next((line for line in ended.said if "left out" in line and str(size) in line), ended.reason())
    measured, asked = float("nan") if fault else None, 0.0
    yield Bar("large", f"clark in {budget}", size, 0, "ran to its end", measured, asked, note=why)


def of_run(size, budget, run):
    what = f"clark, 20,000 iterations, {'no limit' if budget == 'unlimited' else budget}"
    peak = run["peak_bytes"] / MIB
    refresh = run["plane_s"] / max(1, run["refreshes"])
    own = f"{run['wall_s']:.3g} s, {refresh:.3g} s a refresh; {run['read_bytes'] / 2 ** 30:.3g} GiB read, " \
          f"{run['written_bytes'] / 2 ** 30:.3g} GiB written, {100 * run['waiting_share']:.0f} % of the time waited for scratch"
    if budget != "unlimited":
        yield Bar("large", what, size, 0, "VmHWM, MiB", peak, mebibytes(budget), ours=own)
    if run["spilled_bytes"] == 0:
        off = 100 * abs(run["predicted_bytes"] / run["peak_bytes"] - 1)
        yield Bar("large", what, size, 0, "predicted peak off VmHWM, %", off, OFF, ours=f"VmHWM {peak:.0f} MiB")
    if run["differ"] is not None:
        yield Bar("large", what, size, 0, "products that are not those without a limit", float(run["differ"]), 0.0)
    if (size, budget) in SLOWER:
        unlimited = run["unlimited_wall_s"]
        slower, note = (run["wall_s"] / unlimited, "") if unlimited else (None, "too little memory for a run without a limit")
        yield Bar("large", what, size, 0, "wall time / without a limit", slower, SLOWER[size, budget], note=note)


def mebibytes(budget):
    return float(budget[:-3]) * {"MiB": 1, "GiB": 1024}[budget[-3:]]
