//! The maximal correlation coefficient of a co-occurrence matrix.

use nalgebra::DMatrix;

use crate::matrix::glcm::Elements;

/// The second largest singular value of $B_{ij} = p_{ij} / \sqrt{p_x(i) p_y(j)}$.
///
/// Its square is the second largest eigenvalue of $Q = D_x^{-1} P D_y^{-1} P^T$, which is similar to
/// $B B^T$; the largest one is 1. Levels without pairs only add eigenvalues of 0. NaN for an empty
/// matrix.
pub(super) fn coefficient(matrix: &impl Elements) -> f64 {
    let mut elements = Vec::new();
    for part in 0..matrix.parts() {
        matrix.for_each(part, |i, j, n| {
            elements.push((i, j, n));
            if matrix.symmetric() && i != j {
                elements.push((j, i, n));
            }
        });
    }
    of_elements(&elements, matrix.levels() as usize, matrix.symmetric())
}

/// The coefficient of elements `(i, j, n)` with levels up to `highest`.
pub(super) fn of_elements(
    elements: &[(usize, usize, f64)],
    highest: usize,
    symmetric: bool,
) -> f64 {
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
