//! A whole job: options → arrays → algorithms ↔ scheduler → products.

mod figures;
mod inspect;
mod machine;
mod options;
mod outputs;
mod plan;
mod plane;
mod run;
mod summary;

pub use options::Options;
pub use run::{deconvolve, deconvolve_with};
pub use summary::{PlaneSummary, Summary};
