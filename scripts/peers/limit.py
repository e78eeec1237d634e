"""What the bare transforms cost, measured by `cargo bench --bench fft`."""

import json
import os
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class BareTransforms:
    """Processor seconds of the bare kernels' transforms, measured when they are asked for."""

    def __init__(self, wanted):
        self.wanted, self.why, self.known = wanted, "" if wanted else "bare transforms not measured", {}

    def both_ways(self, shape):
        """Of one forward and one inverse transform of a frame; none if it is not known."""
        known = self.one_way_each(shape)
        return None if known is None else sum(known)

    def one_way_each(self, shape):
        """Of a forward and of an inverse transform of a frame; none if they are not known."""
        size = max(shape)
        if self.wanted and size not in self.known:
            self.known[size] = self.measure(size)
        known = self.known.get(size)
        # Frames are square where images are.
        return None if known is None else tuple(seconds * min(shape) / size for seconds in known)

    def anew(self, shape):
        """The same, measured now: for what is compared with runs that have just ended."""
        self.known.pop(max(shape), None)
        return self.one_way_each(shape)

    def measure(self, size):
        command = ["cargo", "bench", "--quiet", "--bench", "fft", "--", "--bare", str(size)]
        try:
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.why = f"cargo bench --bench fft failed: {(getattr(error, 'stderr', '') or str(error)).strip()[-200:]}"
            return None
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return found[0]["forward_cpu_s"], found[0]["inverse_cpu_s"]
