//! Parts of a made-up observation, for graphs that must hold every kernel.

use super::bits;
use deconv::array::{Builder, ChunkedArray, Grid, Padding, Spectrum};
use deconv::image::Rect;
use deconv::kernel::gridding::REACH;
use deconv::kernel::{
    Drawing, ExtendedSource, Form, GriddingCorrection, PointSource, Sky, UvCell, UvMultiply, UvNoise, UvStrip,
    UvTransfer,
};

/// A strip of a spectrum about a third of whose cells are sampled, which depends on the seed and on nothing else.
pub fn uv_strip(first_column: usize, columns: usize, length: usize, seed: u64) -> UvStrip {
    let cell = |column: usize, row: usize| {
        let drawn = bits(seed, column * 100_000 + row);
        drawn.is_multiple_of(3).then_some(UvCell {
            column: column as u32,
            row: row as u32,
            count: 1 + (drawn >> 8) as u32 % 50,
        })
    };
    let all = (first_column..first_column + columns).flat_map(|column| (0..length).map(move |row| (column, row)));
    let cells = all.filter_map(|(column, row)| cell(column, row)).collect();
    UvStrip { first_column, columns, length, cells, density: 0.1 }
}

/// A sky of `size` × `size` pixels with a margin, on strips of so many rows.
pub fn sky(b: &mut Builder<'_>, size: usize, rows: usize) -> ChunkedArray {
    let side = size + 2 * REACH;
    ChunkedArray::made(b, Grid::strips((side, side), rows), |at| {
        let at = Rect { y0: at.y0 - REACH as i64, x0: -(REACH as i64), ..at };
        sky_strip(at, size, Drawing::Spread { periodic: false }).into()
    })
}

/// A strip of a sky of three sources.
pub fn sky_strip(at: Rect, size: usize, drawing: Drawing) -> Sky {
    let n = size as f64;
    let gaussian = Form::Gaussian { sigma: (0.12 * n, 0.05 * n), angle: 0.7 };
    let extended = [
        ExtendedSource { x: 0.3 * n, y: 0.9 * n, height: 0.5, form: gaussian },
        ExtendedSource { x: 0.6 * n, y: 0.4 * n, height: 0.25, form: Form::Disk { radius: 0.2 * n } },
    ];
    let points =
        [PointSource { x: 0.47 * n, y: 0.53 * n, flux: 2.0 }, PointSource { x: 0.2 * n, y: 0.61 * n, flux: 1.0 }];
    Sky { at, size, extended: extended.into(), points: points.into(), drawing }
}

/// A dirty image of that sky with noise, in a frame of at least the size with its margin.
pub fn observed(b: &mut Builder<'_>, size: usize, rows: usize, padding: Padding) -> Spectrum {
    let sky = sky(b, size, rows);
    let origin = (padding.rows - REACH, padding.cols - REACH);
    let seed = size as u64;
    let sky = Spectrum::of(b, &sky, origin, padding)
        .map(b, |first_column, columns, length| {
            GriddingCorrection { columns, length, first_column, row_length: padding.cols }.into()
        })
        .map(b, |first, columns, length| UvMultiply { uv: uv_strip(first, columns, length, seed), scale: 0.5 }.into());
    let psf = Spectrum::made(b, padding, |first, columns, length| {
        UvTransfer { uv: uv_strip(first, columns, length, seed), scale: 0.5 }.into()
    });
    let noise = Spectrum::made(b, padding, |first, columns, length| {
        UvNoise { uv: uv_strip(first, columns, length, seed), scale: 0.5, seed, stream: 1 }.into()
    });
    sky.multiply(b, &psf).multiply(b, &noise)
}
