"""Tests of what the measurement itself decides: python -m unittest discover -s scripts/bars -t scripts"""

import argparse
import math
import os
import re
import sys
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

from peers import bars, build, report

import measure_bars
from bars import benches, children, held, large, reports, results, rows

OUTPUT = """
running 4 tests
test in_time ... ok
test too_late ... FAILED
test somewhere::deep ... ok
test left ... ignored

successes:

---- in_time stdout ----
{"asked":2.0,"bar":"clark: error","case":"small","measured":1.0}
{"asked":2.0,"bar":"clark: error","case":"a | b","measured":1.5}
---- somewhere::deep stdout ----
SKIPPED: no such file system

successes:
    in_time

failures:

---- too_late stdout ----
{"asked":3.0,"bar":"hogbom: error","case":"large","measured":null}
thread panicked

failures:
    too_late
"""


def bar(measured, asked=2.0, **more):
    return bars.Bar("s", "w", 0, 0, "f", measured, asked, **more)


def row(measured, group="clean", asked=2.0):
    return rows.Row(group, bar(measured, asked), "command")


def section(*measured):
    return rows.Measured([row(figure) for figure in measured], "2000-01-01", "abc", "a machine", 60.0)


class Held(unittest.TestCase):
    def test_the_worst_case_of_a_figure_counts(self):
        told = {one["bar"]: one for one in held.parse(OUTPUT).figures()}
        self.assertEqual((told["clark: error"]["measured"], told["clark: error"]["case"]), (1.5, "a | b"))
        self.assertTrue(math.isnan(told["hogbom: error"]["measured"]))
        found = held.of_figure(told["clark: error"], held.Held("engine", "", "file"))
        self.assertEqual((found.bar.what, found.bar.figure, found.bar.note, found.bar.verdict()), ("clark", "error", "a | b", bars.MET))
        self.assertIn("a / b", results.row(found))

    def test_a_test_that_fails_is_left_out_or_is_not_there_holds_nothing(self):
        found = held.parse(OUTPUT)
        verdict = lambda *names: held.of_tests(held.Held("engine", "w", "file", names), found).bar.verdict()
        self.assertEqual(verdict("in_time"), bars.MET)
        self.assertEqual(verdict("in_time", "too_late"), bars.MISSED)
        self.assertEqual(verdict("in_time", "somewhere::deep"), bars.NOT_MEASURED)
        self.assertEqual(verdict("somewhere::deep", "too_late"), bars.MISSED)
        self.assertEqual(verdict("no_such_test"), bars.MISSED)
        self.assertEqual(verdict(), bars.MISSED)

    def test_all_that_hold_something_are_there(self):
        for one in held.HELD:
            self.assertIn(one.group, rows.GROUPS)
            with open(os.path.join(build.ROOT, "tests", f"{one.file}.rs"), encoding="utf-8") as file:
                there = set(re.findall(r"#\[test\]\nfn (\w+)", file.read()))
            self.assertLessEqual(set(one.tests), there, one.file)
        for group, _, script in held.SCRIPTS:
            self.assertTrue(group in rows.GROUPS and os.access(os.path.join(build.ROOT, script), os.X_OK))


class Benches(unittest.TestCase):
    LINE = {"size": 2048, "threads": 2, "kernels_ms": 20.0, "fftw_ms": 10.0, "graph_ms": 21.0, "kernels_of_fftw": 2.0, "graph_of_kernels": 1.05}

    def test_bars_of_transforms(self):
        self.assertEqual([found.verdict() for found in benches.of_size(self.LINE, "")], [bars.MISSED, bars.MET])
        small = [found.verdict() for found in benches.of_size({**self.LINE, "size": 1024}, "")]
        self.assertEqual(small, [bars.MISSED, bars.NOT_ASKED])

    def test_without_fftw_it_is_said(self):
        found = next(benches.of_size({**self.LINE, "fftw_ms": None, "kernels_of_fftw": None}, "FFTW is not here"))
        self.assertEqual((found.verdict(), found.note), (bars.NOT_MEASURED, "FFTW is not here"))

    def test_the_worst_of_all_threads_counts_and_inline_does_not(self):
        out = "\n".join('{"graph": "chain", "tasks": %d, "way": "%s", "us_a_task": %f}' % line for line in (
            (1000, "inline", 9.0), (1000, "1 thread", 1.0), (1000, "2 threads", 3.0), (1000, "passes", 8.0), (5000, "2 threads", 4.0)))
        bench = SimpleNamespace(settings=SimpleNamespace(quick=False))
        with mock.patch.object(children, "run", return_value=children.Ended(0, out, [])):
            found, = benches.scheduler(bench)
        self.assertEqual((found.bar.measured, found.bar.verdict()), (4.0, bars.MET))
        with mock.patch.object(children, "run", return_value=children.Ended(101, "", ["no such bench"])):
            found, = benches.scheduler(bench)
        self.assertEqual((found.bar.verdict(), found.bar.note), (bars.MISSED, "no such bench"))


class Large(unittest.TestCase):
    RUN = {"size": 16384, "budget": "2GiB", "predicted_bytes": 2e9, "peak_bytes": 2048 << 20, "wall_s": 30.0, "unlimited_wall_s": 16.0,
           "refreshes": 2, "plane_s": 20.0, "spilled_bytes": 1, "read_bytes": 0, "written_bytes": 0, "waiting_share": 0.1, "differ": 0}

    def figures(self, **other):
        found = large.of_run(16384, other.get("budget", "2GiB"), {**self.RUN, **other})
        return [(bar.figure.split(",")[0].split(" ")[0], bar.verdict()) for bar in found]

    def test_bars_of_a_run(self):
        self.assertEqual(self.figures(), [("VmHWM", bars.MET), ("products", bars.MET), ("wall", bars.MET)])
        self.assertEqual(self.figures(peak_bytes=2049 << 20)[0], ("VmHWM", bars.MISSED))
        self.assertEqual(self.figures(differ=1)[1], ("products", bars.MISSED))
        self.assertEqual(self.figures(wall_s=33.0)[2], ("wall", bars.MISSED))
        self.assertEqual(self.figures(unlimited_wall_s=None)[2], ("wall", bars.NOT_MEASURED))
        self.assertEqual(self.figures(budget="unlimited", spilled_bytes=0, differ=None), [("predicted", bars.MET)])
        self.assertEqual(self.figures(budget="unlimited", spilled_bytes=0, differ=None, predicted_bytes=1.8e9), [("predicted", bars.MISSED)])

    def test_a_run_that_failed_is_missed_and_one_left_out_is_not_measured(self):
        sizes = ((4096, ("unlimited", "256MiB")), (8192, ("1GiB",)))
        ended = children.Ended(1, "", ["FAULT: 4096 in 256MiB: the run failed", "# 4096 without a limit is left out: it takes", "too little disk"])
        found = list(large.bars(sizes, [], ended))
        self.assertEqual([bar.verdict() for bar in found], [bars.NOT_MEASURED, bars.MISSED, bars.NOT_MEASURED])
        self.assertIn("is left out", found[0].note)
        self.assertEqual(found[2].note, "too little disk")


class Reports(unittest.TestCase):
    def test_what_a_comparison_writes_is_read(self):
        what, size, figure = reports.NOT_SLOWER
        clark = bars.Bar("fidelity", "clark, psf.fits", 1024, 1, "rms", 3.0, 2.0)
        those = [bars.Bar("speed", what, size, 1, figure, 3.0, 5.0, True), clark, bar(float("nan"), None), bar(1.0, None)]
        with tempfile.TemporaryDirectory() as path:
            def run(*_):
                report.write(os.path.join(path, "peers"), those, [], [], failed="a | b")
                return children.Ended(1, "", ["ended"])
            settings = SimpleNamespace(output=path, work=path, reps=None, seeds=(1,))
            with mock.patch.object(children, "run", run):
                found = list(reports.peers(SimpleNamespace(settings=settings, program="")))
        groups = [(one.group, one.bar.verdict()) for one in found]
        self.assertEqual(groups, [("clean", bars.MISSED), ("files", bars.MET), ("files", bars.MISSED), ("clean", ""), ("clean", bars.MISSED)])
        self.assertEqual((found[1].bar.asked, found[-1].bar.note), (1.0, "a / b"))
        self.assertTrue(all(one.bar.is_failed() for one in found[2:]))

    def test_a_comparison_that_leaves_no_report_has_failed(self):
        no_report = mock.patch.object(children, "run", return_value=children.Ended(2, "", ["no NumPy"]))
        with tempfile.TemporaryDirectory() as path, no_report:
            settings = SimpleNamespace(output=path, work=path, reps=1, seeds=(1,))
            found, = reports.wiener(SimpleNamespace(settings=settings, program=""))
        self.assertEqual((found.group, found.bar.verdict(), found.bar.note), ("wiener", bars.MISSED, "no NumPy"))


class Results(unittest.TestCase):
    def test_what_is_saved_is_loaded(self):
        with tempfile.TemporaryDirectory() as path:
            file = os.path.join(path, "deep", "bars.json")
            self.assertEqual(rows.load(file), {})
            known = {"fft": section(1.0, None), "runs": section(3.0)}
            rows.save(file, known)
            self.assertEqual(rows.load(file), known)

    def test_sections_that_were_not_measured_again_keep_their_rows(self):
        text = results.block({"fft": section(1.0), "runs": section(3.0, math.nan, None)}, ("fft", "runs", "large"))
        self.assertIn("4 bars: 2 missed, 1 not measured.", text)
        self.assertIn("Never measured: large.", text)
        self.assertIn("| fft | 2000-01-01 | abc | 1.0 |", text)
        self.assertEqual((text.count("**MISSED**"), text.count("| failed |")), (2, 1))
        self.assertNotIn(rows.GROUPS["wiener"], text)

    def test_only_what_is_between_the_markers_is_replaced(self):
        text = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
        once = results.between(text, "new\n")
        self.assertEqual(once, f"before\n{results.BEGIN}\n\nnew\n\n{results.END}\nafter\n")
        self.assertEqual(results.between(once, "new\n"), once)
        for wrong in ("", results.BEGIN, text + text, f"{results.END}{results.BEGIN}"):
            with self.assertRaises(ValueError):
                results.between(wrong, "new")

    def test_the_document_has_its_markers(self):
        with open(results.PATH, encoding="utf-8") as file:
            results.between(file.read(), "new")


class Children(unittest.TestCase):
    def test_what_a_command_prints_and_says_is_apart(self):
        program = "import os, sys; print('{\"a\": 1}\\nword'); print(os.environ.get('A'), os.environ.get('B'), file=sys.stderr); sys.exit(3)"
        with mock.patch.dict(os.environ, {"B": "there"}):
            ended = children.run([sys.executable, "-c", program], {"A": "here", "B": None})
        self.assertEqual((ended.status, ended.objects(), ended.reason()), (3, [{"a": 1}], "here None"))
        self.assertNotEqual(children.run([os.path.join(os.sep, "no", "program")]).status, 0)


class Options(unittest.TestCase):
    def test_sections_are_known(self):
        self.assertEqual(measure_bars.words(measure_bars.SECTIONS)("fft,runs"), ("fft", "runs"))
        with self.assertRaises(argparse.ArgumentTypeError):
            measure_bars.words(measure_bars.SECTIONS)("fft,none")


if __name__ == "__main__":
    unittest.main()
