# The element of this job, and what PBS calls the job. A job that was submitted for one element alone is told which.
element=${DECONV_ELEMENT:-${PBS_ARRAY_INDEX:-${SLURM_ARRAY_TASK_ID:-1}}}
job_id=${PBS_JOBID:-${SLURM_JOB_ID:-none}}

# PBS keeps what a job prints until its end; this can be read meanwhile.
exec >>"$job/logs/$element.log" 2>&1

# A new job for this element: qrerun, which would keep the old one, is for operators only.
requeue() {
    local next
    next=$(cd "$job" && qsub -v "DECONV_ELEMENT=$element" job.sh) || return 1
    echo "submitted again as job $next"
    printf '%s\n' "$next" >"$job/elements/$element.next"
}
