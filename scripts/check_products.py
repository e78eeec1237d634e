#!/usr/bin/env python3
"""Look at the products of a run with other eyes than the program's own: astropy and fitsverify.

    scripts/check_products.py DIRTY.fits PREFIX [PREFIX ...]

PREFIX-components.fits, where it is there, has the pixels of the model that are not zero, where astropy sees them.
For PREFIX-model.fits, PREFIX-residual.fits and PREFIX-image.fits: astropy opens them without a warning, their checksums
hold, they have the axes, the WCS and the cards of the dirty image and the right unit, and fitsverify finds no error.
Exit status 0 if all is well, 1 if not; each fault is one line.
"""

import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS, FITSFixedWarning

# Cards about how pixels are stored, or written anew.
REPLACED = {
    "SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "DATAMIN", "DATAMAX",
    "BUNIT", "BMAJ", "BMIN", "BPA", "CASAMBM", "XTENSION", "PCOUNT", "GCOUNT", "EXTNAME", "EXTVER", "EXTLEVEL", "INHERIT",
    "",
}


def wcs_of(header):
    """The WCS of a header; what astropy mends in old headers is the dirty image's matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(header)


def image_header(path):
    """The header of the first image with two axes or more."""
    with fits.open(path) as hdus:
        return next(hdu.header for hdu in hdus if hdu.is_image and hdu.header["NAXIS"] > 1)


def cards(header):
    """Keyword and value of each card that a product keeps."""
    return [(card.keyword, card.value) for card in header.cards if card.keyword not in REPLACED]


def is_subsequence(some, all_of_them):
    """The first of some that is not among all of them, in order; none if all are."""
    rest = iter(all_of_them)
    return next((card for card in some if not any(card == other for other in rest)), None)


def check_header(dirty, product, name):
    """What is wrong with a product's header, as texts."""
    shape = [dirty[f"NAXIS{i + 1}"] for i in range(dirty["NAXIS"])]
    if [product.get(f"NAXIS{i + 1}") for i in range(product["NAXIS"])] != shape:
        yield "other axes than the dirty image"
        return
    lost = is_subsequence(cards(dirty), cards(product))
    if lost is not None:
        yield f"the card {lost} is not kept in its place"
    corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape])).reshape(len(shape), -1).T
    ours, theirs = (wcs_of(header).wcs_pix2world(corners, 0) for header in (product, dirty))
    if not np.array_equal(ours, theirs, equal_nan=True):
        yield "another WCS than the dirty image"
    unit = "/pixel" if name == "model" else "/beam"
    if dirty.get("BUNIT", "").strip().lower() in ("", "jy", "jy/beam") and product.get("BUNIT") != "Jy" + unit:
        yield f"the unit is {product.get('BUNIT')}"
    if name == "model" and "BMAJ" in product:
        yield "the model has a beam"
    if not any("deconv" in line for line in product.get("HISTORY", [])):
        yield "no HISTORY of the run"


def check_file(path, dirty, name):
    """What is wrong with a product, as texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with fits.open(path, checksum=True) as hdus:
                for hdu in hdus:
                    hdu.verify("exception")
                    if hdu.data is None:
                        yield f"HDU {hdu.name} is empty"
                header = hdus[0].header
                if "CHECKSUM" not in header or "DATASUM" not in header:
                    yield "no checksum"
                beams = "BMAJ" in header or (len(hdus) > 1 and hdus[1].name == "BEAMS")
                beams = beams or any("beam in pixels" in line for line in header.get("COMMENT", []))
                if name != "model" and not beams:
                    yield "no beam"
                yield from check_header(dirty, header, name)
        except (OSError, Warning, fits.VerifyError) as error:
            yield f"astropy: {error}"
    if shutil.which("fitsverify"):
        run = subprocess.run(["fitsverify", "-q", str(path)], capture_output=True, text=True, check=False)
        # Warnings are about the cards of the input.
        if run.returncode != 0 and "and 0 errors" not in run.stdout:
            yield f"fitsverify: {run.stdout.strip()}"


def check_components(path, model, header):
    """What is wrong with a table of components beside the model whose pixels they are, as texts."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with fits.open(path, checksum=True) as hdus:
                for hdu in hdus:
                    hdu.verify("exception")
                table = Table.read(hdus["COMPONENTS"])
        except (OSError, Warning, fits.VerifyError) as error:
            yield f"astropy: {error}"
            return
    wcs = wcs_of(header)
    names = [name.split("-")[0] for name in wcs.wcs.ctype]
    order = [i for i, name in enumerate(names) if name not in ("RA", "DEC")][::-1] + [names.index("DEC"), names.index("RA")]
    pixels = model.transpose([len(names) - 1 - i for i in order])
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    planes, y, x = np.nonzero(pixels)
    if not all(np.array_equal(table[name], other) for name, other in (("PLANE", planes), ("Y", y), ("X", x))):
        yield "other components than the model has pixels"
        return
    if not np.array_equal(table["FLUX"], pixels[planes, y, x]):
        yield "other fluxes than the model"
    lon, lat = wcs.celestial.wcs_pix2world(x, y, 0)
    if len(x) and max(np.abs(lon - table["RA"]).max(), np.abs(lat - table["DEC"]).max()) > 1e-9:
        yield "other places on the sky than those of astropy"
    if shutil.which("fitsverify"):
        run = subprocess.run(["fitsverify", "-q", str(path)], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            yield f"fitsverify: {run.stdout.strip()}"


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    if not shutil.which("fitsverify"):
        print("SKIPPED: fitsverify is not installed")
    dirty = image_header(arguments[0])
    faults = 0
    for prefix in arguments[1:]:
        for name in ("model", "residual", "image"):
            path = f"{prefix}-{name}.fits"
            for fault in check_file(path, dirty, name):
                print(f"{path}: {fault}")
                faults += 1
        table = f"{prefix}-components.fits"
        if os.path.exists(table):
            with fits.open(f"{prefix}-model.fits") as hdus:
                model, header = hdus[0].data, hdus[0].header
            for fault in check_components(table, model, header):
                print(f"{table}: {fault}")
                faults += 1
    print(f"{3 * len(arguments[1:])} products of {arguments[0]}: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
