//! Radiomics features of the Image Biomarker Standardisation Initiative (IBSI).
//!
//! Data flow: image and mask are normalised and resampled ([`process`], [`normalise`],
//! [`interpolate`]) and become a [`roi::Roi`] (cropped, two masks), which is re-segmented
//! ([`resegment`]) and discretised ([`discretise`]); [`matrix`] counts, [`mesh`] measures, and
//! [`feature`] turns either into numbers. [`plan`] says what is to be computed from
//! [`settings`], [`extract`] runs it.
//!
//! ```
//! use ferromics::{extract::extract, phantom, plan::Plan, Settings};
//!
//! let plan = Plan::new(Settings::default())?;
//! let (image, mask) = (phantom::image(), phantom::mask());
//! let out = extract(&plan, image.view(), mask.view(), phantom::SPACING)?;
//! let mean = plan.columns().iter().position(|c| c.feature == "mean_intensity");
//! assert!((out.values[mean.expect("a feature")] - 2.149).abs() < 1e-3);
//! # Ok::<(), ferromics::Error>(())
//! ```
//!
//! Axis order is (z, y, x), spacing in mm in the same order, slices lie along z.
#![deny(unsafe_code)]

pub mod arrays;
pub mod autocorrelation;
mod blocks;
pub mod discretise;
pub mod error;
pub mod extract;
pub mod feature;
pub mod filter;
pub mod interpolate;
pub mod maps;
pub mod matrix;
pub mod mesh;
pub mod normalise;
pub mod numeric;
pub mod parallel;
pub mod peak;
pub mod phantom;
pub mod plan;
pub mod process;
pub mod pyradiomics;
pub mod resegment;
pub mod roi;
mod selection;
pub mod settings;
pub mod volume;

pub use error::{Error, Result};
pub use settings::Settings;
