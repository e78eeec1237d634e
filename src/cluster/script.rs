//! The batch scripts.

use super::manifest::{Element, Manifest};
use super::quote::quoted;
use super::resources::Resources;
use super::submit::JobOptions;
use super::system::System;

/// The scripts as they are, but for lines such as `@RUN@`.
const JOB: &str = include_str!("scripts/job.sh");
const GATHER: &str = include_str!("scripts/gather.sh");
const SLURM: &str = include_str!("scripts/slurm.sh");
const PBS: &str = include_str!("scripts/pbs.sh");

/// MiB of a gather job: it reads products a block at a time.
const GATHER_MIB: usize = 512;

/// Seconds of a gather job beside its elements.
const GATHER_SECONDS: u64 = 1800;

/// Those for each element, whose products it reads, and those for one whose products it copies, too.
const READ_SECONDS: u64 = 30;
const COPY_SECONDS: u64 = 120;

/// What scripts are made from.
#[derive(Debug)]
pub struct Blueprint<'a> {
    /// What the job is about.
    pub manifest: &'a Manifest,
    /// The job directory.
    pub directory: &'a str,
    /// The program.
    pub program: &'a str,
    /// The directory on the node for scratch, as a word for bash.
    pub scratch: String,
    /// Do runs replace what was there before them?
    pub anew: bool,
    /// How jobs are to be submitted.
    pub job: &'a JobOptions,
}

impl Blueprint<'_> {
    /// The script that runs an element.
    pub fn job_script(&self) -> String {
        let Blueprint { manifest, directory, program, scratch, anew, .. } = self;
        let Resources { cores, run_mib, walltime_s, grace_s, .. } = manifest.resources;
        let mut values = format!(
            "job={}\ndeconv={}\nthreads={cores}\nmemory={run_mib}MiB\nmost_tries={}\nanew={anew}\n",
            quoted(directory),
            quoted(program),
            manifest.tries
        );
        let system = match manifest.system {
            System::Slurm => SLURM,
            System::Pbs => {
                values
                    .push_str(&format!("# --grace before the walltime is over\nstop_after={}\n", walltime_s - grace_s));
                PBS
            }
        };
        let mut run = String::from("run=(\"$deconv\")\n");
        match (manifest.is_array(), manifest.elements.first()) {
            (false, Some(element)) => run.push_str(&element_script(element)),
            _ => run.push_str("# The element's own part: run+=(…), checkpoint=…\n. \"$job/elements/$element.sh\"\n"),
        }
        let setup = format!("{}# The node's local disk\nscratch={scratch}\n", self.setup());
        let head = format!("{}{}", self.head("job", &manifest.resources), self.how_to_submit());
        filled(JOB, &[("HEAD", head), ("VALUES", values), ("SYSTEM", system.into()), ("SETUP", setup), ("RUN", run)])
    }

    /// The script that gathers.
    pub fn gather_script(&self) -> String {
        let each = if self.manifest.cubes.is_empty() { READ_SECONDS } else { COPY_SECONDS };
        let elements = self.manifest.elements.len() as u64;
        let granted = Resources {
            cores: 1,
            gpus: 0,
            granted_mib: GATHER_MIB,
            walltime_s: (GATHER_SECONDS + each * elements).next_multiple_of(60),
            memory_reason: "products are read a block at a time".into(),
            walltime_reason: format!("half an hour, and {each} s for each of {elements} elements"),
            ..self.manifest.resources.clone()
        };
        let run = format!("run=({} gather {} --resubmit)\n", quoted(self.program), quoted(self.directory));
        filled(GATHER, &[("HEAD", self.head("gather", &granted)), ("SETUP", self.setup()), ("RUN", run)])
    }

    /// The first line, and what the batch system is to know of a `job` or a `gather` script.
    fn head(&self, script: &str, granted: &Resources) -> String {
        let lines = match self.manifest.system {
            System::Slurm => self.slurm(script == "job", granted),
            System::Pbs => self.pbs(script == "job", granted),
        };
        let shell = if self.job.modules.is_empty() { "#!/bin/bash" } else { "#!/bin/bash -l" };
        format!("{shell}\n# Written by deconv {} submit.\n{}", self.manifest.version, lines.concat())
    }

    fn slurm(&self, is_job: bool, granted: &Resources) -> Vec<String> {
        let JobOptions { account, queue, mail, .. } = self.job;
        let name = if is_job { self.manifest.name.clone() } else { format!("{}-gather", self.manifest.name) };
        let line = |directive: String| format!("#SBATCH --{directive}\n");
        let mut lines = vec![line(format!("job-name={name}"))];
        lines.extend(["nodes=1", "ntasks=1"].map(|directive| line(directive.into())));
        lines.push(line(format!("cpus-per-task={}", granted.cores)));
        lines.extend((granted.gpus > 0).then(|| line(format!("gres=gpu:{}", granted.gpus))));
        lines.push(format!("# {}\n", granted.memory_reason));
        lines.push(line(format!("mem={}M", granted.granted_mib)));
        lines.push(format!("# {}\n", granted.walltime_reason));
        lines.push(line(format!("time={}", granted.walltime())));
        lines.push(line("requeue".into()));
        lines.push(line("open-mode=append".into()));
        if is_job {
            lines.push("# so long before the walltime is over the run is told to write its checkpoint\n".into());
            lines.push(line(format!("signal=B:USR1@{}", granted.grace_s)));
            lines.extend(self.array().map(|range| line(format!("array={range}"))));
        }
        let log = if !is_job {
            "gather"
        } else if self.manifest.is_array() {
            "%a"
        } else {
            "1"
        };
        lines.push(line(format!("output=logs/{log}.log")));
        lines.extend(account.iter().map(|account| line(format!("account={account}"))));
        lines.extend(queue.iter().map(|queue| line(format!("partition={queue}"))));
        let when = if is_job { "FAIL" } else { "END,FAIL" };
        lines.extend(mail.iter().flat_map(|mail| [format!("mail-user={mail}"), format!("mail-type={when}")].map(line)));
        lines
    }

    fn pbs(&self, is_job: bool, granted: &Resources) -> Vec<String> {
        let JobOptions { account, queue, mail, .. } = self.job;
        let name = if is_job { self.manifest.name.clone() } else { format!("{}-gather", self.manifest.name) };
        let line = |directive: String| format!("#PBS -{directive}\n");
        let mut lines = vec![line(format!("N {name}")), line("S /bin/bash".into())];
        lines.push(format!("# {}\n", granted.memory_reason));
        let gpus = if granted.gpus > 0 { format!(":ngpus={}", granted.gpus) } else { String::new() };
        lines.push(line(format!("l select=1:ncpus={}{gpus}:mem={}mb", granted.cores, granted.granted_mib)));
        lines.push(format!("# {}\n", granted.walltime_reason));
        lines.push(line(format!("l walltime={}", granted.walltime())));
        lines.extend(["r y", "j oe", "o logs/"].map(|directive| line(directive.into())));
        lines.extend(account.iter().map(|account| line(format!("A {account}"))));
        lines.extend(queue.iter().map(|queue| line(format!("q {queue}"))));
        let when = if is_job { "a" } else { "ae" };
        lines.extend(mail.iter().flat_map(|mail| [format!("M {mail}"), format!("m {when}")].map(line)));
        lines
    }

    /// The indices of an array, with the most that run at once.
    pub fn array(&self) -> Option<String> {
        let limit = self.manifest.max_running.map_or(String::new(), |most| format!("%{most}"));
        self.manifest.is_array().then(|| format!("1-{}{limit}", self.manifest.elements.len()))
    }

    /// The commands that submit job and gather job by hand.
    pub fn commands(&self) -> [String; 3] {
        let array = self.array().map_or(String::new(), |range| format!("-J {range} "));
        let (job, gather) = match self.manifest.system {
            System::Slurm => ("sbatch --parsable job.sh".into(), "sbatch --dependency=afterany:$id gather.sh".into()),
            System::Pbs => (format!("qsub {array}job.sh"), "qsub -W \"depend=afterany:$id\" gather.sh".to_string()),
        };
        [format!("cd {}", quoted(self.directory)), format!("id=$({job})"), gather]
    }

    fn how_to_submit(&self) -> String {
        let [_, job, gather] = self.commands();
        format!("# Submitted from the directory in which it is: {job}; {gather}\n")
    }

    /// Modules, and what the user wants to be done before the run.
    fn setup(&self) -> String {
        let module = |name: &String| {
            let name = quoted(name);
            format!("module load {name} || give_up \"module load failed: \"{name}\n")
        };
        let lines = self.job.setup.iter().map(|line| format!("{line}\n"));
        self.job.modules.iter().map(module).chain(lines).collect()
    }
}

/// An element's own part of the command line.
pub fn element_script(element: &Element) -> String {
    let checkpoint = quoted(&element.checkpoint.to_string_lossy());
    array("run+=(", &element.arguments) + &format!("checkpoint={checkpoint}\n")
}

/// An array of words, one a line.
fn array(begin: &str, words: &[String]) -> String {
    let words: String = words.iter().map(|word| format!("\n    {}", quoted(word))).collect();
    format!("{begin}{words})\n")
}

/// A text in which lines such as `@RUN@` are replaced.
fn filled(text: &str, parts: &[(&str, String)]) -> String {
    let part = |line: &str| {
        let name = line.strip_prefix('@')?.strip_suffix('@')?;
        parts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.trim_end_matches('\n').to_string())
    };
    let lines = text.lines().map(|line| part(line).unwrap_or_else(|| line.to_string()) + "\n");
    lines.collect()
}
