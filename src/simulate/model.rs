//! The made-up sky: points and extended sources.

use super::options::Options;
use crate::image::Rect;
use crate::kernel::gridding::REACH;
use crate::kernel::{ExtendedSource, Form, PointSource, Random};
use std::f64::consts::LN_2;
use std::sync::Arc;

/// The sources of a sky.
#[derive(Debug, Clone)]
pub struct Model {
    /// Points, by row.
    pub points: Arc<[PointSource]>,
    /// Extended sources.
    pub extended: Arc<[ExtendedSource]>,
}

/// Faintest and brightest point, Jy.
const FLUXES: (f64, f64) = (3e-5, 0.3);

/// Points brighter than S are in proportion to S to minus this.
const SLOPE: f64 = 0.7;

/// Flux in Jy, FWHM of both axes in arcsec, angle in degrees from columns to rows, column and row as parts of the image.
const GAUSSIANS: [[f64; 6]; 5] = [
    [0.20, 20.0, 12.0, 30.0, 0.32, 0.61],
    [0.30, 45.0, 30.0, 100.0, 0.66, 0.36],
    [0.50, 90.0, 60.0, 150.0, 0.57, 0.69],
    [0.08, 15.0, 15.0, 0.0, 0.27, 0.30],
    [0.40, 70.0, 25.0, 60.0, 0.40, 0.42],
];

/// Flux in Jy, radius in arcsec, column and row as parts of the image.
const DISKS: [[f64; 4]; 2] = [[0.10, 15.0, 0.74, 0.62], [0.30, 40.0, 0.45, 0.22]];

impl Model {
    /// The sky that options ask for. Places and fluxes of points are those that the catalogue says, to its last digit.
    pub fn new(options: &Options) -> Model {
        Model { points: points(options).into(), extended: extended(options.size, options.cell()).into() }
    }

    /// The points that touch rows of the image when they are spread.
    pub fn points_near(&self, at: Rect) -> Arc<[PointSource]> {
        let place = |row: i64| self.points.partition_point(|point| point.y < row as f64);
        let reach = REACH as i64 + 1;
        self.points[place(at.y0 - reach)..place(at.y1() + reach)].into()
    }

    /// Flux of all points, Jy.
    pub fn point_flux(&self) -> f64 {
        self.points.iter().map(|point| point.flux).sum()
    }

    /// Flux of all extended sources, Jy.
    pub fn extended_flux(&self) -> f64 {
        GAUSSIANS.iter().map(|source| source[0]).chain(DISKS.iter().map(|disk| disk[0])).sum()
    }

    /// Points as a table, the brightest first: column and row in pixels counted from 0, flux in Jy.
    pub fn catalogue(&self) -> String {
        let mut order: Vec<&PointSource> = self.points.iter().collect();
        order.sort_by(|a, b| b.flux.total_cmp(&a.flux));
        let line = |point: &&PointSource| format!("{:.4},{:.4},{:.6e}\n", point.x, point.y, point.flux);
        std::iter::once("x,y,flux_jy\n".to_string()).chain(order.iter().map(line)).collect()
    }
}

fn points(options: &Options) -> Vec<PointSource> {
    let random = Random::new(options.seed, super::run::POINTS);
    let size = options.size as f64;
    let place = |uniform: f64| {
        // In the inner 80 %.
        let place = size / 2.0 + 0.8 * size * (uniform - 0.5);
        if options.on_grid { place.round_ties_even() } else { (place * 1e4).round() / 1e4 }
    };
    let flux = |uniform: f64| {
        let (faint, bright) = (FLUXES.0.powf(-SLOPE), FLUXES.1.powf(-SLOPE));
        let flux = (faint + uniform * (bright - faint)).powf(-1.0 / SLOPE);
        format!("{flux:.6e}").parse().unwrap_or(flux)
    };
    let draw = |i: u64| PointSource {
        x: place(random.uniform(3 * i)),
        y: place(random.uniform(3 * i + 1)),
        flux: if i == 0 { FLUXES.1 } else { flux(random.uniform(3 * i + 2)) },
    };
    let mut points: Vec<PointSource> = (0..options.sources() as u64).map(draw).collect();
    points.sort_by(|a, b| a.y.total_cmp(&b.y));
    points
}

/// Extended sources, each with all of its flux within the image.
fn extended(size: usize, cell: f64) -> Vec<ExtendedSource> {
    let sigma = |fwhm: f64| fwhm / cell / (8.0 * LN_2).sqrt();
    let gaussians = GAUSSIANS.iter().map(|&[flux, major, minor, angle, x, y]| {
        let form = Form::Gaussian { sigma: (sigma(major), sigma(minor)), angle: angle.to_radians() };
        (flux, x, y, form)
    });
    let disks = DISKS.iter().map(|&[flux, radius, x, y]| (flux, x, y, Form::Disk { radius: radius / cell }));
    let source = |(flux, x, y, form)| {
        let unit = ExtendedSource { x: x * size as f64, y: y * size as f64, height: 1.0, form };
        let (rows, columns) = unit.extent(size);
        let sum: f64 = rows.map(|y| columns.clone().map(|x| unit.at(y, x)).sum::<f64>()).sum();
        ExtendedSource { height: flux / sum, ..unit }
    };
    gaussians.chain(disks).map(source).collect()
}
