//! Where components may be found, as the user says it.

use super::Options;
use crate::array::{Builder, ChunkedArray, Grid, Source};
use crate::error::Result;
use crate::image::rect::Rect;
use crate::image::{Image, Regions};
use crate::kernel::{Mask, Score, Signs};
use std::path::Path;

/// The mask of a job: what all that was given for it allows.
#[derive(Debug, Clone)]
pub struct Masks {
    /// The file, and its plane for each plane of the dirty image.
    file: Option<(Image, Vec<usize>)>,
    regions: Option<Regions>,
    /// The plane without its border.
    inside: Rect,
}

impl Masks {
    /// Opens what the options name; none if components may be anywhere.
    ///
    /// # Errors
    /// Of kind `Input`, if a file cannot be used or does not go with the dirty image.
    pub fn open(options: &Options, dirty: &Image) -> Result<Option<Masks>> {
        let file = options.mask.as_deref().map(Image::open).transpose()?;
        let file = file.map(|image| {
            image.check_same_pixels(dirty)?;
            let planes = (0..dirty.planes()).map(|plane| image.matching_plane(dirty, plane, "mask"));
            planes.collect::<Result<_>>().map(|planes| (image, planes))
        });
        let file = file.transpose()?;
        let regions = options.mask_region.as_deref().map(|path| Regions::read(path, dirty)).transpose()?;
        let inside = inside(dirty.shape(), options.border);
        let used = file.is_some() || regions.is_some() || options.border > 0.0;
        Ok(used.then_some(Masks { file, regions, inside }))
    }

    /// Appends the mask of planes of the dirty image that are worked on as one, 1 where all of them allow components and 0
    /// elsewhere, on strips of whole rows.
    pub fn planes(&self, b: &mut Builder<'_>, planes: &[usize], strips: Grid) -> ChunkedArray {
        let plane_of = |plane: &usize| self.file.as_ref().map(|(_, planes)| planes[*plane]);
        let mut one_each = planes.to_vec();
        one_each.dedup_by_key(|plane| plane_of(plane));
        let masks: Vec<ChunkedArray> = one_each.iter().map(|&plane| self.plane(b, plane, strips)).collect();
        let both = |all: ChunkedArray, mask: &ChunkedArray| {
            let all = all.map(b, &[mask], |at| Score { rows: at.rows, cols: at.cols, signs: Signs::Both }.into());
            all.map(b, &[], |at| Mask { at, inside: self.inside, regions: None }.into())
        };
        masks[1..].iter().fold(masks[0].clone(), both)
    }

    /// Appends the mask of a plane of the dirty image alone.
    fn plane(&self, b: &mut Builder<'_>, plane: usize, strips: Grid) -> ChunkedArray {
        let given = match &self.file {
            Some((image, planes)) => ChunkedArray::from_fits(b, &Source::plane(image, planes[plane]), strips.chunk.0),
            None => ChunkedArray::fill(b, strips, 1.0),
        };
        given.map(b, &[], |at| {
            let regions = self.regions.as_ref().map(|regions| regions.within(&at));
            Mask { at, inside: self.inside, regions }.into()
        })
    }

    /// The bytes of the files.
    pub fn bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, |(image, _)| image.bytes())
    }
}

/// A plane without so many percent, below 50, of its rows and columns on each side, rounded down.
fn inside((rows, cols): (usize, usize), percent: f64) -> Rect {
    let (y, x) = ((rows as f64 * percent / 100.0) as usize, (cols as f64 * percent / 100.0) as usize);
    Rect::new(y as i64, x as i64, rows - 2 * y, cols - 2 * x)
}

/// Where components may be found, for HISTORY; nothing if anywhere and of any sign.
pub fn history(options: &Options) -> Option<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let signs = match options.parameters.signs {
        Signs::Both => None,
        Signs::Positive => Some("no-negative".to_string()),
        Signs::UntilNegative => Some("stop-on-negative".to_string()),
    };
    let border = (options.border > 0.0).then(|| format!("border={}%", options.border));
    let file = options.mask.as_deref().map(|file| format!("mask={}", name(file)));
    let region = options.mask_region.as_deref().map(|file| format!("mask-region={}", name(file)));
    let auto = options.parameters.auto_mask.map(|sigmas| format!("auto-mask={sigmas}"));
    let local = options.parameters.local_rms.map(|beams| format!("local-rms={beams}"));
    let said: Vec<String> = [file, region, border, auto, local, signs].into_iter().flatten().collect();
    (!said.is_empty()).then(|| format!("deconv {}", said.join(" ")))
}
