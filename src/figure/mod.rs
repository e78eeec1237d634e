//! Figures of what a deconvolution did: dirty image, model, residual and restored image of one plane or of several.
//!
//! A [`Plane`] names the images and what is told of them; [`draw`] reads them a strip at a time, never a plane as a
//! whole, and makes a [`Figure`], whose [`Canvas`] becomes a PNG. The brightness of dirty, residual and restored image has
//! one [`Scale`], linear about the noise and logarithmic above it; the model has its own. [`draw_chains`] shows how a sampler went, [`draw_plot`] what was measured.

pub mod arrange;
pub mod axes;
pub mod beam;
pub mod canvas;
pub mod chains;
pub mod number;
pub mod paint;
pub mod panel;
pub mod picture;
pub mod plot;
pub mod scale;
pub mod sheet;
pub mod text;
pub mod ticks;

pub use canvas::{Area, Canvas};
pub use chains::{Trace, Traces, draw_chains};
pub use picture::Plane;
pub use plot::{Curve, Lower, Mark, Plot, PlotPanel, draw_plot};
pub use scale::{BLANK, Scale};
pub use sheet::{Figure, PLANES, draw};
