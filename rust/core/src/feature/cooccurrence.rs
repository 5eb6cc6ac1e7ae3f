//! Grey level co-occurrence features (IBSI LFYI).
//!
//! The matrix `p_ij` is the joint probability of level `i` and level `j` at the two ends of a
//! direction vector. IBSI's matrices are symmetric; the formulas here keep row marginals `p_i.` and
//! column marginals `p_.j` apart, so they hold for matrices that are not.
#![allow(clippy::must_use_candidate)] // the table's functions are pure, one and all

use crate::feature::sparse::Sparse;
use crate::feature::{FeatureDef, Unit};
use crate::matrix::glcm::Elements;
use crate::numeric::sum_by;
use crate::parallel;

/// A co-occurrence matrix as probabilities: its marginals, means and entropies.
///
/// Made in one visit to the non-zero elements, none of which is kept; memory goes with `N_g`.
/// Marginals are sums of counts, divided once. A matrix without counts has NaN for every feature.
#[derive(Debug, Clone)]
pub struct Cooccurrence {
    /// `(p, how many elements p_ij are p)`, in order of `p`; not zero, as in all lists here.
    joint: Vec<(f64, f64)>,
    /// `(i, p_i., Σ_j j p_ij)`.
    rows: Vec<(f64, f64, f64)>,
    /// `(j, p_.j)`.
    columns: Vec<(f64, f64)>,
    /// `(k, p_{i-j,k})`.
    differences: Vec<(f64, f64)>,
    /// `(k, p_{i+j,k})`.
    sums: Vec<(f64, f64)>,
    /// `N_g`.
    n_g: f64,
    /// `μ_i.` and `μ_.j`.
    mu: [f64; 2],
    /// `HX`, `HY` and `HXY` in bits.
    hx: f64,
    hy: f64,
    hxy: f64,
}

impl Cooccurrence {
    /// Prepares a matrix of counts, whose rows and columns are grey levels from 1 to `N_g`.
    #[must_use]
    pub fn new(matrix: &impl Elements) -> Self {
        let parts = parallel::map(matrix.parts(), matrix.work(), |k| Tally::new(matrix, k));
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        parts.for_each(|part| all.add(part));
        let total: f64 = all.row.iter().sum();
        let p = |list: &[f64]| probabilities(list, total);
        let elements = all.elements.finish().into_iter();
        let mut joint: Vec<_> = elements.map(|(n, k)| (n / total, k)).collect();
        if joint.is_empty() {
            joint.push((f64::NAN, 1.0));
        }
        let columns = p(if matrix.symmetric() {
            &all.row
        } else {
            &all.column
        });
        let rows = (0u32..).zip(all.row.iter().zip(&all.moment));
        let mut rows: Vec<_> = rows
            .filter(|(_, (&n, _))| n > 0.0)
            .map(|(i, (n, jn))| (f64::from(i), n / total, jn / total))
            .collect();
        if rows.is_empty() {
            rows.push((f64::NAN, f64::NAN, f64::NAN));
        }
        Self {
            n_g: f64::from(matrix.levels()),
            mu: [
                sum_by(&rows, |(i, p, _)| i * p),
                sum_by(&columns, |(j, p)| j * p),
            ],
            hx: 0.0 - sum_by(&rows, |(_, p, _)| p * p.log2()),
            hy: entropy(&columns),
            hxy: 0.0 - sum_by(&joint, |(p, k)| k * (p * p.log2())),
            differences: p(&all.difference),
            sums: p(&all.sum),
            joint,
            rows,
            columns,
        }
    }

    /// One without pairs, to be refilled.
    pub(crate) fn blank() -> Self {
        let nan = f64::NAN;
        Self {
            joint: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
            differences: Vec::new(),
            sums: Vec::new(),
            n_g: nan,
            mu: [nan; 2],
            hx: nan,
            hy: nan,
            hxy: nan,
        }
    }

    /// As [`Self::new`] of a small matrix that is given by its elements `(i, j, n)`, no place twice;
    /// of a symmetric one those with `i <= j`. Keeps its memory, and needs time for the elements
    /// alone, not for `N_g`. Of whole counts the result does not depend on their order.
    pub(crate) fn refill(
        &mut self,
        elements: &[(u32, u32, f64)],
        symmetric: bool,
        n_g: u32,
        room: &mut Room,
    ) {
        self.joint.clear();
        let mut total = 0.0;
        for &(i, j, n) in elements {
            let twice = symmetric && i != j;
            room.row.add(i, n);
            room.moment[i as usize] += f64::from(j) * n;
            if twice {
                room.row.add(j, n);
                room.moment[j as usize] += f64::from(i) * n;
            } else if !symmetric {
                room.column.add(j, n);
            }
            let both = if twice { 2.0 } else { 1.0 };
            total += both * n;
            room.difference.add(i.abs_diff(j), both * n);
            room.sum.add(i + j, both * n);
            match small(n) {
                Some(n) => room.count.add(n, both),
                None => self.joint.push((n, both)),
            }
        }
        let all_small = self.joint.is_empty();
        let joint = &mut self.joint;
        room.count.drain(|n, k| joint.push((f64::from(n), k)));
        if !all_small {
            joint.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            joint.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    first.1 += later.1;
                }
                same
            });
        }
        self.joint.iter_mut().for_each(|e| e.0 /= total);
        self.rows.clear();
        let (rows, moment) = (&mut self.rows, &mut room.moment);
        room.row.drain(|i, n| {
            let jn = std::mem::take(&mut moment[i as usize]);
            rows.push((f64::from(i), n / total, jn / total));
        });
        self.columns.clear();
        if symmetric {
            self.columns
                .extend(self.rows.iter().map(|&(i, p, _)| (i, p)));
        } else {
            room.column.give(total, &mut self.columns);
        }
        self.differences.clear();
        room.difference.give(total, &mut self.differences);
        self.sums.clear();
        room.sum.give(total, &mut self.sums);
        self.n_g = f64::from(n_g);
        let mean = |list: &[(f64, f64)]| sum_by(list, |(k, p)| k * p);
        self.mu[0] = sum_by(&self.rows, |(i, p, _)| i * p);
        self.hx = 0.0 - sum_by(&self.rows, |(_, p, _)| p * p.log2());
        (self.mu[1], self.hy) = if symmetric {
            (self.mu[0], self.hx)
        } else {
            (mean(&self.columns), entropy(&self.columns))
        };
        self.hxy = 0.0 - sum_by(&self.joint, |(p, k)| k * (p * p.log2()));
    }

    /// `Σ_k f(k) p_{i-j,k}`, which is `Σ_ij f(|i - j|) p_ij`.
    fn mean_over_differences(&self, f: impl Fn(f64) -> f64) -> f64 {
        sum_by(&self.differences, |(k, p)| f(k) * p)
    }

    /// `Σ_k f(k) p_{i+j,k}`, which is `Σ_ij f(i + j) p_ij`.
    fn mean_over_sums(&self, f: impl Fn(f64) -> f64) -> f64 {
        sum_by(&self.sums, |(k, p)| f(k) * p)
    }

    /// `(Σ_i (i - μ_i.)² p_i.)^(1/2)` and `(Σ_j (j - μ_.j)² p_.j)^(1/2)`.
    fn deviations(&self) -> [f64; 2] {
        let [mu_i, mu_j] = self.mu;
        let rows = sum_by(&self.rows, |(i, p, _)| (i - mu_i).powi(2) * p);
        let columns = sum_by(&self.columns, |(j, p)| (j - mu_j).powi(2) * p);
        [rows.sqrt(), columns.sqrt()]
    }

    /// `HX + HY - HXY`: the mutual information in bits, which is both `HXY1 - HXY` and
    /// `HXY2 - HXY`.
    ///
    /// Since `Σ_j p_ij = p_i.` and `Σ_i p_ij = p_.j`,
    /// `HXY1 = -Σ_ij p_ij (log2 p_i. + log2 p_.j) = HX + HY`; since the marginals add up to 1,
    /// `HXY2 = -Σ_ij p_i. p_.j (log2 p_i. + log2 p_.j) = HX + HY` as well, elements with
    /// `p_i. p_.j = 0` adding nothing. It is never negative; what is left of independent levels
    /// after rounding counts as 0.
    fn mutual_information(&self) -> f64 {
        let both = self.hx + self.hy;
        let information = both - self.hxy;
        if information <= 64.0 * f64::EPSILON * both {
            0.0
        } else {
            information
        }
    }
}

/// Room for the sums of small matrices with levels up to a limit, made once and used for many.
pub(crate) struct Room {
    row: Sparse,
    moment: Vec<f64>,
    column: Sparse,
    difference: Sparse,
    sum: Sparse,
    /// How many elements are which small whole number.
    count: Sparse,
}

impl Room {
    /// For levels up to `n_g`.
    pub(crate) fn new(n_g: u32) -> Self {
        let n_g = n_g as usize;
        Self {
            row: Sparse::new(n_g + 1),
            moment: vec![0.0; n_g + 1],
            column: Sparse::new(n_g + 1),
            difference: Sparse::new(n_g + 1),
            sum: Sparse::new(2 * n_g + 1),
            count: Sparse::new(SMALL as usize),
        }
    }
}

/// Elements below this are sorted by counting.
const SMALL: u32 = 1024;

/// `n` as a whole number below [`SMALL`], if it is one.
fn small(n: f64) -> Option<u32> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // compared right away
    let whole = n as u32;
    (whole < SMALL && f64::from(whole) == n).then_some(whole)
}

/// Marginal sums of the counts of a matrix, or of a part of it.
#[derive(Default)]
struct Tally {
    /// `Σ_j n_ij`, by `i`.
    row: Vec<f64>,
    /// `Σ_j j n_ij`, by `i`.
    moment: Vec<f64>,
    /// `Σ_i n_ij`, by `j`; not used if the matrix is symmetric.
    column: Vec<f64>,
    /// Sum over `|i - j| = k`, by `k`.
    difference: Vec<f64>,
    /// Sum over `i + j = k`, by `k`.
    sum: Vec<f64>,
    elements: Multiset,
}

impl Tally {
    fn new(matrix: &impl Elements, part: usize) -> Self {
        let n_g = matrix.levels() as usize;
        let list = |length| vec![0.0; length];
        let mut tally = Self {
            row: list(n_g + 1),
            moment: list(n_g + 1),
            column: list(if matrix.symmetric() { 0 } else { n_g + 1 }),
            difference: list(n_g),
            sum: list(2 * n_g + 1),
            elements: Multiset::default(),
        };
        if matrix.symmetric() {
            matrix.for_each(part, |i, j, n| tally.count_both(i, j, n));
        } else {
            matrix.for_each(part, |i, j, n| {
                tally.column[j] += n;
                tally.count(i, j, n);
            });
        }
        tally
    }

    fn count(&mut self, i: usize, j: usize, n: f64) {
        self.row[i] += n;
        self.moment[i] += j as f64 * n;
        self.difference[i.abs_diff(j)] += n;
        self.sum[i + j] += n;
        self.elements.insert(n, 1);
    }

    /// Counts element `(i, j)` and, unless that is the same, element `(j, i)`.
    fn count_both(&mut self, i: usize, j: usize, n: f64) {
        if i == j {
            return self.count(i, j, n);
        }
        self.row[i] += n;
        self.row[j] += n;
        self.moment[i] += j as f64 * n;
        self.moment[j] += i as f64 * n;
        self.difference[i.abs_diff(j)] += 2.0 * n;
        self.sum[i + j] += 2.0 * n;
        self.elements.insert(n, 2);
    }

    fn add(&mut self, other: Self) {
        let lists = [
            (&mut self.row, other.row),
            (&mut self.moment, other.moment),
            (&mut self.column, other.column),
            (&mut self.difference, other.difference),
            (&mut self.sum, other.sum),
        ];
        for (sums, more) in lists {
            sums.iter_mut().zip(more).for_each(|(sum, n)| *sum += n);
        }
        self.elements.extend(other.elements);
    }
}

/// How many elements have which count; what depends on elements one by one needs no more.
struct Multiset {
    /// By count, for small whole counts.
    small: Vec<u64>,
    /// `(count, elements)` for others, joined from time to time.
    others: Vec<(f64, u64)>,
    /// Length of `others` at which equal counts are joined again.
    join_at: usize,
}

impl Default for Multiset {
    fn default() -> Self {
        Self {
            small: vec![0; Self::SMALL],
            others: Vec::new(),
            join_at: Self::JOIN,
        }
    }
}

impl Multiset {
    const SMALL: usize = 256;
    const JOIN: usize = 1 << 16;

    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked by the way back
    fn insert(&mut self, n: f64, elements: u64) {
        let whole = n as usize;
        match self.small.get_mut(whole) {
            Some(all) if whole as f64 == n => *all += elements,
            _ => {
                self.others.push((n, elements));
                if self.others.len() >= self.join_at {
                    self.join();
                }
            }
        }
    }

    fn join(&mut self) {
        self.others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        self.others.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        self.join_at = Self::JOIN.max(2 * self.others.len());
    }

    fn extend(&mut self, other: Self) {
        let small = self.small.iter_mut().zip(other.small);
        small.for_each(|(all, more)| *all += more);
        self.others.extend(other.others);
        self.join();
    }

    /// `(count, elements)` in order of counts, but for count 0.
    fn finish(mut self) -> Vec<(f64, f64)> {
        let small = (0..).zip(&self.small).skip(1).filter(|(_, &k)| k > 0);
        self.others
            .extend(small.map(|(n, &k): (u32, _)| (f64::from(n), k)));
        self.join();
        self.others
            .into_iter()
            .map(|(n, k)| (n, k as f64))
            .collect()
    }
}

/// `(k, list[k] / total)` where it is not zero; a NaN if there is nothing.
fn probabilities(list: &[f64], total: f64) -> Vec<(f64, f64)> {
    let counted = list.iter().enumerate().filter(|(_, &n)| n > 0.0);
    let p: Vec<_> = counted.map(|(k, n)| (k as f64, n / total)).collect();
    if p.is_empty() {
        vec![(f64::NAN, f64::NAN)]
    } else {
        p
    }
}

/// `-Σ_k p_k log2 p_k`, +0 for a single level.
fn entropy(p: &[(f64, f64)]) -> f64 {
    0.0 - sum_by(p, |(_, p)| p * p.log2())
}

/// Joint maximum (GYBY): $\max_{ij} p_{ij}$.
///
/// The probability of the most common pair of levels.
pub fn joint_maximum(m: &Cooccurrence) -> f64 {
    m.joint.last().map_or(f64::NAN, |e| e.0)
}

/// Joint average (60VM): $\mu = \sum_{i=1}^{N_g} \sum_{j=1}^{N_g} i\, p_{ij}$.
///
/// Summed over rows: $\sum_i i\, p_{i.}$.
pub fn joint_average(m: &Cooccurrence) -> f64 {
    m.mu[0]
}

/// Joint variance (UR99): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i - \mu)^2 p_{ij}$.
///
/// $\mu$ is the joint average. Summed over rows: $\sum_i (i - \mu)^2 p_{i.}$. A flat region has 0.
pub fn joint_variance(m: &Cooccurrence) -> f64 {
    let mu = joint_average(m);
    sum_by(&m.rows, |(i, p, _)| (i - mu).powi(2) * p)
}

/// Joint entropy (TU9B): $-\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} p_{ij} \log_2 p_{ij}$.
///
/// In bits; pairs that do not occur add nothing, equal elements are taken together. A flat region
/// has 0.
pub fn joint_entropy(m: &Cooccurrence) -> f64 {
    m.hxy
}

/// Difference average (TF7R): $\sum_{k=0}^{N_g-1} k\, p_{i-j,k}$.
///
/// The mean of $k = |i - j|$; equal to the dissimilarity. A flat region has 0.
pub fn difference_average(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| k)
}

/// Difference variance (D3YU): $\sum_{k=0}^{N_g-1} (k - \mu)^2 p_{i-j,k}$.
///
/// $\mu$ is the difference average. A flat region has 0.
pub fn difference_variance(m: &Cooccurrence) -> f64 {
    let mu = difference_average(m);
    m.mean_over_differences(|k| (k - mu).powi(2))
}

/// Difference entropy (NTRS): $-\sum_{k=0}^{N_g-1} p_{i-j,k} \log_2 p_{i-j,k}$.
///
/// In bits; differences that do not occur add nothing. A flat region has 0.
pub fn difference_entropy(m: &Cooccurrence) -> f64 {
    entropy(&m.differences)
}

/// Sum average (ZGXS): $\sum_{k=2}^{2 N_g} k\, p_{i+j,k}$.
///
/// The mean of $k = i + j$; twice the joint average of a symmetric matrix.
pub fn sum_average(m: &Cooccurrence) -> f64 {
    m.mean_over_sums(|k| k)
}

/// Sum variance (OEEB): $\sum_{k=2}^{2 N_g} (k - \mu)^2 p_{i+j,k}$.
///
/// $\mu$ is the sum average; equal to the cluster tendency. A flat region has 0.
pub fn sum_variance(m: &Cooccurrence) -> f64 {
    let mu = sum_average(m);
    m.mean_over_sums(|k| (k - mu).powi(2))
}

/// Sum entropy (P6QZ): $-\sum_{k=2}^{2 N_g} p_{i+j,k} \log_2 p_{i+j,k}$.
///
/// In bits; sums that do not occur add nothing. A flat region has 0.
pub fn sum_entropy(m: &Cooccurrence) -> f64 {
    entropy(&m.sums)
}

/// Angular second moment (8ZQL): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} p_{ij}^2$.
///
/// Also called energy or uniformity. Equal elements are taken together. A flat region has 1.
pub fn angular_second_moment(m: &Cooccurrence) -> f64 {
    sum_by(&m.joint, |(p, k)| k * (p * p))
}

/// Contrast (ACUI): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i - j)^2 p_{ij}$.
///
/// Summed over differences: $\sum_k k^2 p_{i-j,k}$. A flat region has 0.
pub fn contrast(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| k * k)
}

/// Dissimilarity (8S9J): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} |i - j|\, p_{ij}$.
///
/// Summed over differences, where it is the difference average. A flat region has 0.
pub fn dissimilarity(m: &Cooccurrence) -> f64 {
    difference_average(m)
}

/// Inverse difference (IB1Z): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} \frac{p_{ij}}{1 + |i - j|}$.
///
/// Summed over differences: $\sum_k p_{i-j,k} / (1 + k)$. A flat region has 1.
pub fn inverse_difference(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| 1.0 / (1.0 + k))
}

/// Normalised inverse difference (NDRX):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} \frac{p_{ij}}{1 + |i - j| / N_g}$.
///
/// Summed over differences: $\sum_k p_{i-j,k} / (1 + k / N_g)$. A flat region has 1.
pub fn normalised_inverse_difference(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| 1.0 / (1.0 + k / m.n_g))
}

/// Inverse difference moment (WF0Z):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} \frac{p_{ij}}{1 + (i - j)^2}$.
///
/// Summed over differences: $\sum_k p_{i-j,k} / (1 + k^2)$. A flat region has 1.
pub fn inverse_difference_moment(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| 1.0 / (1.0 + k * k))
}

/// Normalised inverse difference moment (1QCO):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} \frac{p_{ij}}{1 + (i - j)^2 / N_g^2}$.
///
/// Summed over differences: $\sum_k p_{i-j,k} / (1 + (k / N_g)^2)$. A flat region has 1.
pub fn normalised_inverse_difference_moment(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| 1.0 / (1.0 + (k / m.n_g).powi(2)))
}

/// Inverse variance (E8JP): $2 \sum_{i=1}^{N_g} \sum_{j>i}^{N_g} \frac{p_{ij}}{(i - j)^2}$.
///
/// Summed over differences: $\sum_{k=1}^{N_g-1} p_{i-j,k} / k^2$, which also holds both sides of
/// the diagonal where the matrix is not symmetric. A flat region has 0.
pub fn inverse_variance(m: &Cooccurrence) -> f64 {
    m.mean_over_differences(|k| if k == 0.0 { 0.0 } else { 1.0 / (k * k) })
}

/// Correlation (NI2N): $\frac{1}{\sigma_{i.}\, \sigma_{.j}}
/// \sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i - \mu_{i.}) (j - \mu_{.j}) p_{ij}$.
///
/// Undefined (NaN) if all first or all second voxels of the pairs have one level, where a
/// deviation $\sigma$ is 0.
pub fn correlation(m: &Cooccurrence) -> f64 {
    let [mu_i, mu_j] = m.mu;
    let [sigma_i, sigma_j] = m.deviations();
    if sigma_i == 0.0 || sigma_j == 0.0 {
        return f64::NAN;
    }
    // (Σ_j j p_ij) - μ_.j p_i. is Σ_j (j - μ_.j) p_ij.
    sum_by(&m.rows, |(i, p, jp)| (i - mu_i) * (jp - mu_j * p)) / (sigma_i * sigma_j)
}

/// Autocorrelation (QWB0): $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} i\, j\, p_{ij}$.
///
/// The mean product of the levels of a pair. Summed row by row: $\sum_i i \sum_j j\, p_{ij}$.
pub fn autocorrelation(m: &Cooccurrence) -> f64 {
    sum_by(&m.rows, |(i, _, jp)| i * jp)
}

/// Cluster tendency (DG8W):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i + j - \mu_{i.} - \mu_{.j})^2 p_{ij}$.
///
/// Summed over $k = i + j$; equal to the sum variance. A flat region has 0.
pub fn cluster_tendency(m: &Cooccurrence) -> f64 {
    cluster_moment(m, 2)
}

/// Cluster shade (7NFM):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i + j - \mu_{i.} - \mu_{.j})^3 p_{ij}$.
///
/// Summed over $k = i + j$. A flat region has 0.
pub fn cluster_shade(m: &Cooccurrence) -> f64 {
    cluster_moment(m, 3)
}

/// Cluster prominence (AE86):
/// $\sum_{i=1}^{N_g} \sum_{j=1}^{N_g} (i + j - \mu_{i.} - \mu_{.j})^4 p_{ij}$.
///
/// Summed over $k = i + j$. A flat region has 0.
pub fn cluster_prominence(m: &Cooccurrence) -> f64 {
    cluster_moment(m, 4)
}

/// `Σ_k (k - μ_i. - μ_.j)^power p_{i+j,k}`.
fn cluster_moment(m: &Cooccurrence, power: i32) -> f64 {
    let [mu_i, mu_j] = m.mu;
    m.mean_over_sums(|k| (k - mu_i - mu_j).powi(power))
}

/// Information correlation 1 (R8DG): $\frac{HXY - HXY_1}{\max(HX, HY)}$.
///
/// $HX$, $HY$ and $HXY$ are the entropies of $p_{i.}$, $p_{.j}$ and $p_{ij}$ in bits, and
/// $HXY_1 = -\sum_{ij} p_{ij} \log_2 (p_{i.} p_{.j})$, which equals $HX + HY$. IBSI divides by
/// $HX$, which equals $HY$ for its symmetric matrices; the larger one is Haralick's definition.
/// Undefined (NaN) for a flat region, where both are 0.
pub fn information_correlation_1(m: &Cooccurrence) -> f64 {
    let h = m.hx.max(m.hy);
    if h == 0.0 {
        return f64::NAN;
    }
    0.0 - m.mutual_information() / h
}

/// Information correlation 2 (JN9H): $\sqrt{1 - \exp(-2 (HXY_2 - HXY))}$.
///
/// $HXY = -\sum_{ij} p_{ij} \log_2 p_{ij}$, and
/// $HXY_2 = -\sum_{ij} p_{i.} p_{.j} \log_2 (p_{i.} p_{.j})$, which equals the sum of the entropies
/// of $p_{i.}$ and $p_{.j}$. 0 where $HXY_2 = HXY$: for independent levels and for a flat region.
pub fn information_correlation_2(m: &Cooccurrence) -> f64 {
    (0.0 - (-2.0 * m.mutual_information()).exp_m1()).sqrt()
}

/// `HX` and `HY`.
pub(crate) fn marginal_entropies(m: &Cooccurrence) -> [f64; 2] {
    [m.hx, m.hy]
}

/// `HX + HY - HXY`.
pub(crate) fn mutual_information(m: &Cooccurrence) -> f64 {
    m.mutual_information()
}

const LEVEL3: Unit = Unit::new(0, 0, 3);
const LEVEL4: Unit = Unit::new(0, 0, 4);

/// The family's features, in IBSI's order.
#[rustfmt::skip]
pub const FEATURES: &[FeatureDef<Cooccurrence>] = &[
    FeatureDef { name: "joint_maximum", ibsi: "GYBY", unit: Unit::ONE, title: "Joint maximum", eval: joint_maximum },
    FeatureDef { name: "joint_average", ibsi: "60VM", unit: Unit::LEVEL, title: "Joint average", eval: joint_average },
    FeatureDef { name: "joint_variance", ibsi: "UR99", unit: Unit::LEVEL2, title: "Joint variance", eval: joint_variance },
    FeatureDef { name: "joint_entropy", ibsi: "TU9B", unit: Unit::ONE, title: "Joint entropy", eval: joint_entropy },
    FeatureDef { name: "difference_average", ibsi: "TF7R", unit: Unit::LEVEL, title: "Difference average", eval: difference_average },
    FeatureDef { name: "difference_variance", ibsi: "D3YU", unit: Unit::LEVEL2, title: "Difference variance", eval: difference_variance },
    FeatureDef { name: "difference_entropy", ibsi: "NTRS", unit: Unit::ONE, title: "Difference entropy", eval: difference_entropy },
    FeatureDef { name: "sum_average", ibsi: "ZGXS", unit: Unit::LEVEL, title: "Sum average", eval: sum_average },
    FeatureDef { name: "sum_variance", ibsi: "OEEB", unit: Unit::LEVEL2, title: "Sum variance", eval: sum_variance },
    FeatureDef { name: "sum_entropy", ibsi: "P6QZ", unit: Unit::ONE, title: "Sum entropy", eval: sum_entropy },
    FeatureDef { name: "angular_second_moment", ibsi: "8ZQL", unit: Unit::ONE, title: "Angular second moment", eval: angular_second_moment },
    FeatureDef { name: "contrast", ibsi: "ACUI", unit: Unit::LEVEL2, title: "Contrast", eval: contrast },
    FeatureDef { name: "dissimilarity", ibsi: "8S9J", unit: Unit::LEVEL, title: "Dissimilarity", eval: dissimilarity },
    FeatureDef { name: "inverse_difference", ibsi: "IB1Z", unit: Unit::ONE, title: "Inverse difference", eval: inverse_difference },
    FeatureDef { name: "normalised_inverse_difference", ibsi: "NDRX", unit: Unit::ONE, title: "Normalised inverse difference", eval: normalised_inverse_difference },
    FeatureDef { name: "inverse_difference_moment", ibsi: "WF0Z", unit: Unit::ONE, title: "Inverse difference moment", eval: inverse_difference_moment },
    FeatureDef { name: "normalised_inverse_difference_moment", ibsi: "1QCO", unit: Unit::ONE, title: "Normalised inverse difference moment", eval: normalised_inverse_difference_moment },
    FeatureDef { name: "inverse_variance", ibsi: "E8JP", unit: Unit::ONE, title: "Inverse variance", eval: inverse_variance },
    FeatureDef { name: "correlation", ibsi: "NI2N", unit: Unit::ONE, title: "Correlation", eval: correlation },
    FeatureDef { name: "autocorrelation", ibsi: "QWB0", unit: Unit::LEVEL2, title: "Autocorrelation", eval: autocorrelation },
    FeatureDef { name: "cluster_tendency", ibsi: "DG8W", unit: Unit::LEVEL2, title: "Cluster tendency", eval: cluster_tendency },
    FeatureDef { name: "cluster_shade", ibsi: "7NFM", unit: LEVEL3, title: "Cluster shade", eval: cluster_shade },
    FeatureDef { name: "cluster_prominence", ibsi: "AE86", unit: LEVEL4, title: "Cluster prominence", eval: cluster_prominence },
    FeatureDef { name: "information_correlation_1", ibsi: "R8DG", unit: Unit::ONE, title: "Information correlation 1", eval: information_correlation_1 },
    FeatureDef { name: "information_correlation_2", ibsi: "JN9H", unit: Unit::ONE, title: "Information correlation 2", eval: information_correlation_2 },
];

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole levels
#[allow(clippy::float_cmp)] // exact by design
mod tests {
    use super::*;
    use crate::matrix::{Counts, Entry};
    use proptest::prelude::*;

    fn matrix(elements: &[(u32, u32, f64)], levels: u32) -> Counts {
        let entries = elements
            .iter()
            .map(|&(i, j, n)| Entry {
                i,
                j: f64::from(j),
                n,
            })
            .collect();
        Counts::new(entries, levels, 1.0)
    }

    fn values(counts: &Counts) -> Vec<f64> {
        let m = Cooccurrence::new(counts);
        FEATURES.iter().map(|f| (f.eval)(&m)).collect()
    }

    /// Every feature by the double sums of the manual, over the full matrix; `p[i - 1][j - 1]`.
    fn naive(counts: &Counts) -> Vec<f64> {
        let n = counts.levels as usize;
        let total: f64 = counts.entries().iter().map(|e| e.n).sum();
        let mut p = vec![vec![0.0; n]; n];
        for e in counts.entries() {
            p[e.i as usize - 1][e.j as usize - 1] += e.n / total;
        }
        let over = |f: &dyn Fn(f64, f64, f64) -> f64| -> f64 {
            let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
            pairs
                .map(|(i, j)| f(i as f64 + 1.0, j as f64 + 1.0, p[i][j]))
                .sum()
        };
        let plogq = |p: f64, q: f64| if p > 0.0 { p * q.log2() } else { 0.0 };
        let row = |i: usize| p[i].iter().sum::<f64>();
        let column = |j: usize| p.iter().map(|r| r[j]).sum::<f64>();
        let (rows, columns): (Vec<f64>, Vec<f64>) = (0..n).map(|k| (row(k), column(k))).unzip();
        let at = |list: &[f64], k: f64| list[k as usize - 1];
        let bracket = |k: f64, f: &dyn Fn(f64, f64) -> f64| -> f64 {
            over(&|i, j, p| if f(i, j) == k { p } else { 0.0 })
        };
        let difference = |k: usize| bracket(k as f64, &|i: f64, j: f64| (i - j).abs());
        let sum = |k: usize| bracket(k as f64, &|i: f64, j: f64| i + j);
        let h = |p: &mut dyn Iterator<Item = f64>| -> f64 { -p.map(|p| plogq(p, p)).sum::<f64>() };
        let (mu, mu_j) = (over(&|i, _, p| i * p), over(&|_, j, p| j * p));
        let sigma_i = over(&|i, _, p| (i - mu).powi(2) * p).sqrt();
        let sigma_j = over(&|_, j, p| (j - mu_j).powi(2) * p).sqrt();
        let dissimilarity = over(&|i, j, p| (i - j).abs() * p);
        let sum_average = over(&|i, j, p| (i + j) * p);
        let covariance = over(&|i, j, p| i * j * p) - mu * mu_j;
        let cluster = |power| over(&|i, j, p| (i + j - mu - mu_j).powi(power) * p);
        let hxy = -over(&|_, _, p| plogq(p, p));
        let hxy1 = -over(&|i, j, p| plogq(p, at(&rows, i) * at(&columns, j)));
        let product = |i, j| at(&rows, i) * at(&columns, j);
        let hxy2 = -over(&|i, j, _| plogq(product(i, j), product(i, j)));
        let hx = h(&mut rows.iter().copied()).max(h(&mut columns.iter().copied()));
        let n_g = n as f64;
        vec![
            p.iter().flatten().copied().fold(0.0, f64::max),
            mu,
            sigma_i.powi(2),
            hxy,
            dissimilarity,
            over(&|i, j, p| ((i - j).abs() - dissimilarity).powi(2) * p),
            h(&mut (0..n).map(difference)),
            sum_average,
            over(&|i, j, p| (i + j - sum_average).powi(2) * p),
            h(&mut (2..=2 * n).map(sum)),
            over(&|_, _, p| p * p),
            over(&|i, j, p| (i - j).powi(2) * p),
            dissimilarity,
            over(&|i, j, p| p / (1.0 + (i - j).abs())),
            over(&|i, j, p| p / (1.0 + (i - j).abs() / n_g)),
            over(&|i, j, p| p / (1.0 + (i - j).powi(2))),
            over(&|i, j, p| p / (1.0 + (i - j).powi(2) / n_g.powi(2))),
            over(&|i, j, p| if i == j { 0.0 } else { p / (i - j).powi(2) }),
            covariance / (sigma_i * sigma_j),
            over(&|i, j, p| i * j * p),
            cluster(2),
            cluster(3),
            cluster(4),
            (hxy - hxy1) / hx,
            (1.0 - (-2.0 * (hxy2 - hxy)).exp()).max(0.0).sqrt(),
        ]
    }

    proptest! {
        #[test]
        fn double_sums_agree(
            elements in proptest::collection::vec((1u32..=9, 1u32..=9, 1u32..50), 1..60),
            symmetric in any::<bool>(),
        ) {
            let mut list: Vec<_> =
                elements.iter().map(|&(i, j, n)| (i, j, f64::from(n))).collect();
            if symmetric {
                list.extend(elements.iter().map(|&(i, j, n)| (j, i, f64::from(n))));
            }
            let counts = matrix(&list, 9);
            for ((f, a), b) in FEATURES.iter().zip(values(&counts)).zip(naive(&counts)) {
                // Scale: level sums reach 18, their fourth power 10^5. The square root of a
                // difference near 0 doubles the number of digits lost.
                let tolerance = match f.name {
                    "information_correlation_2" => 1e-6,
                    "cluster_shade" | "cluster_prominence" => 1e-9,
                    _ => 1e-10,
                };
                let (single, undefined) = (a.is_nan(), b.is_nan() || b.abs() > 1e6);
                prop_assert!((a - b).abs() < tolerance || single, "{}: {a} and {b}", f.name);
                if single {
                    let one = |k: usize| list.iter().all(|e| [e.0, e.1][k] == [list[0].0, list[0].1][k]);
                    prop_assert!(one(0) || one(1), "{}: {a} and {b} {undefined}", f.name);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn refilling_is_making_anew(
            lists in proptest::collection::vec(
                proptest::collection::btree_map((1u32..=9, 1u32..=9), 1u32..50, 1..30),
                3,
            ),
            symmetric in any::<bool>(),
        ) {
            let (mut small, mut room) = (Cooccurrence::blank(), Room::new(9));
            for list in lists {
                let half = list.iter().filter(|((i, j), _)| !symmetric || i <= j);
                let given: Vec<_> =
                    half.map(|(&(i, j), &n)| (i, j, f64::from(n))).collect();
                let turned = given.iter().filter(|e| symmetric && e.0 != e.1);
                let all: Vec<_> =
                    given.iter().copied().chain(turned.map(|&(i, j, n)| (j, i, n))).collect();
                if all.is_empty() {
                    continue;
                }
                small.refill(&given, symmetric, 9, &mut room);
                for (f, expected) in FEATURES.iter().zip(values(&matrix(&all, 9))) {
                    let got = (f.eval)(&small);
                    let equal = (got - expected).abs() <= 1e-10 * expected.abs().max(1e-3);
                    // A root of what is 0 but for rounding.
                    let root = f.name == "information_correlation_2" && got.max(expected) < 1e-7;
                    let undefined = got.is_nan() && expected.is_nan();
                    prop_assert!(equal || undefined || root, "{}: {got} {expected}", f.name);
                }
            }
        }
    }

    #[test]
    fn flat_region() {
        let flat = matrix(&[(7, 7, 12.0)], 7);
        let of = |name| {
            let f = FEATURES
                .iter()
                .position(|f| f.name == name)
                .expect("a feature");
            values(&flat)[f]
        };
        for name in [
            "joint_entropy",
            "difference_entropy",
            "sum_entropy",
            "information_correlation_2",
        ] {
            assert_eq!(of(name).to_bits(), 0.0f64.to_bits(), "{name}");
        }
        for name in [
            "joint_maximum",
            "angular_second_moment",
            "inverse_difference",
        ] {
            assert_eq!(of(name), 1.0, "{name}");
        }
        for name in [
            "joint_variance",
            "contrast",
            "inverse_variance",
            "cluster_prominence",
        ] {
            assert_eq!(of(name), 0.0, "{name}");
        }
        assert!(of("correlation").is_nan() && of("information_correlation_1").is_nan());
    }

    #[test]
    fn independent_levels_have_no_information() {
        let n = |i: u32, j: u32| f64::from(i * j);
        let product = (1..=30u32).flat_map(|i| (1..=20u32).map(move |j| (i, j, n(i, j))));
        let m = Cooccurrence::new(&matrix(&product.collect::<Vec<_>>(), 30));
        assert_eq!(information_correlation_2(&m).to_bits(), 0.0f64.to_bits());
        assert_eq!(information_correlation_1(&m).to_bits(), 0.0f64.to_bits());
        assert!(correlation(&m).abs() < 1e-14);
    }

    #[test]
    fn nothing_counted_is_undefined() {
        let weighted_away = matrix(&[(1, 1, 2.0), (1, 2, 1.0)], 3).scaled(0.0);
        for counts in [matrix(&[], 3), weighted_away] {
            assert!(
                values(&counts).iter().all(|v| v.is_nan()),
                "{:?}",
                values(&counts)
            );
        }
    }

    #[test]
    fn one_row_has_no_correlation() {
        let m = Cooccurrence::new(&matrix(&[(3, 1, 1.0), (3, 2, 5.0), (3, 7, 1.0)], 7));
        assert!(correlation(&m).is_nan());
        assert_eq!(information_correlation_1(&m).to_bits(), 0.0f64.to_bits());
    }
}
