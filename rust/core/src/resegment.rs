//! Re-segmentation of the intensity mask, IBSI "Re-segmentation" (IF9H). Intensities in the
//! image's own unit; the morphological mask is never touched.

use crate::discretise::span;
use crate::error::{Error, Result};
use crate::numeric::{higher, lower, mean, sum_by, sums_by};
use crate::roi::Roi;
use crate::settings::Resegment;

/// Applies range (USB3) and outlier (7ACA) re-segmentation to the intensity mask.
///
/// Both are closed intervals, both are found on the mask as it is on entry, and their
/// intersection is kept, as the manual says for combined methods. The outlier range is
/// `[mu - k sigma, mu + k sigma]` with the biased standard deviation, as the intensity variance of
/// the manual has it; a flat region is kept whole. The range limits are kept in [`Roi::range`] for
/// the later stages that IBSI anchors at them; an infinite limit is the same as none.
///
/// # Errors
/// [`Error::Setting`] for limits that are NaN or in the wrong order and for a `k` that is not
/// positive; [`Error::EmptyResegmentation`] if no voxel remains.
pub fn resegment(roi: &mut Roi, settings: &Resegment) -> Result<()> {
    let range = checked_range(settings.range)?;
    let mut lowest = range[0].unwrap_or(f64::NEG_INFINITY);
    let mut highest = range[1].unwrap_or(f64::INFINITY);
    if let Some(k) = settings.outlier_sigma {
        if !(k.is_finite() && k > 0.0) {
            let allowed = "the number of standard deviations must be positive";
            return Err(refused("resegment.outlier_sigma", k.to_string(), allowed));
        }
        let values = roi.selected();
        let mu = mean(&values);
        let [squares] = sums_by(&values, |part| [sum_by(part, |x| (x - mu) * (x - mu))]);
        let sigma = (squares / values.len() as f64).sqrt();
        lowest = higher(lowest, mu - k * sigma);
        highest = lower(highest, mu + k * sigma);
    }
    if lowest > f64::NEG_INFINITY || highest < f64::INFINITY {
        let (minimum, maximum) = span(roi);
        if roi.retain(|x| x >= lowest && x <= highest) == 0 {
            let (lower, upper) = (lowest, highest);
            return Err(Error::EmptyResegmentation {
                lower,
                upper,
                minimum,
                maximum,
            });
        }
    }
    roi.range = range;
    Ok(())
}

/// The limits, infinite ones taken as absent.
fn checked_range([lower, upper]: [Option<f64>; 2]) -> Result<[Option<f64>; 2]> {
    let given = || {
        let text = |limit: Option<f64>| limit.map_or_else(|| "none".into(), |x| x.to_string());
        format!("[{}, {}]", text(lower), text(upper))
    };
    let (low, high) = (
        lower.unwrap_or(f64::NEG_INFINITY),
        upper.unwrap_or(f64::INFINITY),
    );
    if low.is_nan() || high.is_nan() {
        let allowed = "a limit must be a number, or absent for a half-open range";
        return Err(refused("resegment.range", given(), allowed));
    }
    if low > high || low == f64::INFINITY || high == f64::NEG_INFINITY {
        let allowed = "the lower limit must not exceed the upper one";
        return Err(refused("resegment.range", given(), allowed));
    }
    let finite = |limit: Option<f64>| limit.filter(|x| x.is_finite());
    Ok([finite(lower), finite(upper)])
}

fn refused(path: &str, given: String, allowed: &str) -> Error {
    Error::Setting {
        path: path.into(),
        given,
        allowed: allowed.into(),
    }
}
