"""The programs that are compared, each as a process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import numpy as np

from .data import SYNTH, peerlib

LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
SCALES = "0,6,15,45"
GAIN = "0.1"

# What reads and writes files, among the kernels of deconv.
FILE_KERNELS = {"ReadSection", "WriteSection"}


class Failed(Exception):
    """A program that was to be measured failed."""


@dataclass(frozen=True)
class Run:
    """What a process took, and what it said of itself."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    said: dict = field(repr=False)


def launch(command, threads, env=None):
    """Runs a command: what it took, and what it printed. Libraries that choose a number of threads are given it."""
    env = {**(env or os.environ), "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        launched = [sys.executable, "-I", "-S", LAUNCH, report.name, *command]
        done = subprocess.run(launched, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        if done.returncode:
            raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{(done.stderr or done.stdout)[-800:]}")
        return json.load(report), done.stdout


def kernels_s(summary):
    """Seconds of the clock of all kernels but those that read and write files, all threads; none if a summary lacks them."""
    kernels = summary.get("kernels", {})
    return sum(spent["seconds"] for name, spent in kernels.items() if name not in FILE_KERNELS) if kernels else None


class Deconv:
    """The program of this repository, with one of its methods."""

    def __init__(self, program, method, out, options=()):
        self.program, self.method, self.options = program, method, list(options)
        self.name = " ".join([f"deconv {method}", *self.options])
        self.prefix = os.path.join(out, "deconv")
        if method == "multiscale":
            self.options += ["--scales", SCALES]

    def is_known(self):
        """Does the program have the method?"""
        asked = subprocess.run([self.program, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
        about = re.search(r"^ +--method .*?(?=^ +--|\Z)", asked, re.DOTALL | re.MULTILINE)
        return bool(about and re.search(rf"\b{self.method}\b", about[0]))

    def run(self, sky, niter, threads=2, psf="psf.fits", threshold=0.0):
        os.makedirs(os.path.dirname(self.prefix), exist_ok=True)
        command = [self.program, "--dirty", f"{sky.path}/dirty.fits", "--psf", f"{sky.path}/{psf}", "--overwrite", "--quiet"]
        command += ["--output", self.prefix, "--summary", f"{self.prefix}.json", "--threads", str(threads)]
        command += ["--method", self.method, "--niter", str(niter), "--threshold", f"{threshold:.6g}", "--nsigma", "0"]
        took, _ = launch([*command, *(() if "--gain" in self.options else ("--gain", GAIN)), *self.options], threads)
        with open(f"{self.prefix}.json", encoding="utf-8") as file:
            said = json.load(file)
        plane = said["planes"][0]
        return Run(**took, said={
            "iterations": plane["iterations"], "refreshes": plane["refreshes"], "stop_reason": plane["stop_reason"],
            "padded": said["padded"][0], "kernels_s": kernels_s(said),
        })

    def product(self, name):
        return peerlib.read_fits(f"{self.prefix}-{name}.fits")[0]

    def products(self):
        return self.product("model"), self.product("residual")


class Peer:
    """A worker of scripts/synth, which prints a line of JSON and leaves its products as NumPy's files."""

    def __init__(self, script, short, case_option, case, out, env=None):
        self.command = [sys.executable, os.path.join(SYNTH, script)]
        self.case = [case_option, case]
        self.short, self.out, self.env = short, out, env

    def run(self, sky, niter, threads=2):
        os.makedirs(self.out, exist_ok=True)
        command = [*self.command, sky.path, self.out, os.devnull, "--one", "--save", *self.case, "--n", str(niter)]
        command += ["--gain", GAIN, "--threshold", "0", "--scales", SCALES, *self.threads(threads)]
        took, printed = launch(command, threads, self.env)
        said = json.loads([line for line in printed.splitlines() if line.startswith("{")][-1])
        return Run(**took, said={"iterations": said["iters"], "minor_cpu_s": said["t_minor_cpu"]})

    def threads(self, _count):
        return []

    def products(self):
        return tuple(np.load(os.path.join(self.out, f"{self.short}_{name}.npy")) for name in ("model", "residual"))


class Radler(Peer):
    """WSClean's deconvolution as a library. `generic` is what WSClean does by default, Hogbom's CLEAN in sub-minor loops, and
    `multiscale` its -multiscale; `-mg80` is its -mgain 0.8."""

    def __init__(self, case, out):
        super().__init__("run_radler.py", "radler", "--case", case, out)
        self.name = f"Radler {case}"

    def threads(self, count):
        return ["--threads", str(count)]


class Casa(Peer):
    """CASA's task deconvolve, with importfits before it. It has no option for threads."""

    def __init__(self, algorithm, out, home):
        super().__init__("run_casa.py", "casa", "--algo", algorithm, out, {**os.environ, "HOME": home})
        self.name = f"CASA {algorithm}"
