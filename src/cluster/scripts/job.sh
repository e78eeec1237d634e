@HEAD@
set -u

@VALUES@

@SYSTEM@

state=$job/elements/$element.json
host=${HOSTNAME:-unknown}
host=${host//[^A-Za-z0-9._-]/_}
job_id=${job_id//[\"\\]/_}
begun=$(date +%s)
tries=0

# Writes down how far the element is: record begun|requeued|ended STATUS. The file is the old one or the new one, never half of it.
record() {
    local ended=null
    [ "$1" = begun ] || ended=$(date +%s)
    printf '{"step":"%s","status":%s,"tries":%d,"anew":%s,"job":"%s","host":"%s","begun":%d,"ended":%s}\n' \
        "$1" "$2" "$tries" "$anew" "$job_id" "$host" "$begun" "$ended" >"$state.$host.$$" &&
        mv -f -- "$state.$host.$$" "$state" ||
        echo "element $element: $state cannot be written" >&2
}

# What keeps the run from beginning on this node.
give_up() {
    echo "element $element: $1" >&2
    record ended 78
    exit 78
}

if [ -f "$state" ]; then
    old=$(<"$state")
    if [[ $old == *'"step":"ended","status":0,'* ]]; then
        echo "element $element is done already"
        exit 0
    fi
    if [[ $old =~ \"tries\":([0-9]+) ]]; then tries=${BASH_REMATCH[1]}; fi
    if [[ $old == *'"anew":true'* ]]; then anew=true; fi
fi
first=$((tries == 0))
tries=$((tries + 1))
if [ "$tries" -gt "$most_tries" ]; then
    echo "element $element has begun $most_tries times and is not done: it does not begin again" >&2
    exit 1
fi
record begun null
rm -f -- "$job/elements/$element.next"
echo "element $element, job $job_id, node $host, try $tries of $most_tries: $(date)"

# Signals are passed on as USR1: deconv writes its checkpoint and ends with 75. TERM is the batch system ending the job: then it
# is not for the job to begin again.
signal=
child=
interrupted=
on_signal() {
    [ "$signal" = TERM ] || signal=$1
    interrupted=yes
    [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null
}
trap 'on_signal USR1' USR1
trap 'on_signal TERM' TERM

# A timer of its own, where the batch system sends no signal before the walltime is over.
timer=
if [ "$stop_after" -gt 0 ]; then
    (
        sleep "$stop_after" &
        nap=$!
        trap 'kill "$nap"; exit' TERM
        wait "$nap"
        kill -USR1 $$
    ) </dev/null >/dev/null 2>&1 &
    timer=$!
fi

# What is here was not written for set -u.
set +u
@SETUP@
set -u
[ -x "$deconv" ] || give_up "$deconv is not there"
[ -d "$scratch" ] || give_up "the directory for scratch is not there: $scratch"
# Packed inputs are unpacked there, too.
export TMPDIR=$scratch

@RUN@
run+=(--threads "$threads" --memory "$memory" --scratch "$scratch")
if [ "$anew" = true ]; then
    # What is there is to be replaced. Once this run has a checkpoint of its own, it goes on from that.
    [ "$first" -eq 0 ] || rm -f -- "$checkpoint"
    run+=(--overwrite)
    [ ! -e "$checkpoint" ] || run+=(--resume)
else
    # Goes on where it was stopped or killed, does nothing if it was done, begins if it has not begun.
    run+=(--resume)
fi

"${run[@]}" &
child=$!
[ -z "$signal" ] || kill -USR1 "$child" 2>/dev/null
status=127
while :; do
    interrupted=
    wait "$child"
    now=$?
    # A signal ends the wait, but not the run.
    [ "$now" -eq 127 ] || status=$now
    [ -n "$interrupted" ] || break
done
child=
[ -z "$timer" ] || kill "$timer" 2>/dev/null

# Stopped, or killed alone: it goes on as another job.
if [ "$status" -eq 75 ] || [ "$status" -gt 128 ]; then
    if [ "$signal" != TERM ] && [ "$tries" -lt "$most_tries" ]; then
        # Before anything else: Slurm ends this script in the middle of its request.
        record requeued "$status"
        echo "element $element ended with status $status, and is to go on as another job: $(date)"
        requeue && exit 75
        echo "element $element cannot be requeued; deconv gather $job --resubmit will submit it again" >&2
    fi
fi
record ended "$status"
echo "element $element ended with status $status: $(date)"
exit "$status"
