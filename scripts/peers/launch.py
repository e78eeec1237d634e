"""Runs a program and writes down what it took.

    python -I -S launch.py REPORT.json COMMAND [ARGUMENT ...]

The report has seconds of the clock and of all processors, and the most resident memory. Linux counts the size of the
process that a program was started from as the program's own, so this one stays small: it imports next to nothing.
"""

import os
import sys
import time


def main(report, command):
    start = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    cpu = usage.ru_utime + usage.ru_stime
    with open(report, "w", encoding="ascii") as file:
        file.write('{"wall_s": %.6f, "cpu_s": %.6f, "peak_bytes": %d}\n' % (wall, cpu, peak))
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
