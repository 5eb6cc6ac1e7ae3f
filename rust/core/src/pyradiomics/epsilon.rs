//! What PyRadiomics' $\epsilon = 2^{-52}$ adds to a co-occurrence matrix's features.
//!
//! It adds $\epsilon$ to each probability before it takes a logarithm, and to each product of
//! marginals before it divides by it. Such products are as small as $10^{-10}$ where a large region
//! has a rare level: then MCC and the information correlations move by up to $10^{-6}$ of their size.

use nalgebra::{DMatrix, DVector};

use crate::matrix::glcm::Elements;

const EPSILON: f64 = f64::EPSILON;
/// Where $\epsilon$ moves no product of marginals by more than this part, MCC is left as it is.
const LEAST_SHARE: f64 = 1e-11;

/// The matrix as probabilities, with its marginals by level.
pub(super) struct Probabilities {
    elements: Vec<(usize, usize, f64)>,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Probabilities {
    /// Those of a matrix of counts; `None` if it is empty.
    pub(super) fn new(matrix: &impl Elements) -> Option<Self> {
        let levels = matrix.levels() as usize + 1;
        let (mut rows, mut columns) = (vec![0.0; levels], vec![0.0; levels]);
        let mut elements = Vec::new();
        let mut total = 0.0;
        for part in 0..matrix.parts() {
            let mut add = |i: usize, j: usize, n: f64| {
                elements.push((i, j, n));
                rows[i] += n;
                columns[j] += n;
                total += n;
            };
            matrix.for_each(part, |i, j, n| {
                add(i, j, n);
                if matrix.symmetric() && i != j {
                    add(j, i, n);
                }
            });
        }
        elements.iter_mut().for_each(|e| e.2 /= total);
        rows.iter_mut().for_each(|p| *p /= total);
        columns.iter_mut().for_each(|p| *p /= total);
        (total > 0.0).then_some(Self {
            elements,
            rows,
            columns,
        })
    }

    /// What $\epsilon$ takes from the entropies: $HX$, $HY$, $HXY_1 - HXY$ and $HXY_2 - HXY$, bits.
    ///
    /// $-\log_2(x + \epsilon) = -\log_2 x - \ln(1 + \epsilon / x) / \ln 2$, and an entropy's sum of
    /// the latter, weighted by $x$, is $\epsilon$ a term but for terms near $\epsilon$ itself.
    pub(super) fn of_entropies(&self) -> [f64; 4] {
        let number = |list: &[f64]| list.iter().filter(|&&p| p > 0.0).count() as f64;
        let (rows, columns) = (number(&self.rows), number(&self.columns));
        let joint = self.elements.len() as f64 * EPSILON;
        let crossed = |&(i, j, p): &(usize, usize, f64)| {
            p * (EPSILON / (self.rows[i] * self.columns[j])).ln_1p()
        };
        let first: f64 = self.elements.iter().map(crossed).sum();
        let second = rows * columns * EPSILON;
        [
            rows * EPSILON,
            columns * EPSILON,
            first - joint,
            second - joint,
        ]
        .map(|nats| nats / std::f64::consts::LN_2)
    }

    /// The maximal correlation coefficient with $\epsilon$, of the one without.
    ///
    /// The squared coefficient $\lambda$ is an eigenvalue of $Q$; a small change of $Q$ moves it by
    /// $y^T \Delta Q\, x / y^T x$, of its eigenvectors. With $u$ that of $B B^T$,
    /// $B_{ij} = p_{ij} / \sqrt{p_x(i) p_y(j)}$, these are $x = u / \sqrt{p_x}$, $y = u \sqrt{p_x}$.
    pub(super) fn coefficient(&self, without: f64) -> f64 {
        let least = |list: &[f64]| {
            let positive = list.iter().copied().filter(|&p| p > 0.0);
            positive.fold(f64::INFINITY, f64::min)
        };
        let share = EPSILON / (least(&self.rows) * least(&self.columns));
        if without.is_nan() || without == 0.0 || share < LEAST_SHARE {
            return without;
        }
        let lambda = without * without;
        let (height, rank_of_row) = ranks(&self.rows);
        let (width, rank_of_column) = ranks(&self.columns);
        let mut b = DMatrix::<f64>::zeros(height, width);
        for &(i, j, p) in &self.elements {
            let place = (rank_of_row[i], rank_of_column[j]);
            b[place] += p / (self.rows[i] * self.columns[j]).sqrt();
        }
        let u = vector(&b, lambda);
        let (mut left, mut right) = (vec![0.0; width], vec![0.0; width]);
        for &(i, j, p) in &self.elements {
            let (k, product) = (rank_of_column[j], self.rows[i] * self.columns[j]);
            let weighted = u[rank_of_row[i]] / self.rows[i].sqrt() * p;
            let moved = EPSILON / product / (1.0 + EPSILON / product);
            left[k] += weighted * moved / self.columns[j];
            right[k] += weighted;
        }
        let change: f64 = left.iter().zip(&right).map(|(a, b)| a * b).sum();
        (lambda - change).max(0.0).sqrt()
    }
}

/// How many levels occur, and the number of each among them.
fn ranks(marginal: &[f64]) -> (usize, Vec<usize>) {
    let mut next = 0;
    let rank = |&p: &f64| {
        let here = next;
        next += usize::from(p > 0.0);
        here
    };
    let ranks = marginal.iter().map(rank).collect();
    (next, ranks)
}

/// The unit eigenvector of $B B^T$ for the eigenvalue $\lambda$, by inverse iteration.
fn vector(b: &DMatrix<f64>, lambda: f64) -> DVector<f64> {
    let n = b.nrows();
    let shifted = b * b.transpose() - DMatrix::identity(n, n) * (lambda * (1.0 + 1e-13));
    let factors = shifted.lu();
    // Some vector that no symmetry makes orthogonal to the one sought.
    let start = DVector::from_fn(n, |i, _| 1.0 + 0.5 * (1.7 * i as f64).sin());
    (0..4).fold(start.normalize(), |u, _| {
        factors.solve(&u).map_or(u, |next| next.normalize())
    })
}

#[cfg(test)]
#[allow(clippy::cast_sign_loss)] // levels
mod tests {
    use super::*;
    use crate::matrix::{Counts, Entry};
    use crate::pyradiomics::mcc;

    /// A table with a few pairs of rare levels among very many of others.
    fn table(symmetric: bool) -> Vec<Vec<f64>> {
        let n = 7;
        let count = |i: usize, j: usize| {
            let near = 1e7 * (-((i as f64 - j as f64) / 2.0).powi(2)).exp();
            let rare = if i.max(j) == n - 1 { 1e-7 } else { 1.0 };
            let skewed = if symmetric { 1.0 } else { 1.0 + 0.3 * i as f64 };
            (near * rare * skewed).round()
        };
        let row = |i| (0..n).map(|j| count(i, j)).collect();
        (0..n).map(row).collect()
    }

    fn matrix(table: &[Vec<f64>]) -> Counts {
        let mut entries = Vec::new();
        for (i, row) in (1u32..).zip(table) {
            for (j, &n) in (1u32..).zip(row) {
                if n > 0.0 {
                    entries.push(Entry {
                        i,
                        j: f64::from(j),
                        n,
                    });
                }
            }
        }
        Counts::new(entries, 7, 1.0)
    }

    /// Probabilities and both marginals.
    fn probabilities(table: &[Vec<f64>]) -> (DMatrix<f64>, Vec<f64>, Vec<f64>) {
        let n = table.len();
        let p = DMatrix::from_fn(n, n, |i, j| table[i][j]);
        let p = &p / p.sum();
        let rows = p.row_iter().map(|r| r.sum()).collect();
        let columns = p.column_iter().map(|c| c.sum()).collect();
        (p, rows, columns)
    }

    #[test]
    fn entropies_are_those_of_the_formulas() {
        for symmetric in [true, false] {
            let table = table(symmetric);
            let (p, rows, columns) = probabilities(&table);
            let with = |e: f64| {
                let bits = |x: f64, of: f64| if x > 0.0 { -x * (of + e).log2() } else { 0.0 };
                let margin = |list: &[f64]| list.iter().map(|&x| bits(x, x)).sum::<f64>();
                let (mut joint, mut first, mut second) = (0.0, 0.0, 0.0);
                for (i, &r) in rows.iter().enumerate() {
                    for (j, &c) in columns.iter().enumerate() {
                        joint += bits(p[(i, j)], p[(i, j)]);
                        first += bits(p[(i, j)], r * c);
                        second += bits(r * c, r * c);
                    }
                }
                [
                    margin(&rows),
                    margin(&columns),
                    first - joint,
                    second - joint,
                ]
            };
            let made = Probabilities::new(&matrix(&table)).unwrap();
            let taken = made.of_entropies();
            for ((without, with), taken) in with(0.0).iter().zip(with(EPSILON)).zip(taken) {
                assert!(
                    (without - with - taken).abs() < 3e-15,
                    "{without} {with} {taken}"
                );
            }
        }
    }

    #[test]
    fn coefficient_is_that_of_the_matrix_with_epsilon() {
        for symmetric in [true, false] {
            let table = table(symmetric);
            let (p, rows, columns) = probabilities(&table);
            let n = table.len();
            let q = DMatrix::from_fn(n, n, |i, j| {
                let term = |k: usize| p[(i, k)] * p[(j, k)] / (rows[i] * columns[k] + EPSILON);
                (0..n).map(term).sum::<f64>()
            });
            let mut values: Vec<f64> = q.complex_eigenvalues().iter().map(|v| v.re).collect();
            values.sort_by(|a, b| b.total_cmp(a));
            let without = mcc::coefficient(&matrix(&table));
            let with = Probabilities::new(&matrix(&table))
                .unwrap()
                .coefficient(without);
            let expected = values[1].sqrt();
            assert!(
                (with - expected).abs() < 1e-13,
                "{without} {with} {expected}"
            );
        }
    }
}
