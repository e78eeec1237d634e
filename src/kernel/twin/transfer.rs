//! Chunks on their way.

use super::super::{Download, Upload};
use super::{Recording, Twin};
use crate::error::Result;

impl Twin for Upload {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let there = recording.made(0);
        recording.gpu().upload(recording.input(0).as_bytes(), &there)
    }
}

impl Twin for Download {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (gpu, there) = (recording.gpu, recording.chunk(0));
        gpu.download(&there, recording.output(0).as_mut_bytes())
    }
}
