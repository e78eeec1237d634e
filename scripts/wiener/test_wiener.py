"""Tests of what the comparison itself decides: python -m unittest discover -s scripts/wiener -t scripts"""

import math
import os
import tempfile
import unittest
from types import SimpleNamespace

import numpy as np
from peers import bars, limit, programs
from peers.data import peerlib

from wiener import fidelity, intervals, observations, program, reference, same, speed

META = {"cell_arcsec": 1.2, "bmaj_arcsec": 7.5, "bmin_arcsec": 6.0, "bpa_deg": 30.0}


def noise(*shape):
    return np.random.default_rng(shape).standard_normal(shape)


def some_psf(n):
    """Positive definite where it is periodic, its peak of 1 in the middle."""
    return np.fft.fftshift(np.fft.irfft2(np.abs(np.fft.rfft2(noise(n, n))) ** 2, s=(n, n))) / (noise(n, n) ** 2).sum()


class Reference(unittest.TestCase):
    def test_conjugate_gradients_solve_the_system_that_is_written_out(self):
        n, psf, dirty, balance = 6, some_psf(12), noise(6, 6), 0.3
        at = [(y, x) for y in range(n) for x in range(n)]
        # With a PSF of twice the size the clipped spectrum is that of a frame of 11 or more: no difference of pixels wraps around.
        frame = reference.sf.next_fast_len(n + n - 1, True)
        held = np.zeros((frame, frame))
        for dy in range(1 - n, n):
            for dx in range(1 - n, n):
                held[dy % frame, dx % frame] = psf[6 + dy, 6 + dx]
        kernel = np.fft.ifft2(np.maximum(np.fft.fft2(held).real, 0)).real
        matrix = np.array([[kernel[(a[0] - b[0]) % frame, (a[1] - b[1]) % frame] for b in at] for a in at])
        expected = np.linalg.solve(matrix + balance * np.eye(n * n), dirty.ravel()).reshape(n, n)
        found, _ = reference.conjugate_gradients(dirty, psf, balance, 36)
        np.testing.assert_allclose(found, expected, atol=1e-9)

    def test_a_transfer_function_is_that_of_a_convolution_around_the_edges(self):
        for image, psf in (((9, 8), (9, 8)), ((8, 7), (5, 4))):
            plane, kernel = noise(*image), noise(*psf)
            expected = np.zeros(image)
            for (y, x), value in np.ndenumerate(kernel):
                expected += value * np.roll(plane, (y - psf[0] // 2, x - psf[1] // 2), (0, 1))
            np.testing.assert_allclose(reference.filtered(plane, reference.transfer(kernel, image)), expected, atol=1e-12)

    def test_the_beam_is_peerlib_s(self):
        model = np.zeros((64, 64))
        model[30, 33] = 1.0
        np.testing.assert_allclose(observations.around(model, META), peerlib.beam_convolve(model.astype(np.float32), META), atol=1e-5)

    def test_the_laplacian_is_squared(self):
        plane = noise(8, 10)
        once = 4 * plane - sum(np.roll(plane, step, axis) for step in (-1, 1) for axis in (0, 1))
        twice = 4 * once - sum(np.roll(once, step, axis) for step in (-1, 1) for axis in (0, 1))
        np.testing.assert_allclose(reference.filtered(plane, reference.regularization("laplacian", plane.shape)), twice, atol=1e-12)
        np.testing.assert_allclose(reference.filtered(plane, reference.regularization("gradient", plane.shape)), once, atol=1e-12)


class Same(unittest.TestCase):
    def test_the_middle_stays_in_the_middle(self):
        for size in ((8, 9), (7, 7)):
            plane = np.zeros(size)
            plane[size[0] // 2, size[1] // 2] = 1.0
            for shape in ((5, 4), (4, 5), size):
                self.assertEqual(same.middle(plane, shape)[shape[0] // 2, shape[1] // 2], 1.0)

    def test_scikit_image_is_asked_for_the_filter_that_is_meant(self):
        image, psf = noise(9, 8), some_psf(8)[:7, :6]
        h, d = reference.transfer(psf, image.shape), np.fft.rfft2(image)
        for operator, name in (("reg=ones", "flat"), ("default, laplacian", "laplacian")):
            power = reference.regularization(name, image.shape)
            expected = np.fft.irfft2(np.conj(h) * d / (abs(h) ** 2 + 0.1 * power), s=image.shape)
            np.testing.assert_allclose(same.theirs(image, psf, 0.1, operator), expected, atol=1e-12)


    def test_the_worst_balance_that_float32_can_tell_has_the_bar(self):
        ours, rounding = [3e-5, 2e-5, 1e-7, 1e-7, 1e-7, 1e-7], [2e-5, 5e-6, 1e-7, 1e-7, 1e-7, 1e-7]
        found = list(same.bars("w", 8, ours, rounding, ""))
        self.assertEqual([(bar.measured, bar.verdict()) for bar in found], [(2e-5, bars.MISSED), (3e-5, bars.NOT_ASKED)])
        # A program that fails gives no numbers.
        self.assertEqual(next(same.bars("w", 8, [math.nan] * 6, [0.0] * 6, "failed")).verdict(), bars.MISSED)


class Failures(unittest.TestCase):
    def test_a_program_that_fails_reaches_no_bar_and_says_why(self):
        def fails():
            raise programs.Failed("deconv --x: exit status 2\nerror: unexpected argument '--x' | y\n")
        measured, note = program.attempt(fails)
        self.assertTrue(math.isnan(measured) and "unexpected argument" in note and "|" not in note)
        self.assertEqual(program.attempt(lambda: 3), (3, ""))

    def test_a_scan_that_fails_has_no_best(self):
        def fails(*_):
            raise programs.Failed("x: exit status 1\nerror: no\n")
        bench = SimpleNamespace(settings=SimpleNamespace(quick=False), deconv=SimpleNamespace(run=fails))
        sky = SimpleNamespace(path="", size=8, seed=1, periodic=False)
        found = list(fidelity.unsupervised(bench, sky, "psf.fits", (), ((),)))
        self.assertEqual(found[-1].verdict(), bars.MISSED)
        self.assertIn("error: no", found[-1].note)


class Intervals(unittest.TestCase):
    def test_what_is_held_is_counted(self):
        held = intervals.Held()
        held.add(np.array([0.0, 1.5, -3.0, 1.0]), np.zeros(4), np.ones(4))
        held.add(np.array([0.5]), np.zeros(1), np.full(1, 0.5))
        self.assertEqual((held.pixels, held.within), (5, (3, 4)))
        found = list(held.bars("w", 8, 1, "sky", True, ""))
        self.assertAlmostEqual(found[0].measured, 8.0)
        self.assertEqual([bar.verdict() for bar in found], [bars.MISSED, bars.MISSED])
        none = list(intervals.Held().bars("w", 8, 1, "sky", True, "failed"))
        self.assertEqual([bar.verdict() for bar in none], [bars.MISSED, bars.MISSED])

    def test_skies_and_their_noise_have_the_variances_that_are_meant(self):
        """And so the exact posterior holds them as often as it should: the script is right where the program is."""
        size, count = 64, 12
        s = intervals.transfer_function(None, "disk", size)
        psf = np.fft.irfft2(s, s=(size, size))
        self.assertAlmostEqual(psf[0, 0], 1.0)
        for prior in ("flat", "laplacian"):
            power = reference.regularization(prior, (size, size)) + (0.0 if prior == "flat" else reference.FLOOR)
            balance, share = intervals.balance_of(s, power)
            self.assertGreater(share, 0.3)
            sigma = intervals.TAU * balance ** 0.5
            variance = np.where(s > 0, sigma ** 2 / (s + balance * power), intervals.TAU ** 2 / power)
            deviation = np.sqrt(np.fft.irfft2(variance, s=(size, size))[0, 0])
            held = intervals.Held()
            for seed in range(count):
                sky, dirty = intervals.draw(np.random.default_rng(seed), s, power, sigma)
                mean = reference.filtered(dirty, np.where(s > 0, 1 / (s + balance * power), 0.0))
                held.add(sky, mean, np.full_like(sky, deviation))
            beam = {**META, "bmaj_arcsec": 8.0}
            chance, _ = intervals.by_chance(s, power, balance, count, beam)
            for bar in held.bars("w", size, 1, "sky", True, ""):
                self.assertLess(bar.measured, 4 * chance + 0.3, f"{prior}: {bar.ours}")


class Speed(unittest.TestCase):
    def test_a_step_is_the_difference_of_two_runs(self):
        def run(_dirty, _psf, _method, _option, count, threads):
            kernels = {"RowForward": 1.0 + 0.25 * count, "PosteriorDraw": 0.125 * count, "ReadSection": 50.0}
            summary = {"planes": [{"iterations": count}], "kernels": {name: {"seconds": s} for name, s in kernels.items()}}
            return program.Done(100.0, 0, summary, "")
        sky, frames = SimpleNamespace(path=""), []
        bare = SimpleNamespace(anew=lambda shape: frames.append(shape) or (2.0, 3.0))
        bench = SimpleNamespace(settings=SimpleNamespace(reps=2), skies=SimpleNamespace(get=lambda *_: sky),
                                deconv=SimpleNamespace(run=run), bare=bare)
        steps = [("--samples", 4), ("--samples", 12)]
        found = speed.in_turn(bench, 8, "psf.fits", "m", steps, lambda done: (done.iterations(), 5))
        self.assertEqual((len(found), frames), (2, [(12, 5)] * 3))
        step = speed.a_step(lambda run: run.tasks_s())
        self.assertEqual(speed.median(found, step), 0.375)
        self.assertEqual(speed.median(found, speed.a_step(lambda run: run.seconds_of("PosteriorDraw"))), 0.125)
        bar = speed.bar(SimpleNamespace(settings=SimpleNamespace(quick=False)), "w", 8, "f", found, step, lambda _, ways, __: ways[1], 1)
        self.assertEqual((bar.measured, bar.verdict()), (0.125, "met"))

    def test_bare_transforms_are_known_one_by_one(self):
        bare = limit.BareTransforms(True)
        bare.measure = lambda size: (0.5 * size, 0.25 * size)
        self.assertEqual((bare.one_way_each((8, 8)), bare.both_ways((8, 4))), ((4.0, 2.0), 3.0))
        self.assertIsNone(limit.BareTransforms(False).one_way_each((8, 8)))


class Files(unittest.TestCase):
    def test_what_is_written_is_read(self):
        dirty, psf = noise(5, 7).astype(np.float32), noise(4, 3).astype(np.float32)
        with tempfile.TemporaryDirectory() as path:
            observations.observation(path, dirty, psf, META)
            for name, plane in (("dirty", dirty), ("psf", psf)):
                np.testing.assert_array_equal(peerlib.read_fits(os.path.join(path, f"{name}.fits"))[0], plane)


if __name__ == "__main__":
    unittest.main()
