"""The Python that the comparison runs in: the one at hand if it has all that is needed, else a venv of its own.

Only the standard library is imported here.
"""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")

# What a peer's name on the command line stands for.
PEERS = {"radler": ("radler",), "casa": ("casatasks", "casadata", "six")}

# Packages whose name is not that of their module.
PACKAGES = {"skimage": "scikit-image"}

# casatasks refuses to start without data of the Earth's rotation, which it would fetch; the package casadata has them.
CASA_CONFIG = """\
import casadata
measurespath = casadata.datapath
datapath = [casadata.datapath]
measures_auto_update = False
data_auto_update = False
nologger = True
nogui = True
logfile = "/dev/null"
"""


def ensure(modules, venv):
    """Returns if this Python has the modules; else goes on in a venv that has them, made if it is not there."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if not missing:
        return
    python = os.path.join(venv, "bin", "python")
    if os.path.abspath(sys.prefix) == os.path.abspath(venv):
        # It was made for fewer modules, or its making was broken off.
        install(python, missing)
        importlib.invalidate_caches()
        return
    if not os.path.exists(python):
        print(f"# making a Python environment in {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    os.execv(python, [python, *sys.argv])


def install(python, missing):
    """Installs the packages among the requirements that are missing."""
    print(f"# installing {', '.join(missing)}", file=sys.stderr)
    with open(REQUIREMENTS, encoding="ascii") as file:
        known = {line.partition("==")[0].strip(): line.strip() for line in file}
    packages = [PACKAGES.get(name, name) for name in missing]
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not set(packages) <= set(known) or subprocess.run([*command, *(known[name] for name in packages)]).returncode:
        sys.exit(f"{sys.argv[0]}: {', '.join(missing)} cannot be installed")


def casa_home(work):
    """The directory that is to be HOME for CASA."""
    home = os.path.join(work, "casa-home")
    os.makedirs(os.path.join(home, ".casa"), exist_ok=True)
    with open(os.path.join(home, ".casa", "config.py"), "w", encoding="ascii") as file:
        file.write(CASA_CONFIG)
    return home


def versions(modules):
    """Name and version of installed packages."""
    packages = [PACKAGES.get(name, name) for name in modules]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
