//! The options of the command line. Their names are a contract.

use super::beam::parse_beam;
use super::bytes::parse_bytes;
use super::chunk::{Chunk, parse_chunk};
use super::execution::Execution;
use crate::algorithm::{Balance, Boundary, Method, Parameters};
use crate::job::{self, CHECKPOINT_SHARE, Device, Options};
use crate::kernel::{NoiseSpectrum, Regularization, Scales, Signs};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Deconvolve a radio image: a dirty image and its PSF (dirty beam) in, model, residual and restored image out.
///
/// Every Stokes and channel plane is deconvolved, each with its own PSF plane or with the only one.
#[derive(Debug, Parser)]
#[command(name = "deconv", version, max_term_width = 100, after_help = ENDING, allow_negative_numbers = true)]
pub struct Arguments {
    /// Dirty image (FITS)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub dirty: PathBuf,

    /// PSF of the dirty image (FITS), of any size, same cell
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub psf: PathBuf,

    /// Work on these planes of a cube alone, counted from 0 in the order of the file: 4-7, or 4; the products have no others
    #[arg(long, value_name = "FIRST-LAST", help_heading = "Input", value_parser = parse_planes)]
    pub planes: Option<(usize, usize)>,

    /// CLEAN: start from this model (FITS, per pixel, such as an earlier PREFIX-model.fits or one of CASA or WSClean) instead
    /// of an empty one; of the same size and coordinates; what is found is added to it, blank pixels count as 0
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub model: Option<PathBuf>,

    /// Write PREFIX-model.fits, PREFIX-residual.fits, PREFIX-image.fits and, where there is a mask, PREFIX-mask.fits; after a
    /// last / the dirty file's stem is added
    /// [default: the dirty file's stem, in the current directory]
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// Go on from PREFIX.checkpoint, which a run leaves that is stopped or killed, and end with the same products; without
    /// a checkpoint start anew, after a finished run do nothing
    #[arg(long, help_heading = "Output")]
    pub resume: bool,

    /// Restoring beam: FWHM of both axes in arcsec (in pixels without WCS; a unit may be added: 0.1deg,5arcsec,20) and
    /// position angle in degrees, north through east [default: the header's, else the BEAMS table's, else a fit]
    #[arg(long, value_name = "MAJ,MIN,PA", help_heading = "Output", allow_hyphen_values = true)]
    pub beam: Option<String>,

    /// Write what was done as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub summary: Option<PathBuf>,

    /// CLEAN: write the components of the model as the file's ending says: .fits (table), .csv, .reg (DS9 regions), .txt or
    /// .skymodel (text sky model of WSClean and DP3)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub components: Option<PathBuf>,

    /// Draw dirty image, residual, restored image and model into PREFIX.png; a cube fills PREFIX-2.png and so on, 4
    /// planes each
    #[arg(long, help_heading = "Output")]
    pub png: bool,

    /// Score the products against the synthetic observation in a directory, in table and summary: see deconv score
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub truth: Option<PathBuf>,

    /// How to deconvolve
    #[arg(long, default_value = "clark", help_heading = "Method", value_parser = named(Method::ALL, Method::name))]
    pub method: Method,

    /// CLEAN: most components a plane; meant as a last resort, --nsigma or --threshold should end it before
    #[arg(long, value_name = "N", default_value_t = 1_000_000, help_heading = "Method")]
    pub niter: u64,

    /// CLEAN: the part of a peak that is taken at once
    #[arg(long, default_value_t = 0.1, help_heading = "Method")]
    pub gain: f32,

    /// CLEAN: stop where the largest absolute residual is at most this, in the unit of the dirty image; 0 is off
    #[arg(long, value_name = "JY", default_value_t = 0.0, help_heading = "Method")]
    pub threshold: f64,

    /// CLEAN: stop where the largest absolute residual is at most this many times the noise (1.4826 x the median
    /// absolute deviation of the residual, estimated anew at every refresh); 0 is off [default: 5; 3 with --auto-mask]
    #[arg(long, value_name = "S", help_heading = "Method")]
    pub nsigma: Option<f64>,

    /// clark, hogbom: clean the Stokes planes of each channel as one. Peaks are those of the root of the sum of squares over them,
    /// sqrt(I^2+Q^2+U^2+V^2), and at each place found every plane gets a component of --gain x its own value there and loses its own
    /// PSF times that; --niter counts places. --threshold is compared with the root, and --nsigma and --auto-mask with the root of the
    /// sum of squares of the planes' own sigmas, which is the rms of the root where there is noise alone. A pixel that is blank in one
    /// plane, or outside the mask of one, is found in none. Not with --no-negative, --stop-on-negative, --local-rms
    #[arg(long, help_heading = "Method")]
    pub join_polarizations: bool,

    /// multiscale: sizes of components in pixels, as in 0,6,15,45: 0 (a point) first, then growing, at most 8. The size is the
    /// full width of the support of the component's shape, a tapered parabola, as in WSClean (CASA's is half of it; its
    /// FWHM is about half of it, too) [default: 0, twice the FWHM of the beam, and its doubles up to 128 and an eighth of the
    /// image]
    #[arg(long, value_name = "PIXELS", help_heading = "Method", value_parser = parse_scales)]
    pub scales: Option<Scales>,

    /// multiscale: how small scales are favoured. The scale is taken with the highest |R|/sqrt(P) x BIAS^(1 + log2(scale /
    /// smallest scale)); R is the residual convolved with the scale's shape, P the peak of the PSF convolved twice with it,
    /// and the power is 1 for points. 1 favours none
    #[arg(long, value_name = "BIAS", default_value_t = Parameters::DEFAULT.scale_bias, help_heading = "Method")]
    pub scale_bias: f64,

    /// CLEAN and filters that iterate: stop at the first refresh, or iteration, after so long (900, 15m, 2h), counted from the begin of the run (with --resume anew), with
    /// what there is then: products depend on the machine then
    #[arg(long, value_name = "TIME", help_heading = "Method", value_parser = parse_time)]
    pub time_limit: Option<f64>,

    /// Filters: the power of the noise over that of the sky, which is added (times the --regularization) to the PSF's transfer
    /// function, of which the mean is 1, or with white noise to its square. A number; noise: from the noise and the strength of the
    /// sky, both measured of what a first solution makes of the image (huber: from the noise and --delta, so that an edge costs 0.3 times
    /// the noise times the rms of the transfer function); gcv: by generalised cross-validation
    #[arg(long, value_name = "NUMBER|noise|gcv", default_value = "noise", help_heading = "Filters", value_parser = parse_balance)]
    pub balance: Balance,

    /// Filters: rms of the noise in the unit of the dirty image, for --balance noise [default: measured]
    #[arg(long, value_name = "JY", help_heading = "Filters")]
    pub noise: Option<f64>,

    /// Filters: what the noise is like. natural: it went through the same uv coverage and weights as the sky, as that of a naturally
    /// weighted dirty image. white: independent in every pixel; with --boundary linear that is one transform of the zero-padded
    /// image, an approximation [default: natural; white for wiener and wiener-hunt with --boundary periodic]
    #[arg(long, value_name = "KIND", help_heading = "Filters", value_parser = named(NoiseSpectrum::ALL, NoiseSpectrum::name))]
    pub noise_spectrum: Option<NoiseSpectrum>,

    /// wiener-hunt: what is held to be small: differences of neighbours (gradient) or the Laplacian [default: laplacian]
    #[arg(long, value_name = "PRIOR", help_heading = "Filters", value_parser = named(Regularization::ALL, Regularization::name))]
    pub regularization: Option<Regularization>,

    /// huber: how large a difference of neighbours is taken for noise, in the unit of the dirty image a pixel; larger ones are edges, and
    /// cost in proportion to their height, --balance times this one [default: from the noise, about that of a pixel of the model]
    #[arg(long, value_name = "JY", help_heading = "Filters")]
    pub delta: Option<f64>,

    /// Filters: what is beyond the frame. linear: no sky, and the dirty image is a crop of the PSF's convolution with it: exact,
    /// solved by conjugate gradients, with masks and blank pixels. periodic: the same again, one transform
    #[arg(long, value_name = "KIND", default_value = "linear", help_heading = "Filters", value_parser = named(Boundary::ALL, Boundary::name))]
    pub boundary: Boundary,

    /// unsupervised-wiener: draws of the sky that are kept, or up to three times as many until 30 of them are independent [default: 100
    /// with --boundary periodic, else 40]
    #[arg(long, value_name = "N", help_heading = "Filters")]
    pub samples: Option<u64>,

    /// unsupervised-wiener: where random numbers begin; the same seed gives the same products
    #[arg(long, value_name = "N", default_value_t = Parameters::DEFAULT.seed, help_heading = "Filters")]
    pub seed: u64,

    /// unsupervised-wiener: write PREFIX-model-uncertainty.fits too, the standard deviation of the pixels of the model itself
    #[arg(long, help_heading = "Filters")]
    pub model_uncertainty: bool,

    /// Filters: most iterations of a solution [default: 200]; huber: each of up to 4 conjugate gradients
    /// [default: 50]; richardson-lucy [default: 30]
    #[arg(long, value_name = "N", help_heading = "Filters")]
    pub iterations: Option<u64>,

    /// Filters: the equations count as solved where so much of the dirty image is left
    #[arg(long, value_name = "PART", default_value_t = Parameters::DEFAULT.tolerance, help_heading = "Filters")]
    pub tolerance: f64,

    /// Find components, or with filters any sky, only where this image (FITS) is neither 0 nor blank; it has the pixels of the dirty image, and
    /// one plane or one for each of its planes. Masks of several kinds allow what all of them allow; PREFIX-mask.fits tells
    #[arg(long, value_name = "FILE", help_heading = "Mask")]
    pub mask: Option<PathBuf>,

    /// Find components, or any sky, only in the shapes of a region file of DS9 (.reg) or CASA (.crtf): circle, ellipse, box, polygon
    /// and annulus, in pixels or in the image's own coordinates on the sky (FK5 and ICRS are taken for one), excluded ones too.
    /// A pixel is in a shape if its centre is
    #[arg(long, value_name = "FILE", help_heading = "Mask")]
    pub mask_region: Option<PathBuf>,

    /// Find no components, nor any sky, within this part of the size from each edge
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, help_heading = "Mask")]
    pub border: f64,

    /// CLEAN: clean down to this many times the noise first, then only where components have been found, down to --nsigma
    #[arg(long, value_name = "S", num_args = 0..=1, default_missing_value = "5", help_heading = "Mask")]
    pub auto_mask: Option<f64>,

    /// CLEAN: count peaks in units of the noise around them. It is measured in boxes of this many beams a side (FWHM, of the
    /// mean of both axes; 25 if no number is given), interpolated between them. --threshold and all peaks that are told are
    /// then those where the noise is lowest; elsewhere they are higher as the noise is
    #[arg(long, value_name = "BEAMS", num_args = 0..=1, default_missing_value = "25", help_heading = "Mask")]
    pub local_rms: Option<f64>,

    /// CLEAN and huber: find no components, or no sky, below zero; not for planes of Stokes Q, U and V
    #[arg(long, help_heading = "Mask", conflicts_with = "stop_on_negative")]
    pub no_negative: bool,

    /// CLEAN: stop where the next component would be below zero
    #[arg(long, help_heading = "Mask")]
    pub stop_on_negative: bool,

    /// Size of the chunks in which minor cycles run, N or ROWSxCOLUMNS. auto: what deconv bench --save-profile found to be fastest for
    /// this method and size on this machine, else what is by what is known of such machines: products depend on the machine then
    /// [default: chosen by the method]
    #[arg(long, value_name = "N|NxM|auto", help_heading = "Execution", value_parser = parse_chunk)]
    pub chunk: Option<Chunk>,

    /// Pixels that a chunk sees beyond its edges [default: chosen by the method]
    #[arg(long, value_name = "N", help_heading = "Execution")]
    pub overlap: Option<usize>,

    /// Bytes of the strips in which planes are stored and transformed, such as 1MiB; same bits [default: as deconv bench
    /// --save-profile found to be fastest, else by the size of the plane]
    #[arg(long, value_name = "SIZE", help_heading = "Execution", value_parser = parse_bytes)]
    pub strip: Option<usize>,

    /// Where transforms, and all that goes with them, are done. gpu: on a graphics processor, through Vulkan or Metal, where deconv
    /// devices finds one; minor cycles and files stay with the cores. auto: where it is sooner, as measured once on a machine. Without a
    /// device, with too small a one, or when it is lost, the CPU does it, and that is said. Products differ from those of the CPU by rounding
    #[arg(long, value_name = "DEVICE", default_value = "cpu", help_heading = "Execution", value_parser = named(Device::ALL, Device::name))]
    pub device: Device,

    /// Memory of the device that may be used, such as 8GiB [default: 0.9 of it; 0.25 where it is the machine's own]
    #[arg(long, value_name = "SIZE", help_heading = "Execution", value_parser = parse_bytes)]
    pub gpu_memory: Option<usize>,

    /// How it is run.
    #[command(flatten)]
    pub execution: Execution,

    /// For tests: the part of the time that checkpoints may take
    #[arg(long, value_name = "PART", default_value_t = CHECKPOINT_SHARE, hide = true, help_heading = "Execution")]
    pub checkpoint_share: f64,

    /// Show progress: a live line on a terminal, plain lines elsewhere
    #[arg(long, value_enum, default_value_t = ProgressName::Auto, help_heading = "Messages")]
    pub progress: ProgressName,

    /// Say more: a line for every refresh
    #[arg(short, long, help_heading = "Messages", conflicts_with = "quiet")]
    pub verbose: bool,

    /// Say nothing but errors
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,
}

const ENDING: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 75 stopped by SIGTERM or SIGUSR1, 130 interrupted.

A run that is stopped, and one that fails at writing, can be gone on with if its residual has been refreshed once, or if a method \
that makes pixels has written its state: it leaves PREFIX.checkpoint and its unfinished products, as hidden files. A long run writes \
its checkpoint now and then, so that it can be gone on with when it is killed, too. Give the same command with --resume. Where nothing \
can be gone on with, a run that fails leaves no file behind.

What is not here: every plane is cleaned on its own, so there are no joined channels and no multi-frequency synthesis (MT-MFS); \
and there is no primary-beam correction: fluxes are as apparent as those of the dirty image. CASA and WSClean \
have both.";

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressName {
    /// A live line if standard error is a terminal, plain lines if not
    Auto,
    /// A live line, terminal or not
    Always,
    /// No progress; notes are shown still
    Never,
}

impl Arguments {
    /// The job that is asked for.
    ///
    /// # Errors
    /// Of kind `Usage`, if a value cannot be read.
    pub fn options(&self) -> crate::error::Result<Options> {
        Ok(Options {
            dirty: self.dirty.clone(),
            psf: self.psf.clone(),
            planes: self.planes,
            model: self.model.clone(),
            output: self.output.clone(),
            overwrite: self.overwrite,
            mask: self.mask.clone(),
            mask_region: self.mask_region.clone(),
            border: self.border,
            method: self.method,
            parameters: Parameters {
                niter: self.niter,
                gain: self.gain,
                threshold: self.threshold,
                nsigma: self.nsigma.unwrap_or(match self.auto_mask {
                    Some(_) => Parameters::NSIGMA_INSIDE,
                    None => Parameters::DEFAULT.nsigma,
                }),
                balance: self.balance,
                noise: self.noise,
                noise_spectrum: self.noise_spectrum,
                regularization: self.regularization,
                delta: self.delta,
                boundary: self.boundary,
                iterations: self.iterations,
                tolerance: self.tolerance,
                samples: self.samples,
                seed: self.seed,
                model_uncertainty: self.model_uncertainty,
                chunk: self.chunk.and_then(Chunk::given),
                overlap: self.overlap,
                scales: self.scales,
                scale_bias: self.scale_bias,
                signs: match (self.no_negative, self.stop_on_negative) {
                    (true, _) => Signs::Positive,
                    (_, true) => Signs::UntilNegative,
                    _ => Signs::Both,
                },
                auto_mask: self.auto_mask,
                local_rms: self.local_rms,
            },
            join_polarizations: self.join_polarizations,
            beam: self.beam.as_deref().map(parse_beam).transpose()?,
            scheduler: self.execution.scheduler(),
            threads: self.execution.threads,
            memory: self.execution.memory,
            scratch: self.execution.scratch.clone(),
            device: self.device,
            gpu_memory: self.gpu_memory,
            auto_chunk: self.chunk == Some(Chunk::Auto),
            strip: self.strip,
            profile: job::profile_path(),
            summary: self.summary.clone(),
            components: self.components.clone(),
            png: self.png,
            truth: self.truth.clone(),
            time_limit: self.time_limit,
            resume: self.resume,
            checkpoint_share: self.checkpoint_share,
        })
    }
}

/// One of a few things that have names.
fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|one| name(*one)))
        .map(move |text| *all.iter().find(|one| name(**one) == text).unwrap_or(&all[0]))
}

fn parse_balance(text: &str) -> Result<Balance, String> {
    match text {
        "noise" => Ok(Balance::Noise),
        "gcv" => Ok(Balance::Gcv),
        number => number.parse().map(Balance::Given).map_err(|_| "give a number, noise or gcv".to_string()),
    }
}

/// `FIRST-LAST`, or one number.
fn parse_planes(text: &str) -> Result<(usize, usize), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number =
        |part: &str| part.trim().parse::<usize>().map_err(|_| "give two numbers, as in 4-7, or one".to_string());
    Ok((number(first)?, number(last)?))
}

/// Numbers with commas between them.
fn parse_scales(text: &str) -> Result<Scales, String> {
    let number = |part: &str| part.trim().parse::<f64>().map_err(|e| format!("{part}: {e}"));
    let pixels = text.split(',').map(number).collect::<Result<Vec<f64>, String>>()?;
    Scales::new(&pixels).map_err(|error| error.to_string())
}

/// Seconds, or a number with `s`, `m` or `h`.
pub fn parse_time(text: &str) -> Result<f64, String> {
    let units = [('s', 1.0), ('m', 60.0), ('h', 3600.0)];
    let unit = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((text, 1.0));
    number
        .trim()
        .parse::<f64>()
        .map(|number| number * seconds)
        .map_err(|_| "give seconds, or a number with s, m or h: 900, 15m, 2h".to_string())
}
