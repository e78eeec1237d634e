"""What astropy reads from each image in data/nasty: data/nasty/PIXELS.tsv, for tests/nasty.rs.

Usage: scripts/nasty_pixels.py > data/nasty/PIXELS.tsv (needs astropy and numpy)
"""

import pathlib
import sys
import warnings

import numpy as np
from astropy.io import fits

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "nasty"
PLACES = 5


def image(path, hdu=None):
    """The pixels of an HDU, else of the first image with at least two axes and no axis of length 0, in f64, or None."""
    with fits.open(path) as hdus:
        for i, one in enumerate(hdus):
            is_image = isinstance(one, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)) and not isinstance(one, fits.GroupsHDU)
            if is_image and len(one.shape) >= 2 and 0 not in one.shape and hdu in (None, i):
                data = np.array(one.data, dtype=np.float64).ravel()
                blank = one.header.get("BLANK")
                if blank is not None and one.header["BITPIX"] > 0 and not np.isnan(data).any():
                    scale, zero = one.header.get("BSCALE", 1.0), one.header.get("BZERO", 0.0)
                    data[data == zero + scale * blank] = np.nan
                return data
    return None


def row(name, data):
    sound = data[np.isfinite(data)]
    numbers = [sound.sum(), np.abs(sound).sum(), sound.min(), sound.max()] if sound.size else [0.0] * 4
    places = [(data.size - 1) * i // (PLACES - 1) for i in range(PLACES)]
    fields = [name, data.size, sound.size] + [repr(float(x)) for x in numbers]
    fields += [f"{place}:{float(data[place])!r}" for place in places]
    print(*fields, sep="\t")


def main():
    print("file", "pixels", "finite", "sum", "sum of absolutes", "min", "max", *["place:value"] * PLACES, sep="\t")
    for path in sorted(FOLDER.iterdir()):
        try:
            data = None if path.suffix == ".tsv" else image(path)
        except Exception as error:  # what astropy cannot read is not compared
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        if data is not None:
            row(path.name, data)
    for hdu in (1, 3):
        row(f"multi_ext_int16.fits[{hdu}]", image(FOLDER / "multi_ext_int16.fits", hdu))
    row("multi_ext_int16.fits[sci,4]", image(FOLDER / "multi_ext_int16.fits", 4))


if __name__ == "__main__":
    main()
