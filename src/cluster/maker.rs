//! The elements that runs become: one, or several that work on some planes of a cube each.

use super::element::{Language, Run, Setting, absolute, utf8, value};
use super::manifest::{Cube, Element};
use super::resources::Demand;
use super::taken::Taken;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::job::{self, Device, Files, Options};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What holds for all runs.
pub struct Wishes<'a> {
    /// How options are read.
    pub language: &'a Language,
    /// The options of a run that its script gives.
    pub run: &'a Options,
    /// Cores of an element.
    pub cores: usize,
    /// The job directory, which is not there yet.
    pub directory: &'a Path,
    /// The most planes that an element works on; none: all of them.
    pub planes_per_job: Option<usize>,
    /// Stops it.
    pub cancel: &'a Arc<AtomicBool>,
}

/// What was made of runs.
#[derive(Debug, Default)]
pub struct Made {
    /// The elements.
    pub elements: Vec<Element>,
    /// What is to be made of the products of several.
    pub cubes: Vec<Cube>,
    /// What they want at most.
    pub demand: Demand,
    taken: Taken,
}

/// Makes elements of runs.
pub struct Maker<'a> {
    wishes: Wishes<'a>,
    /// What was made so far.
    pub made: Made,
}

impl Maker<'_> {
    /// One that has made none yet.
    pub fn new(wishes: Wishes<'_>) -> Maker<'_> {
        Maker { wishes, made: Made::default() }
    }

    /// Looks at a run, and adds its elements.
    ///
    /// # Errors
    /// If options, inputs or outputs do not allow it, or if it would write a file of another run.
    pub fn add(&mut self, run: &Run) -> Result<()> {
        let summary = self.summary();
        let settings = settled(run, &summary)?;
        let options = self.options(&settings)?;
        match self.parts(&options)?.as_slice() {
            [] | [_] => self.add_whole(run, &settings, options),
            parts => self.add_parts(run, options, parts),
        }
    }

    fn add_whole(&mut self, run: &Run, settings: &[Setting], options: Options) -> Result<()> {
        // The job directory is not there yet.
        let own = options.summary.clone().filter(|path| path.starts_with(self.wishes.directory));
        let elsewhere = options.summary.clone().filter(|_| own.is_none());
        let mut files = job::files(&Options { summary: elsewhere, ..options.clone() })?;
        files.products.extend(own);
        self.look(&options)?;
        self.made.taken.add(run, &files)?;
        self.made.elements.push(element(run.origin.clone(), None, settings, files));
        Ok(())
    }

    /// An element for each part of the planes, whose products are in the job directory until they are made one.
    fn add_parts(&mut self, run: &Run, options: Options, parts: &[(usize, usize)]) -> Result<()> {
        if value(&run.settings, "summary").is_some() {
            return Err(Error::usage("--summary: with --planes-per-job each part of the planes has its own")
                .remedy("leave it out: summary.json in the job directory tells of all planes"));
        }
        let whole = Options { summary: None, components: None, png: false, ..options };
        let files = job::files(&whole)?;
        // Parts are alike, and the first one is the largest.
        self.look(&Options { planes: parts.first().copied(), ..whole.clone() })?;
        self.made.taken.add(run, &files)?;
        let begin = self.made.elements.len() + 1;
        for &(first, last) in parts {
            let settings = self.part_settings(run, (first, last))?;
            let files = job::files_to_be(&self.options(&settings)?)?;
            let origin = format!("{}, planes {first}-{last}", run.origin);
            self.made.elements.push(element(origin, Some((first, last)), &settings, files));
        }
        let elements = (begin, self.made.elements.len());
        let cube = Cube { dirty: whole.dirty, elements, images: files.images, overwrite: whole.overwrite };
        self.made.cubes.push(cube);
        Ok(())
    }

    /// The options of the next element, which works on some planes of a run.
    fn part_settings(&self, run: &Run, (first, last): (usize, usize)) -> Result<Vec<Setting>> {
        let stem = self.wishes.directory.join("parts").join((self.made.elements.len() + 1).to_string());
        let stem = utf8(&stem)?.to_string();
        let mut settings = run.settings.clone();
        settings.retain(|setting| setting.option != "output");
        settings.push(Setting::new("output", Some(stem.clone()), true));
        settings.push(Setting::new("planes", Some(format!("{first}-{last}")), false));
        for list in settings.iter_mut().filter(|setting| setting.option == "components") {
            let ending = list.value.as_deref().and_then(|name| Path::new(name).extension()).unwrap_or_default();
            list.value = Some(format!("{stem}.{}", ending.to_string_lossy()));
        }
        settled(&Run { settings, ..run.clone() }, &self.summary())
    }

    /// First and last plane of each element of a run.
    fn parts(&self, options: &Options) -> Result<Vec<(usize, usize)>> {
        match self.wishes.planes_per_job {
            Some(most) if options.planes.is_none() => Ok(Image::open(&options.dirty)?.axes().parts(most)),
            _ => Ok(Vec::new()),
        }
    }

    /// The summary of the next element, if it has none elsewhere.
    fn summary(&self) -> PathBuf {
        self.wishes.directory.join("elements").join(format!("{}-summary.json", self.made.elements.len() + 1))
    }

    /// The run that settings ask for, on a machine that has all the memory that it wants.
    fn options(&self, settings: &[Setting]) -> Result<Options> {
        // No machine has as much.
        const UNLIMITED: usize = 1 << 50;
        let Options { overwrite, resume, .. } = *self.wishes.run;
        let threads = Some(self.wishes.cores);
        let options = (self.wishes.language.read)(&words(settings, &[]))?;
        Ok(Options { overwrite, resume, threads, memory: Some(UNLIMITED), scratch: None, ..options })
    }

    /// Counts what a run wants.
    fn look(&mut self, options: &Options) -> Result<()> {
        let Wishes { run, cores, cancel, .. } = self.wishes;
        // A device is the node's: here it is not opened, and who has none there must have the memory to do without.
        let here = Options { device: Device::Cpu, gpu_memory: None, ..options.clone() };
        let forecast = job::forecast(&here, cancel)?;
        if let Some(memory) = run.memory {
            // Refused here rather than on the node.
            job::forecast(&Options { memory: Some(memory), ..here }, cancel)?;
        }
        self.made.demand = self.made.demand.max(Demand::of(options, &forecast, cores));
        Ok(())
    }
}

/// The settings of a run with names from the root, and with a name for its products and its summary.
fn settled(run: &Run, summary: &Path) -> Result<Vec<Setting>> {
    let mut settings = run.settings.clone();
    if value(&settings, "output").is_none() {
        settings.push(Setting::new("output", Some("./".into()), true));
    }
    for setting in settings.iter_mut().filter(|setting| setting.is_file) {
        setting.value = setting.value.as_deref().map(absolute).transpose()?;
    }
    if value(&settings, "summary").is_none() {
        settings.push(Setting::new("summary", Some(utf8(summary)?.into()), true));
    }
    Ok(settings)
}

/// Settings as words; `more` stands for itself.
pub fn words(settings: &[Setting], more: &[&str]) -> Vec<String> {
    settings.iter().map(Setting::word).chain(more.iter().map(|word| format!("--{word}"))).collect()
}

fn element(origin: String, planes: Option<(usize, usize)>, settings: &[Setting], files: Files) -> Element {
    let summary = PathBuf::from(value(settings, "summary").unwrap_or_default());
    let arguments = words(settings, &[]);
    Element { origin, arguments, planes, products: files.products, checkpoint: files.checkpoint, summary }
}
