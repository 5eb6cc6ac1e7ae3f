//! What PyRadiomics' $\epsilon = 2^{-52}$ adds to a co-occurrence matrix's features.
//!
//! It adds $\epsilon$ to each probability before it takes a logarithm, and to each product of
//! marginals before it divides by it. Such products are as small as $10^{-10}$ where a large region
//! has a rare level: then MCC and the information correlations move by up to $10^{-6}$ of their size.

use nalgebra::{DMatrix, DVector};

use super::mcc::in_both_orders;
use crate::matrix::glcm::Elements;

const EPSILON: f64 = f64::EPSILON;
/// Where $\epsilon$ moves no product of marginals by more than this part, MCC is left as it is.
const LEAST_SHARE: f64 = 1e-10;
/// So many eigenvalues are moved together at most. More lie near each other in small regions of many
/// levels, where $\epsilon$ moves MCC by less than $10^{-8}$, and where the search for the moved ones
/// need not end.
const MOST_MOVED: usize = 24;
/// Steps of a search for eigenvalues, for each of them.
const STEPS: usize = 100;
/// Eigenvalues this near each other are moved together, or those that may come to lie there.
const NEAR: f64 = 0.01;

/// $x \ln(1 + \epsilon / x)$, which is $\epsilon$ but for $x$ near it.
fn lost(x: f64) -> f64 {
    // There the two differ by less than 2e-6 of it, and of the values by nothing.
    const FAR: f64 = 1e-10;
    if x > FAR {
        EPSILON
    } else {
        crossed(x, x)
    }
}

/// $p \ln(1 + \epsilon / x)$; a product $x$ that is too small to be held has a $p$ as small.
fn crossed(p: f64, x: f64) -> f64 {
    if x > 0.0 {
        p * (EPSILON / x).ln_1p()
    } else {
        0.0
    }
}

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
        let mut elements = in_both_orders(matrix);
        let mut total = 0.0;
        for &(i, j, n) in &elements {
            rows[i] += n;
            columns[j] += n;
            total += n;
        }
        for e in &mut elements {
            e.2 /= total;
        }
        for p in &mut rows {
            *p /= total;
        }
        for p in &mut columns {
            *p /= total;
        }
        (total > 0.0).then_some(Self {
            elements,
            rows,
            columns,
        })
    }

    /// What $\epsilon$ takes from the entropies: $HX$, $HY$, $HXY_1 - HXY$ and $HXY_2 - HXY$, bits.
    ///
    /// $-\log_2(x + \epsilon) = -\log_2 x - \ln(1 + \epsilon / x) / \ln 2$: an entropy loses the sum
    /// of the latter, weighted.
    pub(super) fn of_entropies(&self) -> [f64; 4] {
        let (rows, columns) = (distinct(&self.rows), distinct(&self.columns));
        let margin = |list: &[(f64, f64)]| list.iter().map(|&(p, n)| n * lost(p)).sum::<f64>();
        let joint: f64 = self.elements.iter().map(|&(.., p)| lost(p)).sum();
        let elements = self.elements.iter();
        let first: f64 = elements
            .map(|&(i, j, p)| crossed(p, self.rows[i] * self.columns[j]))
            .sum();
        let products = |&(p, n): &(f64, f64)| {
            let of_row = columns.iter().map(|&(q, times)| times * lost(p * q));
            n * of_row.sum::<f64>()
        };
        let second: f64 = rows.iter().map(products).sum();
        let [rows, columns] = [margin(&rows), margin(&columns)];
        [rows, columns, first - joint, second - joint].map(|nats| nats / std::f64::consts::LN_2)
    }

    /// The maximal correlation coefficient with $\epsilon$, of the one without.
    ///
    /// The squared coefficient is the second largest eigenvalue of $Q$. With the unit eigenvectors
    /// $u$ of $B B^T$, $B_{ij} = p_{ij} / \sqrt{p_x(i) p_y(j)}$, those of $Q$ are $x = u / \sqrt{p_x}$
    /// and, from the left, $y = u \sqrt{p_x}$. A small change of $Q$ moves eigenvalues that lie near
    /// each other (rare levels apart from the others have eigenvalues of 1) to those of the matrix
    /// $\Lambda + y_a^T \Delta Q\, x_b$ of all of these.
    pub(super) fn coefficient(&self, without: f64) -> f64 {
        let least = |list: &[f64]| {
            let positive = list.iter().copied().filter(|&p| p > 0.0);
            positive.fold(f64::INFINITY, f64::min)
        };
        let share = EPSILON / (least(&self.rows) * least(&self.columns));
        if without.is_nan() || without == 0.0 || share < LEAST_SHARE {
            return without;
        }
        let (height, rank_of_row) = ranks(&self.rows);
        let (width, rank_of_column) = ranks(&self.columns);
        let mut b = DMatrix::<f64>::zeros(height, width);
        for &(i, j, p) in &self.elements {
            let place = (rank_of_row[i], rank_of_column[j]);
            b[place] += p / (self.rows[i] * self.columns[j]).sqrt();
        }
        let Some(eigen) = (&b * b.transpose()).try_symmetric_eigen(EPSILON, STEPS * height) else {
            return without;
        };
        let mut order: Vec<usize> = (0..height).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let second = eigen.eigenvalues[order[1]];
        let reach = NEAR.max(2.0 * share);
        let near = |&a: &usize| (eigen.eigenvalues[a] - second).abs() <= reach;
        let higher = order.iter().position(near).unwrap_or(0);
        let group: Vec<usize> = order.iter().copied().filter(near).collect();
        if group.len() > MOST_MOVED {
            return without;
        }
        let mut left = DMatrix::<f64>::zeros(group.len(), width);
        let mut right = DMatrix::<f64>::zeros(width, group.len());
        for &(i, j, p) in &self.elements {
            let (k, product) = (rank_of_column[j], self.rows[i] * self.columns[j]);
            let moved = EPSILON / product / (1.0 + EPSILON / product) / self.columns[j];
            let weight = p / self.rows[i].sqrt();
            for (a, &column) in group.iter().enumerate() {
                let weighted = eigen.eigenvectors[(rank_of_row[i], column)] * weight;
                left[(a, k)] += weighted * moved;
                right[(k, a)] += weighted;
            }
        }
        let values = group.iter().map(|&a| eigen.eigenvalues[a]);
        let values = DVector::from_iterator(group.len(), values);
        let moved = DMatrix::from_diagonal(&values) - left * right;
        let Some(moved) = moved.try_schur(EPSILON, STEPS * group.len()) else {
            return without;
        };
        let mut moved: Vec<f64> = moved.complex_eigenvalues().iter().map(|v| v.re).collect();
        moved.sort_by(|a, b| b.total_cmp(a));
        moved[1 - higher].max(0.0).sqrt()
    }
}

/// The positive values of a list, and how often each is there: few where many levels have few pairs
/// each, so that products of all with all are no more than the pairs.
fn distinct(list: &[f64]) -> Vec<(f64, f64)> {
    let mut values: Vec<f64> = list.iter().copied().filter(|&p| p > 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    let runs = values.chunk_by(|a, b| a.to_bits() == b.to_bits());
    runs.map(|run| (run[0], run.len() as f64)).collect()
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

#[cfg(test)]
#[allow(clippy::cast_sign_loss)] // levels
mod tests {
    use super::*;
    use crate::matrix::{Counts, Entry};
    use crate::pyradiomics::mcc;

    /// Tables with a few pairs of rare levels among very many of others, in which one level is
    /// apart from the others or is not; symmetric or not.
    fn tables() -> impl Iterator<Item = Vec<Vec<f64>>> {
        let kinds = [(true, true), (true, false), (false, true), (false, false)];
        kinds
            .into_iter()
            .map(|(symmetric, apart)| table(symmetric, apart))
    }

    fn table(symmetric: bool, apart: bool) -> Vec<Vec<f64>> {
        let n = 7;
        let count = |i: usize, j: usize| {
            let near = 1e7 * (-((i as f64 - j as f64) / 2.0).powi(2)).exp();
            let rare = if i.max(j) == n - 1 { 1e-7 } else { 1.0 };
            let skewed = if symmetric { 1.0 } else { 1.0 + 0.3 * i as f64 };
            match (apart, i == n - 1, j == n - 1) {
                (true, true, true) => 2.0,
                (true, true, false) | (true, false, true) => 0.0,
                _ => (near * rare * skewed).round(),
            }
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
        Counts::new(entries, u32::try_from(table.len()).unwrap(), 1.0)
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

    /// Pairs as in a neighbourhood whose weights fall to far below epsilon.
    fn weighted() -> [Vec<Vec<f64>>; 2] {
        let w = |d: i32| (-f64::from(d)).exp();
        [
            vec![
                vec![0.0, w(16), 0.0, w(52)],
                vec![0.0, 1.0, 0.0, 0.0],
                vec![w(41), 0.0, w(36), 0.0],
                vec![0.0, 2.0, w(38), w(900)],
            ],
            vec![
                vec![1.0, 0.0, w(36)],
                vec![0.0, 0.0, w(41)],
                vec![w(38), w(17), 0.0],
            ],
        ]
    }

    #[test]
    fn entropies_are_those_of_the_formulas() {
        for table in tables().chain(weighted()) {
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
                    (without - with - taken).abs() < 2e-14,
                    "{without} {with} {taken}"
                );
            }
        }
    }

    /// Products of all levels with all others are not gone through one by one.
    #[test]
    fn entropies_of_tens_of_thousands_of_levels() {
        let n = 60_000;
        let entry = |i| Entry {
            i,
            j: f64::from(i),
            n: 1.0,
        };
        let matrix = Counts::new((1..=n).map(entry).collect(), n, 1.0);
        let [rows, columns, first, second] = Probabilities::new(&matrix).unwrap().of_entropies();
        let n = f64::from(n);
        let bits = |nats: f64| nats / std::f64::consts::LN_2;
        let crossed = bits((EPSILON * n * n).ln_1p());
        let joint = bits(n * EPSILON);
        let product = bits(n * n * lost(1.0 / (n * n)));
        for (found, expected) in [
            (rows, joint),
            (columns, joint),
            (first, crossed - joint),
            (second, product - joint),
        ] {
            // Sums of 60,000 terms.
            assert!(
                (found - expected).abs() <= 1e-11 * expected,
                "{found} {expected}"
            );
        }
    }

    /// The search for moved eigenvalues did not end where hundreds of levels have few pairs each.
    #[test]
    fn few_pairs_of_many_levels_come_to_an_end() {
        for symmetric in [true, false] {
            let n = 170;
            let mut table = vec![vec![0.0; n]; n];
            let mut state = 1u64;
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as usize % n
            };
            for _ in 0..2 * n {
                let (i, j) = (next(), next());
                table[i][j] += 1.0;
                if symmetric {
                    table[j][i] += 1.0;
                }
            }
            let matrix = matrix(&table);
            let without = mcc::coefficient(&matrix);
            let with = Probabilities::new(&matrix).unwrap().coefficient(without);
            assert!((with - without).abs() < 1e-8, "{without} {with}");
        }
    }

    #[test]
    fn coefficient_is_that_of_the_matrix_with_epsilon() {
        for table in tables() {
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
                (with - expected).abs() < 1e-12,
                "{without} {with} {expected}"
            );
        }
    }
}
