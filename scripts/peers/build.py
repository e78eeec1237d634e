"""The program that is measured. Only the standard library is imported here."""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))


def program(work):
    """A copy of the program to be measured, so that a build meanwhile changes nothing."""
    if "DECONV" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    named = os.path.abspath(os.environ.get("DECONV", os.path.join(TARGET, "release", "deconv")))
    if not os.access(named, os.X_OK):
        sys.exit(f"{sys.argv[0]}: {named} is no program")
    copy = os.path.join(os.path.abspath(work), "deconv")
    os.makedirs(work, exist_ok=True)
    shutil.copy2(named, copy)
    return copy


def version(program):
    """What it says of itself, and which bytes it is."""
    with open(program, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    said = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return f"{said} (sha256 {digest})"
