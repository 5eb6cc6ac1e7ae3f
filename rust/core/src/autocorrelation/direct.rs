//! The sums over all pairs of planes along an axis of few voxels, for each frequency of the others.
//!
//! With `W_d` the spectrum of the weights between planes `d` apart, which is real and the same for
//! `-d`, a frequency's share of `<m, w*m>` is the sum of `W_(a-a') Re(M_a M'_a')` over all `a` and
//! `a'`. Real and imaginary parts are multiplied by themselves alone, so they are lanes like any
//! others and stay interleaved as the transforms leave them.

use realfft::num_complex::Complex64;

/// Most planes for which this is less work than transforms.
pub(super) const MOST: usize = 64;

/// Numbers side by side: two frequencies, a register of AVX2.
const LANES: usize = 4;
/// Planes whose sums are built together, so that a number that is read serves all of them.
const BLOCK: usize = 4;

type Lanes = [f64; LANES];

/// The planes' numbers at two frequencies.
pub(super) struct Tile {
    /// Mask, centred intensities, their squares; 0 behind the last plane.
    planes: Vec<[Lanes; 3]>,
    /// `W_d` for `d` from `1 - n` to `n - 1`.
    weights: Vec<Lanes>,
}

impl Tile {
    /// For `n` planes.
    pub(super) fn new(n: usize) -> Self {
        let whole = n.next_multiple_of(BLOCK);
        Self {
            planes: vec![[[0.0; LANES]; 3]; whole],
            weights: vec![[0.0; LANES]; n + whole],
        }
    }
}

/// The sums of `W |M|^2`, `W |Y|^2` and `W Re(M' Y2)` over all frequencies of b, of which there are
/// `nb`: `fields` has them for each of three fields and `na` planes, `kernel` the first half of
/// those of `W` for each distance.
pub(super) fn sums(
    fields: &[Complex64],
    kernel: &[f64],
    na: usize,
    nb: usize,
    tile: &mut Tile,
) -> [f64; 3] {
    let half = kernel.len() / na;
    let mut total = [[0.0; LANES]; 3];
    for first in (0..nb).step_by(LANES / 2) {
        let second = first + 1;
        for (field, planes) in fields.chunks_exact(na * nb).enumerate() {
            for (to, plane) in tile.planes.iter_mut().zip(planes.chunks_exact(nb)) {
                let v = plane[first];
                // A lone frequency has no second one.
                let w = plane.get(second).copied().unwrap_or_default();
                to[field] = [v.re, v.im, w.re, w.im];
            }
        }
        // The frequencies b and -b have the same weights.
        let [b, c] = [first, second.min(nb - 1)].map(|b| b.min(nb - b));
        for (a, kernel) in kernel.chunks_exact(half).enumerate() {
            let weights = [kernel[b], kernel[b], kernel[c], kernel[c]];
            tile.weights[na - 1 + a] = weights;
            tile.weights[na - 1 - a] = weights;
        }
        add(&tile.planes, &tile.weights, na, &mut total);
    }
    total.map(|lanes| lanes.iter().sum())
}

/// Adds the sums of one tile; with fused operations where the processor has them.
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn add(planes: &[[Lanes; 3]], weights: &[Lanes], n: usize, total: &mut [Lanes; 3]) {
    let fused = multiversion::target::target_cfg_f!(target_feature = "fma");
    let plus = |sum: f64, a: f64, b: f64| {
        if fused {
            a.mul_add(b, sum)
        } else {
            sum + a * b
        }
    };
    for first in (0..n).step_by(BLOCK) {
        let mut mask = [[0.0; LANES]; BLOCK];
        let mut values = [[0.0; LANES]; BLOCK];
        // Halving the work by `W_d = W_-d` takes three loops, which are slower: 3.3 -> 4.1 ms.
        for (other, [m, y, _]) in planes[..n].iter().enumerate() {
            let weights = &weights[first + n - 1 - other..][..BLOCK];
            for i in 0..BLOCK {
                for l in 0..LANES {
                    mask[i][l] = plus(mask[i][l], weights[i][l], m[l]);
                    values[i][l] = plus(values[i][l], weights[i][l], y[l]);
                }
            }
        }
        for (i, [m, y, squares]) in planes[first..first + BLOCK].iter().enumerate() {
            for l in 0..LANES {
                total[0][l] += mask[i][l] * m[l];
                total[1][l] += values[i][l] * y[l];
                total[2][l] += mask[i][l] * squares[l];
            }
        }
    }
}
