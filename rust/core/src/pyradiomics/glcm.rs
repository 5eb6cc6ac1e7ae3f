//! Class `glcm`: features of each direction's co-occurrence matrix, averaged over the directions that
//! have pairs; or of the directions' matrices weighted and added up.
//!
//! Directions are all vectors whose largest component is one of the distances, one of each opposite
//! pair: 13 for distance 1, 49 more for distance 2.

use super::{epsilon::Probabilities, mcc, Options, Row, Texture, WeightingNorm};
use crate::error::{Error, Result};
use crate::feature::cooccurrence::{self as ibsi, Cooccurrence};
use crate::matrix::direction::{ring_directions, Offset};
use crate::matrix::glcm::{Cooccurrences, Elements, Matrix};
use crate::matrix::{aggregate, Source, Table};
use crate::parallel;

/// Most levels present in a region for which MCC is computed: its table takes 128 MiB.
const MAX_MCC_LEVELS: usize = 4096;

/// The matrix of a direction, or of all of them.
pub(super) struct Pairs {
    pub(super) p: Cooccurrence,
    /// Its maximal correlation coefficient, if asked for.
    pub(super) mcc: f64,
}

/// $\frac{1}{\sigma_x \sigma_y} \sum_{ij} (i - \mu_x) (j - \mu_y) p_{ij}$; 1 where a $\sigma$ is 0.
fn correlation(m: &Pairs) -> f64 {
    let value = ibsi::correlation(&m.p);
    if value.is_nan() && !ibsi::joint_average(&m.p).is_nan() {
        return 1.0;
    }
    value
}

/// $\frac{HXY - HXY_1}{\max(HX, HY)}$; 0 where the divisor is 0.
fn imc_1(m: &Pairs) -> f64 {
    let value = ibsi::information_correlation_1(&m.p);
    if value.is_nan() && !ibsi::joint_entropy(&m.p).is_nan() {
        return 0.0;
    }
    value
}

/// The second largest eigenvalue's root of $Q_{ij} = \sum_k \frac{p_{ik} p_{jk}}{p_x(i) p_y(k)}$; 1
/// for a region of one level.
fn mcc(m: &Pairs) -> f64 {
    m.mcc
}

/// The class's features.
#[rustfmt::skip] // one row a feature
pub(super) const FEATURES: &[Row<Pairs>] = &[
    Row::new("Autocorrelation", |m| ibsi::autocorrelation(&m.p)),
    Row::new("ClusterProminence", |m| ibsi::cluster_prominence(&m.p)),
    Row::new("ClusterShade", |m| ibsi::cluster_shade(&m.p)),
    Row::new("ClusterTendency", |m| ibsi::cluster_tendency(&m.p)),
    Row::new("Contrast", |m| ibsi::contrast(&m.p)),
    Row::new("Correlation", correlation),
    Row::new("DifferenceAverage", |m| ibsi::difference_average(&m.p)),
    Row::new("DifferenceEntropy", |m| ibsi::difference_entropy(&m.p)),
    Row::new("DifferenceVariance", |m| ibsi::difference_variance(&m.p)),
    Row::deprecated("Dissimilarity", |m| ibsi::dissimilarity(&m.p)),
    Row::deprecated("Homogeneity1", |m| ibsi::inverse_difference(&m.p)),
    Row::deprecated("Homogeneity2", |m| ibsi::inverse_difference_moment(&m.p)),
    Row::new("Id", |m| ibsi::inverse_difference(&m.p)),
    Row::new("Idm", |m| ibsi::inverse_difference_moment(&m.p)),
    Row::new("Idmn", |m| ibsi::normalised_inverse_difference_moment(&m.p)),
    Row::new("Idn", |m| ibsi::normalised_inverse_difference(&m.p)),
    Row::new("Imc1", imc_1),
    Row::new("Imc2", |m| ibsi::information_correlation_2(&m.p)),
    Row::new("InverseVariance", |m| ibsi::inverse_variance(&m.p)),
    Row::new("JointAverage", |m| ibsi::joint_average(&m.p)),
    Row::new("JointEnergy", |m| ibsi::angular_second_moment(&m.p)),
    Row::new("JointEntropy", |m| ibsi::joint_entropy(&m.p)),
    Row::new("MCC", mcc),
    Row::new("MaximumProbability", |m| ibsi::joint_maximum(&m.p)),
    Row::new("SumAverage", |m| ibsi::sum_average(&m.p)),
    Row::new("SumEntropy", |m| ibsi::sum_entropy(&m.p)),
    Row::new("SumSquares", |m| ibsi::joint_variance(&m.p)),
    Row::deprecated("SumVariance", |m| ibsi::sum_variance(&m.p)),
];

/// The class's features of a region.
///
/// # Errors
/// [`Error::Argument`] if MCC is asked for of more than 4,096 levels.
pub(super) fn features(texture: &Texture, options: &Options) -> Result<Vec<(&'static str, f64)>> {
    let present = texture.levels.counts().iter().filter(|&&n| n > 0).count();
    let wants_mcc = options.wants("MCC");
    if wants_mcc && present > MAX_MCC_LEVELS {
        return Err(Error::Argument {
            name: "levels",
            given: format!("{present} different levels"),
            allowed: "MCC is computed of at most 4096 levels: use wider bins, or leave MCC out",
        });
    }
    let rows = options.chosen(FEATURES);
    let evaluate = |table: &Matrix<'_>| {
        let mcc = if wants_mcc && present > 1 {
            mcc::coefficient(table)
        } else {
            1.0
        };
        let p = Cooccurrence::new(table);
        let pairs = Pairs { p, mcc };
        let mut values: Vec<f64> = rows.iter().map(|r| (r.eval)(&pairs)).collect();
        let names = rows.iter().map(|r| r.name);
        if present > 1 {
            with_epsilon(&pairs.p, table, names.zip(&mut values));
        }
        values
    };
    let source = matrices(texture, options);
    let tables = tables(&source, options.weighting_norm.is_some());
    let each = |k: usize| (!tables[k].is_empty()).then(|| evaluate(&tables[k]));
    let work = source.work().saturating_mul(4);
    let values = parallel::map(tables.len(), work, each);
    let mean = aggregate::mean(values.into_iter().flatten(), rows.len());
    let value = |(row, value): (&&Row<Pairs>, f64)| {
        let flat = row.name == "MCC" && present == 1;
        (row.name, if flat { 1.0 } else { value })
    };
    Ok(rows.iter().zip(mean).map(value).collect())
}

/// Moves those values that PyRadiomics' $\epsilon$ moves.
pub(super) fn with_epsilon<'a>(
    p: &Cooccurrence,
    table: &impl Elements,
    values: impl Iterator<Item = (&'static str, &'a mut f64)>,
) {
    let of_it = |name: &str| matches!(name, "MCC" | "Imc1" | "Imc2");
    let mut values = values.filter(|(name, _)| of_it(name)).peekable();
    if values.peek().is_none() {
        return;
    }
    let Some(probabilities) = Probabilities::new(table) else {
        return;
    };
    let [rows, columns, first, second] = probabilities.of_entropies();
    let [hx, hy] = ibsi::marginal_entropies(p);
    let information = ibsi::mutual_information(p);
    for (name, value) in values {
        match name {
            "MCC" => *value = probabilities.coefficient(*value),
            "Imc1" if *value != 0.0 => {
                *value = 0.0 - (information - first) / (hx - rows).max(hy - columns);
            }
            "Imc2" if *value != 0.0 => {
                *value = (0.0 - (-2.0 * (information - second).max(0.0)).exp_m1()).sqrt();
            }
            _ => {}
        }
    }
}

/// The matrices of all directions, with the weights of their sum.
pub(super) fn matrices<'a>(texture: &'a Texture, options: &Options) -> Cooccurrences<'a> {
    let Texture {
        levels,
        spacing,
        flat,
    } = texture;
    let vectors = ring_directions(&options.distances, levels.shape(), *flat);
    let weighted = vectors
        .into_iter()
        .map(|m| (m, weight(m, *spacing, options)));
    Cooccurrences::along(levels, options.symmetrical, Vec::new(), weighted.collect())
}

/// One matrix a direction, or their weighted sum.
fn tables<'a>(source: &Cooccurrences<'a>, weighted: bool) -> Vec<Matrix<'a>> {
    if weighted {
        source.merged_volume().into_iter().collect()
    } else {
        source.volume()
    }
}

/// $\exp(-|m|^2)$ with the length $|m|$ in mm, or 1.
pub(super) fn weight(m: Offset, spacing: [f64; 3], options: &Options) -> f64 {
    let norm = options.weighting_norm.unwrap_or(WeightingNorm::NoWeighting);
    norm.length(m, spacing).map_or(1.0, |d| (-d * d).exp())
}
