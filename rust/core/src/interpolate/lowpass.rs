//! The Gaussian that takes away what a coarser grid cannot hold (anti-aliasing).

use std::f64::consts::PI;

/// Centre and one side of the Gaussian whose response at the Nyquist frequency of a grid of `step`
/// old voxels, 1/(2 step) cycles a voxel, is `beta`; the whole kernel sums to 1.
///
/// A Gaussian's response exp(-2 pi^2 sigma^2 f^2) gives sigma = step/pi sqrt(-2 ln beta). It is cut
/// off beyond 4 sigma. Below a sigma of one voxel its samples respond otherwise than the function
/// (sigma 0.3: 0.99 for 0.9), so there sigma is the one with which the samples do give `beta`.
pub(super) fn half_gaussian(step: f64, beta: f64) -> Vec<f64> {
    let sigma = step / PI * (-2.0 * beta.ln()).sqrt();
    if sigma >= 1.0 {
        return samples(sigma, radius(sigma));
    }
    // The samples never need more than 0.7 above the function's sigma, nor less; the response
    // falls as sigma rises.
    let (mut low, mut high) = (0.0, sigma + 0.7);
    let wide = radius(high);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if response(&samples(middle, wide), step) > beta {
            low = middle;
        } else {
            high = middle;
        }
    }
    samples(high, radius(high))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few times a step
fn radius(sigma: f64) -> usize {
    (4.0 * sigma).ceil() as usize
}

/// The kernel at 0 to `radius`, normalised.
fn samples(sigma: f64, radius: usize) -> Vec<f64> {
    let g: Vec<f64> = (0..=radius)
        .map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp())
        .map(|g| if g.is_nan() { 1.0 } else { g }) // 0/0: sigma 0, the centre
        .collect();
    let sum = g[0] + 2.0 * g[1..].iter().sum::<f64>();
    g.iter().map(|g| g / sum).collect()
}

/// What the kernel leaves of a cosine of 1/(2 step) cycles a voxel.
fn response(half: &[f64], step: f64) -> f64 {
    let side = half.iter().enumerate().skip(1);
    half[0]
        + 2.0
            * side
                .map(|(k, g)| g * (PI * k as f64 / step).cos())
                .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_at_the_new_nyquist_frequency_is_beta() {
        for step in [1.02, 1.3, 2.0, 3.0, 7.5, 40.0] {
            for beta in [0.01, 0.1, 0.5, 0.9, 0.98, 0.999] {
                let half = half_gaussian(step, beta);
                let found = response(&half, step);
                assert!((found - beta).abs() < 2e-4, "{step} {beta}: {found}");
                let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
                assert!((sum - 1.0).abs() < 1e-14);
                assert!(half.windows(2).all(|w| w[0] >= w[1] && w[1] >= 0.0));
            }
        }
    }
}
