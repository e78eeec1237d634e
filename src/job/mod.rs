//! A whole job: options → arrays → algorithms ↔ scheduler → products.

mod figures;
mod info;
mod inspect;
mod machine;
mod options;
mod outputs;
mod plan;
mod plane;
mod run;
mod summary;
mod survey;

pub use info::{AxisInfo, CellInfo, FileInfo, PlaneInfo, PsfInfo, Transfer, info};
pub use options::Options;
pub(crate) use options::check_threads;
pub(crate) use run::settings;
pub use run::{deconvolve, deconvolve_with};
pub use summary::{BeamSummary, PlaneSummary, Summary};
