//! The maximal correlation coefficient of a co-occurrence matrix.

use nalgebra::DMatrix;

use crate::matrix::glcm::Elements;

/// The second largest singular value of $B_{ij} = p_{ij} / \sqrt{p_x(i) p_y(j)}$.
///
/// Its square is the second largest eigenvalue of $Q = D_x^{-1} P D_y^{-1} P^T$, which is similar to
/// $B B^T$; the largest one is 1. Levels without pairs only add eigenvalues of 0. NaN for an empty
/// matrix.
pub(super) fn coefficient(matrix: &impl Elements) -> f64 {
    let elements = in_both_orders(matrix);
    of_elements(&elements, matrix.levels() as usize, matrix.symmetric())
}

/// All elements `(i, j, n)`: those of a symmetric matrix in both orders.
pub(super) fn in_both_orders(matrix: &impl Elements) -> Vec<(usize, usize, f64)> {
    let mut elements = Vec::new();
    for part in 0..matrix.parts() {
        matrix.for_each(part, |i, j, n| {
            elements.push((i, j, n));
            if matrix.symmetric() && i != j {
                elements.push((j, i, n));
            }
        });
    }
    elements
}

/// A matrix of few elements, as of a neighbourhood, its levels numbered from 0 in their order.
pub(super) struct Few {
    /// `(i, j, n)`, of a symmetric matrix those with `i <= j`.
    elements: Vec<(usize, usize, f64)>,
    levels: usize,
    symmetric: bool,
}

impl Few {
    /// Of elements with levels as they are.
    pub(super) fn new(elements: &[(u32, u32, f64)], symmetric: bool) -> Self {
        let mut levels: Vec<u32> = elements.iter().flat_map(|&(i, j, _)| [i, j]).collect();
        levels.sort_unstable();
        levels.dedup();
        let rank = |level| levels.partition_point(|&l| l < level);
        let ranked = elements.iter().map(|&(i, j, n)| (rank(i), rank(j), n));
        Self {
            elements: ranked.collect(),
            levels: levels.len(),
            symmetric,
        }
    }
}

impl Elements for Few {
    #[allow(clippy::cast_possible_truncation)] // of levels in u32
    fn levels(&self) -> u32 {
        self.levels as u32
    }

    fn symmetric(&self) -> bool {
        self.symmetric
    }

    fn work(&self) -> usize {
        self.elements.len()
    }

    fn for_each(&self, _part: usize, mut f: impl FnMut(usize, usize, f64)) {
        self.elements.iter().for_each(|&(i, j, n)| f(i, j, n));
    }
}

/// The coefficient of few elements.
pub(super) fn of_few(few: &Few) -> f64 {
    let all = in_both_orders(few);
    if few.levels <= 64 && falls_apart(&all, few.levels, few.symmetric) {
        return 1.0;
    }
    of_elements(&all, few.levels, few.symmetric)
}

/// True if levels fall into groups without pairs between them, or those of a symmetric matrix into
/// two without pairs within them: then the coefficient is 1 without looking for eigenvalues, as for
/// many neighbourhoods of radius 1 (all voxels of a brain in 161 levels: 14 us each, 79 without).
///
/// Elements with both orders of a symmetric matrix's levels, of which there are at most 64.
fn falls_apart(elements: &[(usize, usize, f64)], levels: usize, symmetric: bool) -> bool {
    // Which columns a row has, and which rows a column, as bits.
    let (mut of_row, mut of_column) = ([0u64; 64], [0u64; 64]);
    let (mut rows, mut columns) = (0u64, 0u64);
    for &(i, j, n) in elements {
        if n > 0.0 {
            of_row[i] |= 1 << j;
            of_column[j] |= 1 << i;
            rows |= 1 << i;
            columns |= 1 << j;
        }
    }
    if rows == 0 {
        return false;
    }
    let union = |of: &[u64; 64], set: u64| {
        let members = (0..levels).filter(|k| set >> k & 1 == 1);
        members.fold(0, |all, k| all | of[k])
    };
    // What the first row leads to, there and back.
    let mut reached = [rows & rows.wrapping_neg(), 0];
    loop {
        let to = union(&of_row, reached[0]);
        let back = reached[0] | union(&of_column, to);
        if [back, to] == reached {
            break;
        }
        reached = [back, to];
    }
    let all = if symmetric {
        // The reached rows and columns are the same levels unless each pair leads from one of two
        // groups to the other.
        reached[0] == rows
    } else {
        reached == [rows, columns]
    };
    !all && rows.count_ones().min(columns.count_ones()) > 1
}

/// The coefficient of elements `(i, j, n)` with levels up to `highest`.
fn of_elements(elements: &[(usize, usize, f64)], highest: usize, symmetric: bool) -> f64 {
    let mut rows = Margin::new(highest);
    let mut columns = Margin::new(highest);
    for &(i, j, n) in elements {
        rows.add(i, n);
        columns.add(j, n);
    }
    let (height, width) = (rows.number(), columns.number());
    if height == 0 {
        return f64::NAN;
    }
    if height.min(width) == 1 {
        return 0.0;
    }
    // Of counts as of probabilities: the total cancels.
    let mut b = DMatrix::<f64>::zeros(height, width);
    for &(i, j, n) in elements {
        b[(rows.place[i], columns.place[j])] += n / (rows.sum[i] * columns.sum[j]).sqrt();
    }
    if symmetric {
        let mut values: Vec<_> = b.symmetric_eigenvalues().iter().map(|v| v.abs()).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        return values[1];
    }
    let mut values: Vec<_> = b.singular_values().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values[1]
}

/// Sums along rows or columns, and a number for each that is not 0.
struct Margin {
    sum: Vec<f64>,
    place: Vec<usize>,
}

impl Margin {
    fn new(highest: usize) -> Self {
        Self {
            sum: vec![0.0; highest + 1],
            place: Vec::new(),
        }
    }

    fn add(&mut self, level: usize, n: f64) {
        self.sum[level] += n;
    }

    /// Numbers the levels that occur; how many they are.
    fn number(&mut self) -> usize {
        let mut next = 0;
        for &sum in &self.sum {
            self.place.push(next);
            next += usize::from(sum > 0.0);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_falls_apart_has_the_coefficient_that_its_eigenvalues_give(
            pairs in proptest::collection::btree_map((0u32..7, 0u32..7), 1u32..4, 1..12),
            symmetric in any::<bool>(),
        ) {
            let given = pairs.iter().filter(|((i, j), _)| !symmetric || i <= j);
            let elements: Vec<_> = given.map(|(&(i, j), &n)| (i, j, f64::from(n))).collect();
            prop_assume!(!elements.is_empty());
            let mut all = Vec::new();
            for &(i, j, n) in &elements {
                all.push((i as usize, j as usize, n));
                if symmetric && i != j {
                    all.push((j as usize, i as usize, n));
                }
            }
            let expected = of_elements(&all, 7, symmetric);
            let found = of_few(&Few::new(&elements, symmetric));
            // The root of what an eigenvalue solver finds for 0.
            prop_assert!((found - expected).abs() < 1e-7, "{found} and {expected}");
            if falls_apart(&all, 7, symmetric) {
                prop_assert!((expected - 1.0).abs() < 1e-12);
            }
        }
    }
}
