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
mod score;
mod summary;
mod survey;
mod truth;

pub use info::{AxisInfo, CellInfo, FileInfo, PlaneInfo, PsfInfo, Transfer, info};
pub use options::Options;
pub use run::{deconvolve, deconvolve_with};
pub use score::{Score, Scored, score};
pub use summary::{BeamSummary, PlaneSummary, Summary};
