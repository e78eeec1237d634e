#!/usr/bin/env python3
"""Writes data/skimage: small observations and what scikit-image's `wiener` makes of them, for tests/golden_wiener.rs.

    scripts/golden_wiener.py [OUTPUT]

Needs numpy, scipy and scikit-image (scripts/requirements.txt). Each of even/ and odd/ has dirty.fits and psf.fits, cut out of a plane of
gen_synth.py (--n 128 --conv periodic), and models computed in float64: wiener.fits (reg=ones) and wiener-hunt.fits (the default).
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from peers.data import SYNTH, Sky  # noqa: E402
from wiener import same  # noqa: E402
from wiener.observations import header, middle, observation, gen_synth  # noqa: E402

BALANCE = 0.1

# Rows and columns of image and PSF.
CASES = {"even": ((60, 52), (60, 52)), "odd": ((45, 63), (31, 27))}


def main(output):
    with tempfile.TemporaryDirectory() as path:
        made = [sys.executable, os.path.join(SYNTH, "gen_synth.py"), path, "--n", "128", "--conv", "periodic"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        sky = Sky(path, 128, 1, True, True)
        for name, shapes in CASES.items():
            dirty, psf = (middle(sky.read(f"{file}.fits"), shape) for file, shape in zip(("dirty", "psf"), shapes))
            to = observation(os.path.join(output, name), dirty, psf, sky.meta())
            for method, _, operator in same.FILTERS:
                model = same.theirs(dirty.astype(float), psf.astype(float), BALANCE, operator)
                rounding = same.off(same.theirs(dirty, psf, BALANCE, operator), model)
                gen_synth.write_fits(os.path.join(to, f"{method}.fits"), model, *header(sky.meta()), "Jy/pixel")
                print(f"{name}, {method}: balance {BALANCE}, peak {model.max():.6g} Jy, in float32 {rounding:.1e} off")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "data", "skimage"))
