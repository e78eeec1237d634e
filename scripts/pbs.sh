#!/bin/bash
# A run as a job of PBS Professional or OpenPBS, by hand: change the names and submit it with `qsub pbs.sh`.
# `deconv submit pbs` writes a script like this, with what the run takes filled in, and arrays of them.

#PBS -N deconv
#PBS -S /bin/bash
# Cores and memory: as many threads as cores; `deconv plan` says how much memory a run wants. What the job is granted is a little more
# than what deconv may take (--memory below), as the shell takes some, too.
#PBS -l select=1:ncpus=4:mem=2300mb
#PBS -l walltime=02:00:00
# It may begin again after a node was lost.
#PBS -r y
#PBS -j oe
##PBS -A PROJECT
##PBS -q QUEUE
##PBS -M ADDRESS
##PBS -m ae

set -u
cd "${PBS_O_WORKDIR:-.}" || exit 1
# module load deconv

# --resume goes on where the run was stopped or killed, begins where there is nothing, and does nothing after a finished run.
# --scratch: what does not fit the memory goes to the node's own disk.
deconv --dirty dirty.fits --psf psf.fits --output run --summary run.json --resume \
    --threads 4 --memory 2GiB --scratch "${TMPDIR:-/tmp}" &
child=$!

# PBS sends no signal before the time is over: two minutes before, this does.
(
    sleep 7080 &
    nap=$!
    trap 'kill "$nap"; exit' TERM
    wait "$nap"
    kill -USR1 "$child"
) </dev/null >/dev/null 2>&1 &
timer=$!
wait "$child"
status=$?
kill "$timer" 2>/dev/null

# 75: the run has written its checkpoint. Another job goes on; qrerun, which would keep this one, is for operators only.
[ "$status" -ne 75 ] || qsub pbs.sh
exit "$status"
