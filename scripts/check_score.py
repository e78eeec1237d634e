#!/usr/bin/env python3
"""Compare what `deconv score --json` says with peerlib's metrics of the same files.

    scripts/check_score.py TRUTH SCORE.json

Exit status 0 if all figures agree, 1 if not; each that does not is one line.
"""

import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "synth"))
import peerlib  # noqa: E402

# Both sides transform in f32, each in its own frame: the restored model is known to some 1e-7 of its peak.
RELATIVE, OF_PEAK = 1e-6, 3e-7


def figures(truth, prefix):
    """peerlib's metrics, the error beyond the noise of scripts/peers/figures.py, and the restored peak."""
    read = lambda path: peerlib.read_fits(path)[0]
    model, residual, image = (read(f"{prefix}-{name}.fits") for name in ("model", "residual", "image"))
    found = peerlib.metrics(truth, model, residual)
    error = peerlib.beam_convolve(model, peerlib.meta(truth)) + residual - read(f"{truth}/truth_restored.fits")
    found["beyond_noise_rms"] = float(np.mean((error - read(f"{truth}/noise.fits")).astype(float) ** 2) ** 0.5)
    found["restored_peak"] = float(np.abs(image).max())
    found["negative_flux"] = float(model[model < 0].sum(dtype=float))
    return found


def main(truth, scores):
    faults, worst, count = 0, 0.0, 0
    with open(scores, encoding="utf-8") as file:
        objects = json.load(file)
    for score in objects:
        theirs = figures(truth, score["products"])
        # A rms hardly feels a pixel's rounding, the largest error is a pixel.
        for name, expected in theirs.items():
            off = abs(score[name] - expected)
            room = RELATIVE * abs(expected) + (OF_PEAK * theirs["restored_peak"] if name == "fid_max" else 0.0)
            count += 1
            worst = max(worst, off / abs(expected) if expected and name != "fid_max" else 0.0)
            if not off <= room:
                print(f"{score['products']}: {name} is {score[name]}, and {expected} by peerlib.py")
                faults += 1
    print(f"{count} figures of {len(objects)} runs: {faults} are not peerlib.py's; the others agree to {worst:.1e} or better")
    return 1 if faults or not objects else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
