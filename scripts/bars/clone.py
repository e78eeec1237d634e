"""Is everything green on a clean clone, built from nothing?"""

import os
import shutil
import time

from peers.bars import Bar
from peers.build import ROOT

from . import children
from .rows import Row

COMMAND = "scripts/test"


def clone(bench):
    """Of what is committed."""
    place = os.path.join(os.path.abspath(bench.settings.work), "clone")
    shutil.rmtree(place, ignore_errors=True)
    ended = children.run(["git", "clone", "--quiet", ROOT, place])
    start = time.monotonic()
    if ended.status == 0:
        ended = children.run([COMMAND], {"CARGO_TARGET_DIR": None, "DECONV": None}, cwd=place)
    note = f"{(time.monotonic() - start) / 60:.0f} minutes" if ended.status == 0 else ended.reason()
    shutil.rmtree(place, ignore_errors=True)
    yield Row("engine", Bar("clone", "a clean clone", 0, 0, "exit status of scripts/test", float(ended.status), 0.0, note=note), COMMAND)
