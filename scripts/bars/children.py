"""Commands that measure. Only the standard library is imported here."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field

from peers import build


@dataclass(frozen=True)
class Ended:
    """How a command ended, what it printed, and what it said beside."""

    status: int
    out: str
    said: list = field(repr=False)

    def objects(self):
        """Lines of JSON among what it printed."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def reason(self):
        """The last that it said."""
        return (self.said or [f"exit status {self.status}"])[-1]


def run(command, env=None, cwd=build.ROOT):
    """Runs it at the root of the repository. People who wait see what it says on its standard error. A variable that is none is
    taken away."""
    print(f"# {' '.join(command)}", file=sys.stderr, flush=True)
    merged = {name: value for name, value in {**os.environ, **(env or {})}.items() if value is not None}
    try:
        process = subprocess.Popen(command, cwd=cwd, env=merged, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return Ended(127, "", [str(error)])
    said = []

    def listen():
        for line in process.stderr:
            sys.stderr.write(line)
            said.append(line.rstrip())

    with process:
        listener = threading.Thread(target=listen)
        listener.start()
        out = process.stdout.read()
        listener.join()
    return Ended(process.returncode, out, [line for line in said if line])
