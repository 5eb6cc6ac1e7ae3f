//! Parts of a function on a sphere by the degree of spherical harmonics.

use std::f64::consts::PI;

use nalgebra::DMatrix;

/// Weights whose sum over a pattern's ones has, as a vector, the norm of the pattern's part of one
/// degree: a row for each vertex.
///
/// The part of degree n of a pattern b is $f(u) = \sum_v b_v \sum_m Y_n^m(u) Y_n^m(v)$, its norm
/// $(\sum_u f(u)^2)^{1/2}$ over the vertices (Banerjee et al. 2013). $Y_n^m(u)$ is not conjugated, and
/// the polar angle and the azimuth are exchanged, both as in PyRadiomics, so that the norm is not
/// invariant under rotations.
///
/// With real functions $B_j$, $2n + 1$ of them, $f = S b$, $S = B D B^T$ and D of signs; with
/// $B D = Q R$ the norm of f is that of $R B^T b$, the sum of the rows of $B R^T$ where b is 1.
pub(super) fn weights(degree: usize, vertices: &[[f64; 3]], radius: f64) -> DMatrix<f64> {
    let mut functions = DMatrix::zeros(vertices.len(), 2 * degree + 1);
    for (row, &[x, y, z]) in vertices.iter().enumerate() {
        let azimuth = (z / radius).clamp(-1.0, 1.0).acos();
        let cosine = y.atan2(x).cos();
        for order in 0..=degree {
            let size = legendre(degree, order, cosine);
            let (sin, cos) = (order as f64 * azimuth).sin_cos();
            if order == 0 {
                functions[(row, 0)] = size;
            } else {
                // Orders m and -m together: 2 Re(w(u) w(v)).
                functions[(row, 2 * order - 1)] = 2f64.sqrt() * size * cos;
                functions[(row, 2 * order)] = 2f64.sqrt() * size * sin;
            }
        }
    }
    let mut signed = functions.clone();
    for order in 1..=degree {
        signed.column_mut(2 * order).neg_mut();
    }
    functions * signed.qr().r().transpose()
}

/// The associated Legendre function times the norm of its spherical harmonic, Condon-Shortley phase
/// included, by the recurrence over degrees (Press et al., Numerical Recipes, section 6.7).
fn legendre(degree: usize, order: usize, x: f64) -> f64 {
    let m = order as f64;
    let sine = (1.0 - x * x).max(0.0).sqrt();
    let first = (1..=order).fold((0.25 / PI).sqrt(), |value, k| {
        let k = k as f64;
        -value * sine * ((2.0 * k + 1.0) / (2.0 * k)).sqrt()
    });
    let (mut before, mut here) = (0.0, first);
    for n in order + 1..=degree {
        let n = n as f64;
        let scale = ((4.0 * n * n - 1.0) / (n * n - m * m)).sqrt();
        let last = n - 1.0;
        let less = ((last * last - m * m) / (4.0 * last * last - 1.0)).sqrt();
        (before, here) = (here, scale * (x * here - less * before));
    }
    here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_low_degree() {
        // (4 pi)^(1/2) times: 1, 3^(1/2) x, -(3/2)^(1/2) s, 5^(1/2) (3 x^2 - 1) / 2,
        // -(15/2)^(1/2) x s, (15/8)^(1/2) s^2.
        let x: f64 = 0.3;
        let s = (1.0 - x * x).sqrt();
        let wanted = [
            (0, 0, 1.0),
            (1, 0, 3f64.sqrt() * x),
            (1, 1, -(1.5f64.sqrt()) * s),
            (2, 0, 5f64.sqrt() * (3.0 * x * x - 1.0) / 2.0),
            (2, 1, -(7.5f64.sqrt()) * x * s),
            (2, 2, (15f64 / 8.0).sqrt() * s * s),
        ];
        for (n, m, value) in wanted {
            let found = legendre(n, m, x) * (4.0 * PI).sqrt();
            assert!(
                (found - value).abs() < 1e-15,
                "{n} {m}: {found} for {value}"
            );
        }
    }
}
