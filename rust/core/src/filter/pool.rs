//! Pooling of the responses to a filter's orientations, one after the other (IBSI 2, "Rotation
//! invariance").

use serde::{Deserialize, Serialize};

use super::convolve::Real;

/// What becomes of the responses to several orientations of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The highest.
    Max,
    /// The lowest.
    Min,
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
}

impl Pooling {
    /// Name as in settings and columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }

    /// Takes in the first response, which is the same for `times` orientations.
    pub(super) fn start<T: Real>(self, pooled: &mut [T], times: usize) {
        if self.adds() && times > 1 {
            scale(pooled, T::nearest(times as f64));
        }
    }

    /// Takes in another response, which is the same for `times` orientations. NaN stays NaN.
    pub(super) fn add<T: Real>(self, pooled: &mut [T], response: &[T], times: usize) {
        let all = pooled.iter_mut().zip(response);
        match self {
            Self::Max => all.for_each(|(p, &r)| *p = if r > *p || is_nan(r) { r } else { *p }),
            Self::Min => all.for_each(|(p, &r)| *p = if r < *p || is_nan(r) { r } else { *p }),
            Self::Mean | Self::Sum => {
                let times = T::nearest(times as f64);
                all.for_each(|(p, &r)| *p = *p + times * r);
            }
        }
    }

    /// Ends pooling over `count` orientations.
    pub(super) fn finish<T: Real>(self, pooled: &mut [T], count: usize) {
        if self == Self::Mean && count > 1 {
            scale(pooled, T::nearest(1.0 / count as f64));
        }
    }

    fn adds(self) -> bool {
        matches!(self, Self::Mean | Self::Sum)
    }
}

#[inline]
#[allow(clippy::eq_op)] // what is not itself is NaN
fn is_nan<T: Real>(value: T) -> bool {
    value != value
}

fn scale<T: Real>(values: &mut [T], by: T) {
    for value in values {
        *value = *value * by;
    }
}
