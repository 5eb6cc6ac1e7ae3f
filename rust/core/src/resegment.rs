//! Re-segmentation of the intensity mask, IBSI "Re-segmentation" (IF9H). Intensities in the
//! image's own unit; the morphological mask is never touched.

use crate::error::{Error, Result};
use crate::numeric::{mean, sum_by};
use crate::roi::Roi;
use crate::settings::Resegment;

/// Applies range (USB3) and outlier (7ACA) re-segmentation to the intensity mask.
///
/// Both are closed intervals, both are found on the mask as it is on entry, and their
/// intersection is kept, as the manual says for combined methods. The outlier range is
/// `[mu - k sigma, mu + k sigma]` with the biased standard deviation. The range limits are kept in
/// [`Roi::range`] for the later stages that IBSI anchors at them.
///
/// # Errors
/// [`Error::EmptyResegmentation`] if no voxel remains.
pub fn resegment(roi: &mut Roi, settings: &Resegment) -> Result<()> {
    let [mut lower, mut upper] = [
        settings.range[0].unwrap_or(f64::NEG_INFINITY),
        settings.range[1].unwrap_or(f64::INFINITY),
    ];
    roi.range = settings.range;
    if let Some(k) = settings.outlier_sigma {
        let values = roi.selected();
        let mu = mean(&values);
        let sigma = (sum_by(&values, |x| (x - mu) * (x - mu)) / values.len() as f64).sqrt();
        lower = lower.max(mu - k * sigma);
        upper = upper.min(mu + k * sigma);
    }
    if lower == f64::NEG_INFINITY && upper == f64::INFINITY {
        return Ok(());
    }
    let before = roi.selected();
    if roi.retain(|x| x >= lower && x <= upper) > 0 {
        return Ok(());
    }
    let minimum = before.iter().copied().fold(f64::INFINITY, f64::min);
    let maximum = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Err(Error::EmptyResegmentation {
        lower,
        upper,
        minimum,
        maximum,
    })
}
