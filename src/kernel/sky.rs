//! A made-up sky, put into pixels a strip of rows at a time.

use super::gridding::{REACH, taper};
use super::operation::{Call, Operation};
use super::payload::{Block, Shape};
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// A point source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PointSource {
    /// Column, 0-based; 0 is the middle of the first pixel.
    pub x: f64,
    /// Row, 0-based.
    pub y: f64,
    /// Flux, Jy.
    pub flux: f64,
}

/// An extended source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExtendedSource {
    /// Column of its middle, 0-based.
    pub x: f64,
    /// Row of its middle, 0-based.
    pub y: f64,
    /// Brightness in its middle, Jy/pixel.
    pub height: f64,
    /// What it looks like.
    pub form: Form,
}

/// What an extended source looks like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Form {
    /// An elliptical Gaussian, left out where it is below 1e-9 of its height.
    Gaussian {
        /// Standard deviations in pixels: along the direction of `angle`, and across.
        sigma: (f64, f64),
        /// Angle in radians from the direction of growing columns to that of growing rows.
        angle: f64,
    },
    /// A disk of constant brightness, whose edge is one pixel wide.
    Disk {
        /// Radius in pixels.
        radius: f64,
    },
}

/// Standard deviations after which a Gaussian is left out.
const GAUSSIAN_ENDS: f64 = 6.5;

impl ExtendedSource {
    /// Brightness at a pixel, Jy/pixel.
    pub fn at(&self, y: usize, x: usize) -> f64 {
        let (dy, dx) = (y as f64 - self.y, x as f64 - self.x);
        match self.form {
            Form::Gaussian { sigma, angle } => {
                let (sin, cos) = angle.sin_cos();
                let along = (dx * cos + dy * sin) / sigma.0;
                let across = (dy * cos - dx * sin) / sigma.1;
                let square = along * along + across * across;
                if square > GAUSSIAN_ENDS * GAUSSIAN_ENDS { 0.0 } else { self.height * (-0.5 * square).exp() }
            }
            Form::Disk { radius } => self.height * (0.5 + radius - dx.hypot(dy)).clamp(0.0, 1.0),
        }
    }

    /// The pixels of an image of `size` × `size` outside of which it is zero: rows, columns.
    pub fn extent(&self, size: usize) -> (Range<usize>, Range<usize>) {
        let reach = match self.form {
            Form::Gaussian { sigma, .. } => GAUSSIAN_ENDS * sigma.0.max(sigma.1),
            Form::Disk { radius } => radius + 0.5,
        };
        let along = |centre: f64| {
            let end = ((centre + reach).floor() + 1.0).max(0.0) as usize;
            ((centre - reach).ceil().max(0.0) as usize).min(size)..end.min(size)
        };
        (along(self.y), along(self.x))
    }
}

/// How sources become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drawing {
    /// Points are put into the nearest pixel, extended sources are sampled: Jy/pixel.
    Nearest,
    /// Points are spread by the function of [`super::gridding`] where they are, and so is every pixel of extended sources:
    /// after [`super::GriddingCorrection`], this is the spectrum of extended sources and points between pixels.
    Spread {
        /// Does what reaches over an edge of the image come in at the opposite one? Otherwise it is in the image's margin.
        periodic: bool,
    },
}

/// A strip of a sky.
///
/// No input. Output: pixels of `at`, whole rows of the image, or of the image with a margin of [`REACH`] pixels. Extended
/// sources end at the image's edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sky {
    /// Where the strip lies in the image.
    pub at: Rect,
    /// Rows and columns of the image.
    pub size: usize,
    /// Extended sources.
    pub extended: Arc<[ExtendedSource]>,
    /// Points, of which those count that touch the strip.
    pub points: Arc<[PointSource]>,
    /// How they become pixels.
    pub drawing: Drawing,
}

impl Operation for Sky {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn scratch_bytes(&self) -> usize {
        (2 * self.size + 2 * REACH) * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.outputs[0].real_mut();
        (0..self.at.rows).for_each(|y| pixels.row_mut(y).fill(0.0));
        let (row, wide) = call.scratch.as_mut_slice::<f64>().split_at_mut(self.size);
        match self.drawing {
            Drawing::Nearest => self.draw_nearest(row, pixels),
            Drawing::Spread { periodic } => {
                let taps: Vec<f64> = (0..=2 * REACH).map(|k| taper(k as f64 - REACH as f64)).collect();
                self.extended
                    .iter()
                    .for_each(|source| self.spread_extended(source, &taps, periodic, (row, wide), pixels));
                self.points.iter().for_each(|point| self.spread_point(point, periodic, pixels));
            }
        }
        Ok(())
    }
}

impl Sky {
    /// Adds up each row in f64 before it is rounded.
    fn draw_nearest(&self, row: &mut [f64], pixels: &mut Block<f32>) {
        for line in 0..self.at.rows {
            let y = self.at.y0 as usize + line;
            row.fill(0.0);
            for source in self.extended.iter() {
                let (rows, columns) = source.extent(self.size);
                if rows.contains(&y) {
                    columns.for_each(|x| row[x] += source.at(y, x));
                }
            }
            for point in self.points.iter().filter(|point| nearest(point.y) == y as i64) {
                if let Some(pixel) = row.get_mut(nearest(point.x) as usize) {
                    *pixel += point.flux;
                }
            }
            pixels.row_mut(line).iter_mut().zip(&*row).for_each(|(pixel, value)| *pixel = *value as f32);
        }
    }

    /// Every row of a source within reach of the strip is spread along columns, then added to the rows around.
    fn spread_extended(
        &self,
        source: &ExtendedSource,
        taps: &[f64],
        periodic: bool,
        (row, wide): (&mut [f64], &mut [f64]),
        pixels: &mut Block<f32>,
    ) {
        let (reach, size) = (REACH as i64, self.size as i64);
        let (rows, columns) = source.extent(self.size);
        if columns.is_empty() {
            return;
        }
        let wide = &mut wide[..columns.len() + 2 * REACH];
        for y in self.at.y0 - reach..self.at.y1() + reach {
            let inside = if periodic { y.rem_euclid(size) } else { y };
            if inside < 0 || !rows.contains(&(inside as usize)) {
                continue;
            }
            wide.fill(0.0);
            row.iter_mut().zip(columns.clone()).for_each(|(value, x)| *value = source.at(inside as usize, x));
            for (x, value) in row[..columns.len()].iter().enumerate() {
                wide[x..].iter_mut().zip(taps).for_each(|(sum, tap)| *sum += value * tap);
            }
            for to in (y - reach).max(self.at.y0)..=(y + reach).min(self.at.y1() - 1) {
                let tap = taps[(to - y + reach) as usize];
                let line = pixels.row_mut((to - self.at.y0) as usize);
                for (x, value) in (columns.start as i64 - reach..).zip(&*wide) {
                    line[self.place(x, periodic)] += (tap * value) as f32;
                }
            }
        }
    }

    /// Adds a point to the pixels around it.
    fn spread_point(&self, point: &PointSource, periodic: bool, pixels: &mut Block<f32>) {
        let reach = REACH as f64;
        let around = |centre: f64| (centre - reach).ceil() as i64..=(centre + reach).floor() as i64;
        for y in around(point.y) {
            let to = if periodic { y.rem_euclid(self.size as i64) } else { y };
            if (self.at.y0..self.at.y1()).contains(&to) {
                let height = point.flux * taper(y as f64 - point.y);
                let line = pixels.row_mut((to - self.at.y0) as usize);
                around(point.x)
                    .for_each(|x| line[self.place(x, periodic)] += (height * taper(x as f64 - point.x)) as f32);
            }
        }
    }

    /// Where column x of the image lies in the strip.
    fn place(&self, x: i64, periodic: bool) -> usize {
        let x = if periodic { x.rem_euclid(self.size as i64) } else { x };
        (x - self.at.x0) as usize
    }
}

/// The pixel that a place belongs to; halfway, the even one.
pub fn nearest(place: f64) -> i64 {
    place.round_ties_even() as i64
}
