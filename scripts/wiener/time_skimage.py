#!/usr/bin/env python3
"""Processor time of scikit-image's wiener on an observation that is in memory, float32.

    time_skimage.py DIR ones|laplacian REPETITIONS

Prints a line of JSON: the median in seconds, after one call for the caches.
"""

import json
import os
import statistics
import sys
import time

import numpy as np
from skimage import restoration

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "synth"))
import peerlib  # noqa: E402


def main(path, operator, repetitions):
    dirty, psf = (peerlib.read_fits(os.path.join(path, f"{name}.fits"))[0] for name in ("dirty", "psf"))
    reg = np.ones((dirty.shape[0], dirty.shape[1] // 2 + 1), np.complex64) if operator == "ones" else None
    taken = []
    for _ in range(repetitions + 1):
        start = time.process_time()
        restoration.wiener(dirty, psf, 0.1, reg=reg, clip=False)
        taken.append(time.process_time() - start)
    print(json.dumps({"cpu_s": statistics.median(taken[1:])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
