"""Bars that tests hold, and figures that they print (tests/support/bar.rs)."""

import json
import math
import re
from dataclasses import dataclass

from peers.bars import Bar

from . import children
from .rows import Row, failed


@dataclass(frozen=True)
class Held:
    """What a file in tests/ holds, by these of its tests, or by all."""

    group: str
    what: str
    file: str
    tests: tuple = ()

    def command(self):
        one = f" {self.tests[0]}" if len(self.tests) == 1 else ""
        return f"cargo test --release --test {self.file}{one}"


HELD = (
    Held("engine", "CASA's and textbook CLEAN, the default stop, going back, fitted beams", "golden"),
    Held("engine", "residual = dirty − PSF ⊛ model, every method, images and PSFs of about 130 shapes", "identity"),
    Held("engine", "the same bits inline and on 1, 2, 3, 8 threads, in shuffled order, in poisoned buffers", "bits"),
    Held("engine", "drawn graphs: culling, fusing and ordering change no bit; one worker needs what was predicted", "graphs",
         ("no_pass_changes_a_bit_and_one_worker_needs_what_was_predicted",)),
    Held("engine", "drawn graphs: no executor changes a bit or takes more than predicted", "graphs",
         ("no_executor_changes_a_bit_or_breaks_the_promise",)),
    Held("engine", "drawn timings never take more than predicted", "promise", ("drawn_timings_never_break_the_promise",)),
    Held("engine", "an error and a panic in every kernel end the run as that task's error", "faults", ("any_kernel_may_fail_or_panic",)),
    Held("engine", "every graph, written to bytes and read again, gives the same bits", "graphs", ("a_graph_survives_as_bytes",)),
    Held("engine", "every reason to stop", "control"),
    Held("engine", "imports point downward", "layers", ("imports_point_downward",)),
    Held("files", "49 odd files as dirty image, as PSF and as both: right or refused in words within 10 s, nothing left behind", "nasty",
         ("every_file_in_every_part",)),
    Held("files", "pixels of compressed and scaled files are those that astropy reads", "nasty", ("the_pixels_that_astropy_reads",)),
    Held("files", "clark finds exactly --niter components however the plane is cut", "clark",
         ("finds_exactly_as_many_components_as_it_may_however_the_plane_is_cut",)),
    Held("files", "clark: the same bytes from every scheduler for every cutting", "clark",
         ("the_same_bytes_from_every_scheduler_for_every_cutting",)),
    Held("memory", "--memory is kept and foretold, 1024² and 2048²; the same bits in the least that would do", "memory"),
    Held("memory", "drawn graphs: scratch changes no bit", "spill", ("scratch_changes_no_bit_and_the_budget_is_kept",)),
    Held("memory", "killed at every event of an image, and gone on with: the same bits", "resume", ("killed_at_every_event_of_an_image",)),
    Held("memory", "killed at every event of a cube", "resume", ("killed_at_every_event_of_a_cube",)),
    Held("memory", "killed at many events of each filter", "resume", ("killed_at_many_events_of_each_filter",)),
    Held("memory", "killed by SIGKILL at twenty random moments", "resume", ("killed_at_twenty_random_moments",)),
    Held("memory", "stopped by SIGTERM, SIGUSR1, Ctrl-C", "resume", ("stopped_by_each_signal",)),
    Held("memory", "what is not gone on with is refused by name; what may pass is tried again", "resume_refused"),
    Held("memory", "scratch full", "scratch", ("a_full_disk",)),
    Held("memory", "scratch corrupted or lost", "scratch", ("scratch_that_loses_its_content",)),
    Held("memory", "`ulimit -v`", "scratch", ("a_limit_of_the_address_space",)),
    Held("memory", "an output directory that vanishes", "scratch", ("an_output_directory_that_goes",)),
    Held("memory", "an input that is cut short while it is read", "scratch", ("an_input_that_is_cut_short",)),
    Held("memory", "two runs in one scratch directory", "scratch", ("two_runs_share_a_scratch_directory",)),
    Held("clean", "PSFs that are cropped, of another cell, shifted: an image no worse than the dirty one", "divergence"),
    Held("clean", "the same bits over threads: clark", "bits", ("clark",)),
    Held("clean", "the same bits over threads: multiscale", "bits", ("multiscale",)),
    Held("wiener", "scikit-image's models of small images, as files", "golden_wiener"),
    Held("wiener", "intervals hold the truth as often as they say (64², 6 skies)", "gibbs",
         ("intervals_hold_the_truth_as_often_as_they_say",)),
    Held("wiener", "filters, huber and sampler go on at every refresh with the same bits", "resume_filters"),
)

# Scripts that hold something and end with status 0 if so.
SCRIPTS = (
    ("engine", "products pass fitsverify and open in astropy", "scripts/check_data_products"),
    ("memory", "`deconv score` is peerlib.py's", "scripts/check_score"),
)

# What a smoke run tries.
QUICK = ("golden", "layers")

RESULT = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", re.MULTILINE)
PRINTED = re.compile(r"^---- (\S+) stdout ----\n(.*?)(?=^---- |^successes:|^failures:|\Z)", re.MULTILINE | re.DOTALL)
FIGURE = "tests that fail"


@dataclass(frozen=True)
class Results:
    """What a file of tests printed: how each test ended, and what it said."""

    ended: dict
    printed: dict

    def figures(self):
        """Figures that tests told: of each bar the worst case."""
        worst = {}
        for line in "\n".join(self.printed.values()).splitlines():
            if not line.startswith('{"asked"'):
                continue
            told = json.loads(line)
            told["measured"] = math.nan if told["measured"] is None else told["measured"]
            known = worst.get(told["bar"])
            if known is None or not told["measured"] <= known["measured"]:
                worst[told["bar"]] = told
        return list(worst.values())

    def skipped(self, names):
        lines = "\n".join(self.printed.get(name, "") for name in names).splitlines()
        return next((line for line in lines if line.startswith("SKIPPED")), "")


def parse(out):
    return Results(dict(RESULT.findall(out)), dict(PRINTED.findall(out)))


def tests(bench):
    """Each file is run once, whole."""
    for file in dict.fromkeys(held.file for held in HELD):
        if bench.settings.quick and file not in QUICK:
            continue
        ended = children.run(["cargo", "test", "--quiet", "--release", "--test", file, "--no-run"])
        if ended.status == 0:
            ended = children.run(["cargo", "test", "--release", "--test", file, "--", "--show-output"])
        those = [held for held in HELD if held.file == file]
        found = parse(ended.out)
        if not found.ended:
            yield from (failed(held.group, held.command(), ended.reason()) for held in those)
            continue
        for told in found.figures():
            yield of_figure(told, Held(those[0].group, "", file))
        yield from (of_tests(held, found) for held in those)
    if not bench.settings.quick:
        yield from map(of_script, SCRIPTS)


def of_figure(told, held):
    what, _, figure = told["bar"].partition(": ")
    bar = Bar("tests", what, 0, 0, figure, told["measured"], told["asked"], note=told["case"])
    return Row(held.group, bar, held.command())


def of_tests(held, found):
    """So many of the tests failed. Nothing is measured where one of them was left out; one that is not there fails."""
    names = held.tests or tuple(found.ended)
    lost = [name for name in names if name not in found.ended]
    wrong = [name for name in names if found.ended.get(name) == "FAILED"]
    left_out = found.skipped(names)
    measured = None if left_out and not wrong else math.nan if lost else float(len(wrong))
    note = left_out or ", ".join(lost + wrong) or f"{len(names)} passed"
    return Row(held.group, Bar("tests", held.what, 0, 0, FIGURE, measured, 0.0, note=note), held.command())


def of_script(script):
    group, what, command = script
    ended = children.run([command])
    left_out = next((line for line in ended.out.splitlines() if line.startswith("SKIPPED")), "")
    measured = None if left_out and ended.status == 0 else float(ended.status)
    last = (ended.out.splitlines() or [""])[-1]
    note = left_out or (last if ended.status == 0 else ended.reason())
    return Row(group, Bar("tests", what, 0, 0, "exit status", measured, 0.0, note=note), command)
