"""Synthetic observations of known truth, made once and kept."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

SYNTH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "synth")
sys.path.insert(0, SYNTH)
import peerlib  # noqa: E402

# gen_synth.py holds whole planes in f64: 5 GB and 90 s at 4096, where `deconv simulate` takes a second or two.
LARGEST_BY_GEN_SYNTH = 1024

# The largest plane whose PSF of twice the size is asked for.
LARGEST_PSF_TWICE = 2048


@dataclass(frozen=True)
class Sky:
    """An observation: where its files are and what it is."""

    path: str
    size: int
    seed: int
    by_gen_synth: bool
    periodic: bool = False

    def read(self, name):
        return peerlib.read_fits(os.path.join(self.path, name))[0]

    def meta(self):
        return peerlib.meta(self.path)

    def beam_pixels(self):
        """FWHM of the beam along its major axis."""
        meta = self.meta()
        return meta["bmaj_arcsec"] / meta["cell_arcsec"]


class Skies:
    """Observations under a directory. Those that are missing are made."""

    def __init__(self, work, program, only_gen_synth=False, only_simulate=False):
        self.work = os.path.join(work, "skies")
        self.program = program
        self.largest_by_gen_synth = float("inf") if only_gen_synth else 0 if only_simulate else LARGEST_BY_GEN_SYNTH

    def get(self, size, seed, periodic=False, gen_synth=False):
        """Periodic ones, where the sky was convolved around the edges, are always of gen_synth.py; so are those that are asked for, but
        in a smoke run."""
        asked = gen_synth and self.largest_by_gen_synth > 0
        by_gen_synth = periodic or asked or size <= self.largest_by_gen_synth
        name = f"{'gen' if by_gen_synth else 'sim'}-{size}-seed{seed}{'-periodic' if periodic else ''}"
        sky = Sky(os.path.join(self.work, name), size, seed, by_gen_synth, periodic)
        if not os.path.exists(os.path.join(sky.path, "meta.json")):
            self.make(sky)
        return sky

    def make(self, sky):
        print(f"# making {os.path.basename(sky.path)}", file=sys.stderr, flush=True)
        unfinished = f"{sky.path}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(unfinished)
        if sky.by_gen_synth:
            command = [sys.executable, os.path.join(SYNTH, "gen_synth.py"), unfinished, "--n", str(sky.size)]
            command += ["--conv", "periodic"] if sky.periodic else []
        else:
            command = [self.program, "simulate", "--quiet", "--size", str(sky.size), "--output", unfinished]
            command += ["--psf-twice"] if sky.size <= LARGEST_PSF_TWICE else []
        subprocess.run([*command, "--seed", str(sky.seed)], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(sky.path, ignore_errors=True)
        os.rename(unfinished, sky.path)
