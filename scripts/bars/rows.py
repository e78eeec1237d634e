"""Bars with where they belong and what measures them, kept as JSON. Only the standard library is imported here."""

import datetime
import json
import os
import subprocess
from dataclasses import asdict, dataclass

from peers import build, report
from peers.bars import Bar

# What the bars are about, in the order of the tables.
GROUPS = {
    "engine": "Definitions, graph and transforms",
    "files": "Files from the wild, and `clark`",
    "memory": "Larger than memory, and resuming",
    "clean": "CLEAN: speed, depth and seams",
    "wiener": "The Wiener family",
}


@dataclass(frozen=True)
class Row:
    """A bar, its group, and the command that measures it."""

    group: str
    bar: Bar
    command: str


@dataclass(frozen=True)
class Measured:
    """What a section found, and where and when."""

    rows: list
    date: str
    commit: str
    machine: str
    seconds: float


def failed(group, command, reason):
    """The row of a command that did not measure what it should."""
    return Row(group, Bar("failed", command, 0, 0, "measured what it should", float("nan"), 0.0, note=one_line(reason)), command)


def one_line(text, most=200):
    """As a cell of a table takes it."""
    return " ".join(text.split()).replace("|", "/")[:most]


def commit():
    """That of the sources, with a word on what was changed since."""
    of_git = lambda *words: subprocess.run(["git", *words], cwd=build.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = of_git("rev-parse", "--short", "HEAD").stdout.strip() or "unknown"
    changed = of_git("diff", "--quiet", "HEAD", "--", ".", ":(exclude)benches/RESULTS.md").returncode
    return f"{found}, changed" if changed else found


def now(rows, seconds, program, load):
    """What was just measured, the program by its name, and how busy the machine was before."""
    named = f"; DECONV is {build.version(program)}" if "DECONV" in os.environ else ""
    machine = f"{report.machine()}, load average {load:.1f} at the begin"
    return Measured(rows, datetime.date.today().isoformat(), f"{commit()}{named}", machine, seconds)


def load(path):
    """Sections that were measured, by name; none if there is no such file."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        known = json.load(file)["sections"]
    of = lambda row: Row(row["group"], Bar(**row["bar"]), row["command"])
    return {name: Measured(**{**section, "rows": list(map(of, section["rows"]))}) for name, section in known.items()}


def save(path, sections):
    whole = {name: asdict(section) for name, section in sections.items()}
    for name, section in sections.items():
        for row, written in zip(section.rows, whole[name]["rows"]):
            written["verdict"] = row.bar.verdict()
    replace(path, json.dumps({"sections": whole}, indent=1))


def replace(path, text):
    """Writes a file under another name first, so that what was there is not lost half-way."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.unfinished", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.unfinished", path)
