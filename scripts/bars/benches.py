"""Bars of the benches: the transform beside FFTW and as a graph, and what a task costs."""

from peers.bars import Bar

from . import children
from .rows import Row, failed

# Kernels beside FFTW from this size on; the graph beside the kernels.
OF_FFTW, FFTW_FROM = 1.15, 1024
OF_KERNELS, GRAPH_FROM = 1.25, 2048

# Microseconds of an empty task through `threads`.
TASK = 5.0

FFT, SCHEDULER = "cargo bench --bench fft", "cargo bench --bench scheduler"


def bench_of(name, quick, env):
    """Runs a bench: a smoke run has few repetitions, and sizes of its own."""
    command = ["cargo", "bench", "--quiet", "--bench", name, "--", "--json", *(["--test"] if quick else [])]
    return children.run(command, env if quick else {})


def fft(bench):
    ended = bench_of("fft", bench.settings.quick, {"FFT_SIZES": "512"})
    found = ended.objects()
    if ended.status or not found:
        yield failed("engine", FFT, ended.reason())
    without = next((line for line in ended.said if line.startswith("FFTW is not here")), "")
    for line in found:
        yield from map(lambda bar: Row("engine", bar, FFT), of_size(line, without))


def of_size(line, without):
    """The bars of a size and a number of threads."""
    size, threads = line["size"], line["threads"]
    what = f"r2c + c2r, {threads} thread{'s' if threads > 1 else ''}"
    ms = lambda name: "" if line[name] is None else f"{line[name]:.4g} ms"
    asked = OF_FFTW if size >= FFTW_FROM else None
    note = without if line["kernels_of_fftw"] is None else ""
    yield Bar("fft", what, size, 0, "bare kernels / FFTW", line["kernels_of_fftw"], asked, theirs=ms("fftw_ms"), ours=ms("kernels_ms"), note=note)
    asked = OF_KERNELS if size >= GRAPH_FROM else None
    yield Bar("fft", what, size, 0, "as a graph / bare kernels", line["graph_of_kernels"], asked, ours=ms("graph_ms"), limit=ms("kernels_ms"))


def scheduler(bench):
    """The worst of all numbers of threads and tasks."""
    ended = bench_of("scheduler", bench.settings.quick, {"SCHEDULER_TASKS": "1000"})
    found = ended.objects()
    if ended.status or not found:
        yield failed("engine", SCHEDULER, ended.reason())
    for graph in dict.fromkeys(line["graph"] for line in found):
        those = [line for line in found if line["graph"] == graph and line["way"].endswith(("thread", "threads"))]
        worst = max(those, key=lambda line: line["us_a_task"])
        own = "; ".join(f"{way}: {', '.join(f'''{line['us_a_task']:.2g}''' for line in those if line['way'] == way)}"
                        for way in dict.fromkeys(line["way"] for line in those))
        counts = ", ".join(f"{count:,}" for count in dict.fromkeys(line["tasks"] for line in those))
        note = f"worst with {worst['way']} and {worst['tasks']:,} tasks; {counts} tasks"
        asked = None if bench.settings.quick else TASK
        bar = Bar("scheduler", f"an empty task, {graph}", 0, 0, "µs through `threads`", worst["us_a_task"], asked, ours=own, note=note)
        yield Row("engine", bar, SCHEDULER)
