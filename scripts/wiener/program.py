"""The program of this repository with its linear methods."""

import json
import math
import os
from dataclasses import dataclass, field

from peers.data import peerlib
from peers.programs import Failed, kernels_s, launch


@dataclass(frozen=True)
class Done:
    """A run: what the process took, its summary, and where its products are."""

    cpu_s: float
    peak_bytes: int
    summary: dict = field(repr=False)
    prefix: str
    wall_s: float = math.nan

    def product(self, name):
        """A product in f64: model, residual, image, uncertainty, model-uncertainty."""
        return peerlib.read_fits(f"{self.prefix}-{name}.fits")[0].astype(float)

    def iterations(self):
        """Those of conjugate gradients, or samples, of the first plane."""
        return self.summary["planes"][0]["iterations"]

    def tasks_s(self):
        """At most so much processor time did tasks without files take, on one thread: their seconds of the clock, or all of the
        process's where others held the processor."""
        return min(kernels_s(self.summary), self.cpu_s)

    def seconds_of(self, *kernels):
        """Of these kernels together: their share of what all tasks without files took."""
        clock = sum(spent["seconds"] for name, spent in self.summary["kernels"].items() if name in kernels)
        return clock * self.tasks_s() / kernels_s(self.summary)


class Deconv:
    """The program, and where its products go."""

    def __init__(self, program, out):
        self.program, self.prefix = program, os.path.join(out, "deconv")
        os.makedirs(out, exist_ok=True)

    def run(self, dirty, psf, method, *options, threads=2):
        command = [self.program, "--dirty", dirty, "--psf", psf, "--method", method, "--output", self.prefix, "--overwrite"]
        command += ["--quiet", "--summary", f"{self.prefix}.json", "--threads", str(threads), *map(str, options)]
        took, _ = launch(command, threads)
        with open(f"{self.prefix}.json", encoding="utf-8") as file:
            return Done(took["cpu_s"], took["peak_bytes"], json.load(file), self.prefix, took["wall_s"])


def attempt(measure):
    """What a measurement gives, and nothing to note; or no number, which reaches no bar, and what the program that failed said."""
    try:
        return measure(), ""
    except Failed as error:
        said = (str(error).splitlines()[1:] or [str(error)])[0]
        return math.nan, said[:200].replace("|", "/")
