"""Tests of what the comparison itself decides: python -m unittest discover -s scripts/peers -t scripts"""

import os
import sys
import unittest
from types import SimpleNamespace

import numpy as np

from peers import bars, programs, report, seams


def bar(measured, asked, at_least=False):
    return bars.Bar("speed", "a / b", 64, 1, "ratio", measured, asked, at_least)


class Bars(unittest.TestCase):
    def test_a_bar_is_met_on_its_own_side_only(self):
        self.assertEqual(bar(2.0, 2.0).verdict(), bars.MET)
        self.assertEqual(bar(2.1, 2.0).verdict(), bars.MISSED)
        self.assertEqual(bar(2.1, 2.0, at_least=True).verdict(), bars.MET)
        self.assertEqual(bar(1.9, 2.0, at_least=True).verdict(), bars.MISSED)

    def test_no_number_reaches_nothing(self):
        self.assertEqual(bar(float("nan"), 2.0).verdict(), bars.MISSED)
        self.assertEqual(bar(float("nan"), 2.0, at_least=True).verdict(), bars.MISSED)

    def test_what_is_not_measured_is_not_met(self):
        self.assertEqual(bar(None, 2.0).verdict(), bars.NOT_MEASURED)
        self.assertEqual(report.verdict([bar(None, 2.0), bar(3.0, 2.0), bar(1.0, None)]), "2 bars: 1 missed, 1 not measured.")


class Seams(unittest.TestCase):
    def test_near_borders_is_on_both_sides_of_the_inner_borders(self):
        near = seams.near_borders(12, 4, 1.5)
        self.assertEqual(list(np.flatnonzero(near[0])), [2, 3, 4, 5, 6, 7, 8, 9])
        self.assertFalse(near[0, 0] or near[11, 11])
        self.assertTrue((near == near.T).all())


    def test_a_run_that_does_not_stop_at_the_level_reaches_no_bar(self):
        whole, control = np.zeros((128, 128)), np.full((128, 128), 1e-6)
        settings = SimpleNamespace(quick=False, control=["--gain", "0.09"])
        sky = SimpleNamespace(size=128, seed=1, beam_pixels=lambda: 6.0)
        bench = SimpleNamespace(settings=settings)
        verdicts = lambda image: [bar.verdict() for bar in seams.bars(bench, sky, 64, image - whole, control)]
        self.assertEqual(verdicts(np.full((128, 128), 1e-6)), [bars.MET, bars.MET])
        stalled = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(said={"stop_reason": "stalled"}))
        image = seams.restored(SimpleNamespace(ours=lambda *_: stalled), sky, 5e-5, 64, ())
        self.assertEqual(verdicts(image), [bars.MISSED, bars.MISSED])


class Kernels(unittest.TestCase):
    def test_files_are_apart(self):
        spent = {"Multiply": 1.5, "ReadSection": 4.0, "Scatter": 0.5}
        kernels = {name: {"runs": 1, "seconds": seconds} for name, seconds in spent.items()}
        self.assertEqual(programs.kernels_s({"kernels": kernels}), 2.0)
        self.assertIsNone(programs.kernels_s({}))


class Launch(unittest.TestCase):
    def test_what_a_process_took_is_its_own(self):
        of_this_process = np.ones(200 << 17)  # 200 MiB that a child must not be charged for
        took, printed = programs.launch([sys.executable, "-c", "held = b'x' * (60 << 20); print(sum(range(10 ** 7)))"], 1)
        self.assertEqual(int(printed), sum(range(10 ** 7)))
        self.assertGreater(took["peak_bytes"], 60 << 20)
        self.assertLess(took["peak_bytes"], of_this_process.nbytes)
        self.assertGreater(took["cpu_s"], 0.0)
        self.assertGreaterEqual(took["wall_s"], 0.9 * took["cpu_s"])

    def test_a_failure_says_which_and_why(self):
        with self.assertRaisesRegex(programs.Failed, "exit status 3\nno such luck"):
            programs.launch([sys.executable, "-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(3)"], 1)
        with self.assertRaisesRegex(programs.Failed, "No such file"):
            programs.launch([os.path.join(os.sep, "no", "program")], 1)


if __name__ == "__main__":
    unittest.main()
