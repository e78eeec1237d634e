"""The plot: how far every figure is from its bar."""

import math
import os

COLOURS = {"met": "#2a7f62", "MISSED": "#c0392b", "": "#8a8f98"}


def factor(bar):
    """How many times better than asked: above 1 the bar is met."""
    return bar.measured / bar.asked if bar.at_least else bar.asked / bar.measured


def draw(output, bars, sides):
    """Writes peers.png."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    measured = [bar for bar in bars if bar.asked and bar.measured and math.isfinite(bar.measured)]
    held = [bar for bar in measured if bar.section != "exactness"]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(17, 2.5 + 0.24 * max(len(held), 12)), width_ratios=(3, 2), layout="constrained")
    draw_bars(left, held)
    draw_times(right, sides)
    figure.savefig(os.path.join(output, "peers.png"), dpi=110)
    plt.close(figure)


def draw_bars(axes, held):
    values = [factor(bar) for bar in held]
    axes.barh(range(len(held)), [value - 1 for value in values], left=1, color=[COLOURS[bar.verdict()] for bar in held])
    names = [f"{bar.what}: {bar.figure}, {bar.size}², seed {bar.seed}" for bar in held]
    axes.set_yticks(range(len(held)), names, fontsize=7)
    for place, (bar, value) in enumerate(zip(held, values)):
        side = "left" if value >= 1 else "right"
        axes.annotate(f" {bar.measured:.4g} ({bar.bound()}) ", (value, place), ha=side, va="center", fontsize=7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.25)
    axes.invert_yaxis()
    axes.set_xlabel("times better than asked")
    axes.set_title("Bars")


def draw_times(axes, sides):
    """Processor time on one thread against the size, a line for each program."""
    times = {}
    for _, size, _, side in sides:
        if side.threads == 1:
            times.setdefault(side.name, {}).setdefault(size, []).append(side.median("cpu_s"))
    for name, by_size in sorted(times.items()):
        points = sorted((size, sum(values) / len(values)) for size, values in by_size.items())
        axes.plot(*zip(*points), marker="o", linewidth=2 if name.startswith("deconv") else 1, label=name)
    axes.set_visible(bool(times))
    if times:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for which in ("major", "minor"):
            getattr(axes.yaxis, f"set_{which}_formatter")("{x:g}")
        sizes = sorted({size for by_size in times.values() for size in by_size})
        axes.set_xticks(sizes, [f"{size}²" for size in sizes])
        axes.legend()
    axes.grid(alpha=0.3)
    axes.set_xlabel("plane")
    axes.set_ylabel("CPU time of the process, s")
    axes.set_title("Time on one thread")
