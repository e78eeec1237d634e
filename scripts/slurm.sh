#!/bin/bash
# A run as a job of Slurm, by hand: change the names and submit it with `sbatch slurm.sh`.
# `deconv submit slurm` writes a script like this, with what the run takes filled in, and arrays of them.

#SBATCH --job-name=deconv
#SBATCH --nodes=1
#SBATCH --ntasks=1
# Cores and memory: as many threads as cores; `deconv plan` says how much memory a run wants. What the job is granted is a little more
# than what deconv may take (--memory below), as the shell takes some, too.
#SBATCH --cpus-per-task=4
#SBATCH --mem=2300M
#SBATCH --time=02:00:00
# Two minutes before the time is over Slurm sends USR1 to this script (B:), which passes it on.
#SBATCH --signal=B:USR1@120
# The job may begin again, and its log goes on then.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=deconv-%j.log
##SBATCH --account=PROJECT
##SBATCH --partition=QUEUE
##SBATCH --mail-user=ADDRESS
##SBATCH --mail-type=END,FAIL

set -u
# module load deconv

# --resume goes on where the run was stopped or killed, begins where there is nothing, and does nothing after a finished run.
# --scratch: what does not fit the memory goes to the node's own disk.
deconv --dirty dirty.fits --psf psf.fits --output run --summary run.json --resume \
    --threads "${SLURM_CPUS_PER_TASK:-4}" --memory 2GiB --scratch "${TMPDIR:-/tmp}" &
child=$!

# bash hears a signal only while it waits: hence the & above.
trap 'signalled=yes; kill -USR1 "$child"' USR1
signalled=yes
while [ -n "$signalled" ]; do
    signalled=
    wait "$child"
    status=$?
done

# 75: the run has written its checkpoint. The same job goes on later.
[ "$status" -ne 75 ] || scontrol requeue "$SLURM_JOB_ID"
exit "$status"
