//! A whole job: options → arrays → algorithms ↔ scheduler → products.

mod checkpoint;
mod components;
mod figures;
mod fingerprint;
mod forecast;
mod group;
mod history;
mod info;
mod inspect;
mod keeper;
mod machine;
mod mask;
mod memory;
mod names;
mod options;
mod outputs;
mod plan;
mod plane;
mod restore;
mod run;
mod score;
mod summary;
mod survey;
mod truth;

pub use forecast::Forecast;
pub(crate) use forecast::{fit, strip_bytes};
pub use info::{AxisInfo, CellInfo, FileInfo, PlaneInfo, PsfInfo, Transfer, info};
pub(crate) use machine::resident_bytes;
pub(crate) use memory::settings;
pub(crate) use options::check_threads;
pub use options::{CHECKPOINT_SHARE, Options};
pub use outputs::is_finished;
pub use restore::{RestoreOptions, RestoredPlane, Shown, restore, restore_with};
pub use run::{deconvolve, deconvolve_with, forecast};
pub use score::{Score, Scored, score};
pub use summary::{BeamSummary, JoinedSummary, PlaneSummary, Summary};
