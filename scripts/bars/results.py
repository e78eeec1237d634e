"""The tables in benches/RESULTS.md. Only the standard library is imported here."""

import math
import os

from peers import report
from peers.bars import MISSED
from peers.build import ROOT

from .rows import GROUPS, one_line, replace

PATH = os.path.join(ROOT, "benches", "RESULTS.md")
BEGIN, END = "<!-- bars: begin -->", "<!-- bars: end -->"
HEAD = ("what", "figure", "asked", "measured", "verdict", "beside it", "command")


def row(row):
    bar = row.bar
    named = (("theirs", bar.theirs), ("ours", bar.ours), ("limit", bar.limit), ("", bar.note))
    beside = one_line("; ".join(f"{name} {words}".strip() for name, words in named if words), most=300)
    verdict = f"**{MISSED}**" if bar.verdict() == MISSED else bar.verdict()
    return (bar.subject(), bar.figure, bar.bound(), measured(bar), verdict, beside, f"`{row.command}`")


def measured(bar):
    return "failed" if bar.measured is not None and math.isnan(bar.measured) else report.number(bar.measured)


def of_section(name, section):
    bars = [row.bar for row in section.rows]
    return (name, section.date, section.commit, f"{section.seconds / 60:.1f}", section.machine, report.verdict(bars))


def block(sections, known):
    """All that is known: when it was measured, and a table for each group. Sections that never were are named."""
    there = [(name, sections[name]) for name in known if name in sections]
    missing = [name for name in known if name not in sections]
    rows = [row for _, section in there for row in section.rows]
    parts = [report.verdict([row.bar for row in rows]), ""]
    parts += [f"Never measured: {', '.join(missing)}.", ""] if missing else []
    parts.append(report.table(("section", "date", "commit", "minutes", "machine", "bars"), (of_section(*pair) for pair in there)))
    for group, title in GROUPS.items():
        if those := [row(one) for one in rows if one.group == group]:
            parts += [f"### {title}", "", report.table(HEAD, those)]
    return "\n".join(parts)


def between(text, new):
    """The text with what is between the markers replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{PATH} needs the lines {BEGIN} and {END}, once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{new.strip()}\n\n{END}{rest.split(END)[1]}"


def write(sections, known):
    with open(PATH, encoding="utf-8") as file:
        text = file.read()
    replace(PATH, between(text, block(sections, known)))
