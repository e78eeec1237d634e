"""Bars of the comparisons, read from their reports."""

import dataclasses
import json
import os
import sys

from peers.bars import Bar
from peers.build import ROOT

from . import children
from .rows import Row, failed

# clark must at least not be slower than Radler in this row of the comparison, before it had to be faster.
NOT_SLOWER = ("Radler generic-mg80 / deconv clark", 2048, "CPU time, 1 thread")


def peers(bench):
    return comparison(bench, "peers", group_of_peers, ())


def wiener(bench):
    """All parts: 8192² in little memory is not among the usual ones."""
    parts = "same,fidelity,intervals,speed,memory"
    return comparison(bench, "wiener", lambda _: "wiener", ("--only", parts))


def group_of_peers(bar):
    """clark's depth at 1024² was asked before its speed."""
    return "files" if bar.section == "fidelity" and bar.what.startswith("clark") and bar.size == 1024 else "clean"


def comparison(bench, name, group, options):
    script = f"scripts/compare_{name}.py"
    output = os.path.join(bench.settings.output, name)
    path = os.path.join(output, f"{name}.json")
    if os.path.exists(path):
        os.remove(path)
    command = [sys.executable, os.path.join(ROOT, script), "--work", bench.settings.work, "--output", output, *options]
    command += ["--reps", str(bench.settings.reps)] if bench.settings.reps else []
    command += ["--seeds", ",".join(map(str, bench.settings.seeds))]
    ended = children.run(command, {"DECONV": bench.program})
    if not os.path.exists(path):
        yield failed(group_of_failure(name), script, ended.reason())
        return
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    yield from rows(found, script, group)
    if found["failed"]:
        yield failed(group_of_failure(name), script, found["failed"])


def group_of_failure(name):
    return "wiener" if name == "wiener" else "clean"


def rows(found, script, group):
    """Of a report: those that something is asked of, or that failed."""
    names = {field.name for field in dataclasses.fields(Bar)}
    for told in found["bars"]:
        bar = Bar(**{name: value for name, value in told.items() if name in names})
        # The near limit and exactness come with speed.
        section = {"limit": "speed", "exactness": "speed"}.get(bar.section, bar.section)
        if bar.asked is not None or bar.is_failed():
            yield Row(group(bar), bar, f"{script} --only {section}")
        if (bar.what, bar.size, bar.figure) == NOT_SLOWER:
            yield Row("files", dataclasses.replace(bar, asked=1.0), f"{script} --only {section}")
