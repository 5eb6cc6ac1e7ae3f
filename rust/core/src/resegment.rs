//! Re-segmentation of the intensity mask, IBSI "Re-segmentation" (IF9H). Intensities in the
//! image's own unit; the morphological mask is never touched.

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
        let (minimum, maximum) = roi.span();
        if roi.retain(lowest, highest) == 0 {
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

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn roi(values: &[f64]) -> Roi {
        let image = Array3::from_shape_vec((1, 1, values.len()), values.to_vec()).unwrap();
        let mask = Array3::from_elem(image.dim(), true);
        Roi::new(image.view(), mask.view(), [1.0; 3]).unwrap()
    }

    fn kept(values: &[f64], range: [Option<f64>; 2], outlier_sigma: Option<f64>) -> Vec<f64> {
        let mut roi = roi(values);
        resegment(
            &mut roi,
            &Resegment {
                range,
                outlier_sigma,
            },
        )
        .unwrap();
        assert!(roi.morphological().iter().all(|&m| m));
        roi.selected()
    }

    #[test]
    fn intervals_are_closed() {
        let x = [-501.0, -500.0, 0.0, 400.0, 400.5];
        assert_eq!(
            kept(&x, [Some(-500.0), Some(400.0)], None),
            [-500.0, 0.0, 400.0]
        );
        assert_eq!(kept(&x, [Some(0.0), None], None), [0.0, 400.0, 400.5]);
        assert_eq!(kept(&x, [None, Some(0.0)], None), [-501.0, -500.0, 0.0]);
        assert_eq!(
            kept(&x, [Some(f64::NEG_INFINITY), Some(f64::INFINITY)], None),
            x
        );
        // mean 0, standard deviation 1, not corrected for bias: both ends are kept at k = 1.
        assert_eq!(
            kept(&[-1.0, 1.0, -1.0, 1.0], [None, None], Some(1.0)).len(),
            4
        );
    }

    #[test]
    fn outliers_are_found_before_the_range_cuts() {
        // On all values: mean 20, sigma 40, so 100 stays within 2 sigma; on [0, 50] alone there
        // would be no spread at all.
        let x = [0.0, 0.0, 0.0, 0.0, 100.0];
        assert_eq!(kept(&x, [None, None], Some(2.0)), x);
        assert_eq!(kept(&x, [None, None], Some(1.9)), [0.0; 4]);
        assert_eq!(kept(&x, [Some(0.0), Some(50.0)], Some(2.0)), [0.0; 4]);
    }

    #[test]
    fn a_flat_region_has_no_outliers() {
        assert_eq!(kept(&[0.1; 1001], [None, None], Some(3.0)).len(), 1001);
    }

    #[test]
    fn the_range_is_handed_on_only_where_it_limits() {
        let mut roi = roi(&[1.0, 2.0]);
        let range = [Some(0.0), Some(f64::INFINITY)];
        resegment(
            &mut roi,
            &Resegment {
                range,
                outlier_sigma: None,
            },
        )
        .unwrap();
        assert_eq!(roi.range, [Some(0.0), None]);
    }

    #[test]
    fn bad_settings_and_empty_results_are_errors() {
        let refused = |range, outlier_sigma| {
            resegment(
                &mut roi(&[1.0, 5.0]),
                &Resegment {
                    range,
                    outlier_sigma,
                },
            )
            .unwrap_err()
        };
        for range in [
            [Some(f64::NAN), None],
            [None, Some(f64::NAN)],
            [Some(2.0), Some(1.0)],
            [Some(f64::INFINITY), None],
        ] {
            let error = refused(range, None);
            assert!(matches!(&error, Error::Setting { path, .. } if path == "resegment.range"));
        }
        for k in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = refused([None, None], Some(k));
            assert!(
                error.to_string().contains("resegment.outlier_sigma"),
                "{error}"
            );
        }
        let empty = refused([Some(6.0), Some(7.0)], None);
        let text = "re-segmentation to [6, 7] leaves no voxel of the region, whose intensities \
                    span [1, 5]; widen the range";
        assert_eq!(empty.to_string(), text);
    }
}
