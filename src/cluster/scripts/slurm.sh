# The element of this job, and what Slurm calls the job.
element=${SLURM_ARRAY_TASK_ID:-1}
job_id=${SLURM_JOB_ID:-none}
[ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job_id=${SLURM_ARRAY_JOB_ID}_$element

# Slurm sends USR1 by itself (--signal).
stop_after=0

# The same job again, in the same array.
requeue() {
    scontrol requeue "$job_id"
}
