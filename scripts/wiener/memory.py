"""Little memory changes no bit."""

import filecmp
import os
import sys

from peers.bars import Bar

from .program import Deconv, attempt

SIZE, LITTLE, ENOUGH = 8192, "512MiB", "8GiB"
MIB = 2 ** 20

# In a smoke run it is what a plane of 1024² needs to spill.
SMALL_SIZE, SMALL_LITTLE = 1024, "32MiB"

PRODUCTS = ("model", "residual", "image")


def memory(bench):
    size, little = (SMALL_SIZE, SMALL_LITTLE) if bench.settings.quick else (SIZE, LITTLE)
    for boundary in ("linear", "periodic"):
        what = f"wiener, {boundary}, {little} and {ENOUGH}"
        found, note = attempt(lambda: both(bench, size, little, boundary))
        if note:
            yield Bar("memory", what, size, 1, "products that differ", float("nan"), 0.0, note=note)
            continue
        in_little, in_enough = found
        differ = [name for name in PRODUCTS if not same_bytes(in_little, in_enough, name)]
        spilled = in_little.summary["scratch"]["written_bytes"] / MIB
        own = f"{spilled:.0f} MiB written to scratch, CPU {in_little.cpu_s:.3g} s and {in_enough.cpu_s:.3g} s"
        yield Bar("memory", what, size, 1, "products that differ", float(len(differ)), 0.0, ours=own, note=", ".join(differ))
        limit = float(little.removesuffix("MiB"))
        yield Bar("memory", what, size, 1, f"most memory in {little}, MiB", in_little.peak_bytes / MIB, limit)


def both(bench, size, little, boundary):
    """The same run in little memory and in enough."""
    sky = bench.skies.get(size, 1)
    done = []
    for budget in (little, ENOUGH):
        print(f"# wiener, {boundary}: {size}² in {budget}", file=sys.stderr)
        program = Deconv(bench.deconv.program, os.path.join(bench.settings.work, f"out-{budget}"))
        done.append(program.run(f"{sky.path}/dirty.fits", f"{sky.path}/psf.fits", "wiener", "--boundary", boundary, "--memory", budget))
    return done


def same_bytes(one, other, name):
    return filecmp.cmp(f"{one.prefix}-{name}.fits", f"{other.prefix}-{name}.fits", shallow=False)
