#!/usr/bin/env python3
"""What clark reaches on synthetic skies of known truth, beside what was asked, and its CPU time against Radler's.

    pip install numpy scipy radler
    scripts/measure_clark.py [--work DIR] [--no-radler]

Needs the program (`cargo build --release`). Skies are made by scripts/synth/gen_synth.py, figures of merit are
those of scripts/synth/peerlib.py. CPU time is that of whole processes, reading and writing included; both programs run
in turn, and the medians of three runs are compared.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SYNTH = os.path.join(HERE, "synth")
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
DECONV = os.path.join(TARGET, "release", "deconv")
sys.path.insert(0, SYNTH)
import peerlib as L  # noqa: E402


def make(work, size, seed):
    """The directory of a synthetic sky, made if it is not there."""
    data = os.path.join(work, f"n{size}s{seed}")
    if not os.path.exists(os.path.join(data, "meta.json")):
        command = [sys.executable, os.path.join(SYNTH, "gen_synth.py"), data, "--n", str(size), "--seed", str(seed)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return data


def deconv(data, psf, niter, method="clark"):
    """Products and summary of a run."""
    out = os.path.join(data, "out")
    command = [DECONV, "--dirty", f"{data}/dirty.fits", "--psf", f"{data}/{psf}", "--output", out, "--overwrite", "-q"]
    command += ["--method", method, "--niter", str(niter), "--threshold", "0", "--nsigma", "0", "--gain", "0.1"]
    subprocess.run(command + ["--summary", f"{out}.json"], check=True)
    model, residual = L.read_fits(f"{out}-model.fits")[0], L.read_fits(f"{out}-residual.fits")[0]
    return model, residual, json.load(open(f"{out}.json"))["planes"][0]


def cpu(run):
    """Seconds of CPU of the child processes of a call."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fidelity(work):
    print("| seed | PSF | iterations | figure | asked | measured |\n| --- | --- | --- | --- | --- | --- |")
    for seed, textbook in ((1, 43.58), (2, 45.47)):
        data = make(work, 1024, seed)
        model, residual, plane = deconv(data, "psf.fits", 10_000)
        value = 1e6 * L.metrics(data, model, residual)["fid_rms"]
        head = f"| {seed} | psf.fits | {plane['iterations']} |"
        print(f"{head} fidelity rms, uJy | {1.01 * textbook:.2f} (1.01 x Hogbom's) | {value:.2f} |")
        model, residual, plane = deconv(data, "psf2n.fits", 40_000)
        read = lambda name: L.read_fits(os.path.join(data, name))[0]
        restored, truth = L.beam_convolve(model, L.meta(data)), read("truth_restored.fits")
        beyond = restored + residual - truth - read("noise.fits")
        head = f"| {seed} | psf2n.fits | {plane['iterations']} |"
        print(f"{head} error beyond the noise, rms, uJy | 2.0 | {1e6 * (beyond ** 2).mean() ** 0.5:.2f} |")
        print(f"{head} model * beam - truth, rms, uJy | 9 | {1e6 * (restored - truth).std():.2f} |", flush=True)


def speed(work):
    data = make(work, 2048, 1)
    rows = os.path.join(work, "radler.jsonl")
    radler = [sys.executable, os.path.join(SYNTH, "run_radler.py"), data, work, rows]
    radler += ["--cases", "generic-mg80", "--niter", "10000", "--threads", "1"]
    ours = [cpu(lambda: deconv(data, "psf.fits", 10_000)) for _ in range(3)]
    subprocess.run(radler, check=True, stdout=subprocess.DEVNULL)
    theirs = json.loads(open(rows).read().splitlines()[-1])["t_process_cpu_all"]
    ours += [cpu(lambda: deconv(data, "psf.fits", 10_000)) for _ in range(3)]
    a, b = statistics.median(ours), statistics.median(theirs)
    print("\n2048 x 2048, 10,000 iterations, CPU seconds of the whole process")
    print(f"deconv clark {a:.2f}, Radler generic-mg80 {b:.2f}, ratio {b / a:.1f} (asked: at least 1)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", help="directory for the synthetic data (default: a temporary one)")
    parser.add_argument("--no-radler", action="store_true", help="fidelity only")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or temporary
        os.makedirs(work, exist_ok=True)
        fidelity(work)
        if not arguments.no_radler:
            speed(work)


if __name__ == "__main__":
    main()
