"""Observations that are made here: cut out of others, or drawn."""

import os
import sys

import numpy as np
from peers.data import SYNTH, peerlib

from . import reference

sys.path.insert(0, SYNTH)
import gen_synth  # noqa: E402

CELL_ARCSEC = 1.2


def header(beam):
    """What gen_synth.py's files say of cell, direction and frequency."""
    return beam["cell_arcsec"] / 3600, 60.0, -45.0, 1.284e9, 0.77e9


def observation(path, dirty, psf, beam):
    """Writes dirty.fits and psf.fits into a directory, and gives it back. The beam is as in a meta.json."""
    os.makedirs(path, exist_ok=True)
    axes = beam["bmaj_arcsec"] / 3600, beam["bmin_arcsec"] / 3600, beam["bpa_deg"]
    for name, plane in (("dirty", dirty), ("psf", psf)):
        gen_synth.write_fits(os.path.join(path, f"{name}.fits"), plane, *header(beam), "Jy/beam", axes)
    return path


def beam_of(psf):
    """The Gaussian through a PSF's main lobe, as in a meta.json."""
    major, minor, angle, _ = gen_synth.fit_beam(psf, CELL_ARCSEC)
    return {"cell_arcsec": CELL_ARCSEC, "bmaj_arcsec": major, "bmin_arcsec": minor, "bpa_deg": angle}


def around(image, beam):
    """An image ⊛ beam around its edges."""
    return reference.filtered(image, reference.beam_spectrum(beam, image.shape))


def convolved(sky, model):
    """A model ⊛ beam as the sky was: linearly, or around the edges."""
    return around(model, sky.meta()) if sky.periodic else peerlib.beam_convolve(model.astype(np.float32), sky.meta())


def middle(plane, shape):
    """So many rows and columns; pixel n // 2 stays pixel n // 2."""
    return plane[tuple(slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(plane.shape, shape))]
