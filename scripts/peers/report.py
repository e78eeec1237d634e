"""The report: Markdown for people, JSON for programs."""

import json
import os
import platform
from dataclasses import asdict, dataclass

from .bars import MISSED, NOT_MEASURED

RATIOS = ("comparison (theirs / ours)", "N", "seed", "figure", "asked", "measured", "theirs", "ours", "limit", "verdict", "note")
FIGURES = ("what", "N", "seed", "figure", "asked", "measured", "verdict", "note")
REACHED = (
    "program", "beside", "N", "seed", "threads", "runs", "iterations", "CPU, s", "of which proper, s", "wall, s",
    "peak memory, MB", "residual peak, mJy", "residual rms, µJy",
    "rms of dirty − PSF ⊛ model, µJy", "fidelity rms, µJy", "model flux / true",
)


@dataclass(frozen=True)
class Form:
    """What a report is called and what its sections are: the file's stem, the heading, titles of sections in their order, what is
    said below them, and those whose bars are ratios (theirs / ours)."""

    stem: str
    heading: str
    titles: dict
    explained: dict
    ratios: tuple = ("speed", "memory")


TITLES = {
    "speed": "Speed", "limit": "The limit", "memory": "Memory", "exactness": "Exactness", "fidelity": "Fidelity",
    "seams": "Seams",
}
EXPLAINED = {
    "speed": "Whole processes, reading and writing included, both sides in turn; medians. *limit*: (refreshes + 1) × (one forward + "
             "one inverse bare transform of the padded size), processor time, shared out over the threads.",
    "limit": "What all tasks but those that read or write files took on one thread, beside the limit: by the clock, or the processor "
             "time of the process where that is less. *process*: processor time of the whole process, beside the same.",
    "seams": "Every run stops where the largest residual is at most 5 times the noise. The control is an unchunked run that gets "
             "there in another way, by the options that are named.",
    "reached": "Model and residual as the programs gave them. A program that leaves it to major cycles to mend its residual may hand back "
               "one that is not dirty − PSF ⊛ model; that one's rms is beside it. *of which proper*: the peers' deconvolution without "
               "start and files, deconv's tasks without files (of the clock).",
}


PEERS = Form("peers", "deconv beside other programs", TITLES, EXPLAINED)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]) + "\n"


def number(value):
    return "-" if value is None else f"{value:.4g}"


def ratio_row(bar):
    return (bar.what, bar.size, bar.seed, bar.figure, bar.bound(), number(bar.measured), bar.theirs, bar.ours, bar.limit,
            bar.verdict(), bar.note)


def figure_row(bar):
    own = ", ".join(words for words in (bar.ours, bar.limit and f"limit {bar.limit}", bar.note) if words)
    return (bar.what, bar.size, bar.seed, bar.figure, bar.bound(), number(bar.measured), bar.verdict(), own)


def reached_rows(sides):
    for _, size, seed, side in sides:
        of = side.reached
        proper = side.median("minor_cpu_s" if side.runs[0].said.get("minor_cpu_s") else "kernels_s")
        times = (side.median("cpu_s"), proper, side.median("wall_s"), side.median("peak_bytes") / 1e6)
        image = (1e3 * of["res_peak"], 1e6 * of["res_rms"], 1e6 * of["exact_rms"], 1e6 * of["fid_rms"], of["flux_share"])
        head = (side.name, side.beside, size, seed, side.threads, len(side.runs), f"{side.median('iterations'):.0f}")
        yield (*head, *map(number, (*times, *image)))


def sections(bars, titles):
    """Bars by section, in the order of the titles."""
    return {name: those for name in titles if (those := [bar for bar in bars if bar.section == name])}


def markdown(bars, sides, about, form=PEERS):
    parts = [f"# {form.heading}\n", *(f"- {line}" for line in about), "\n"]
    for name, those in sections(bars, form.titles).items():
        parts += [f"## {form.titles[name]}\n", form.explained[name] + "\n" if name in form.explained else ""]
        of_ratios = name in form.ratios
        parts.append(table(RATIOS, map(ratio_row, those)) if of_ratios else table(FIGURES, map(figure_row, those)))
    if sides:
        parts += ["## What they reached\n", EXPLAINED["reached"] + "\n", table(REACHED, reached_rows(sides))]
    return "\n".join(part for part in [*parts, verdict(bars)] if part) + "\n"


def verdict(bars):
    """One line."""
    asked = [bar for bar in bars if bar.asked is not None]
    count = {name: sum(bar.verdict() == name for bar in asked) for name in (MISSED, NOT_MEASURED)}
    return f"{len(asked)} bars: {count[MISSED]} missed, {count[NOT_MEASURED]} not measured."


def machine():
    """What it ran on, and whether anything else did."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
    kernel = platform.release().split("-")[0]
    return f"{name}, {os.cpu_count()} processors, {platform.system()} {kernel}, Python {platform.python_version()}"


def write(output, bars, sides, about, form=PEERS, failed=None):
    """`failed` is why it ended before everything was measured, if it did."""
    os.makedirs(output, exist_ok=True)
    about = [*about, *([f"ended early: {failed}"] if failed else [])]
    with open(os.path.join(output, f"{form.stem}.md"), "w", encoding="utf-8") as file:
        file.write(markdown(bars, sides, about, form))
    measured = [dict(comparison=asdict(comparison), size=size, seed=seed, side=asdict(side))
                for comparison, size, seed, side in sides]
    whole = dict(about=about, failed=failed, bars=[{**asdict(bar), "verdict": bar.verdict()} for bar in bars], measured=measured)
    with open(os.path.join(output, f"{form.stem}.json"), "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
