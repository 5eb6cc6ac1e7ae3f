//! The sums pair by pair, for regions of few voxels.

use super::{PairSums, Region};
use crate::parallel;

/// Independent accumulators.
const LANES: usize = 8;

/// Coordinates in mm and centred intensities, one array each.
#[derive(Default)]
struct Points {
    position: [Vec<f64>; 3],
    y: Vec<f64>,
}

/// The three sums over ordered pairs; time goes with the square of the number of voxels.
pub(super) fn sums(region: &Region<'_>) -> PairSums {
    let points = Points::new(region);
    let n = points.y.len();
    let parts = parallel::map(n, n * n / 2, |k| points.partners(k));
    let total = parts
        .iter()
        .fold([0.0; 3], |t, p| [t[0] + p[0], t[1] + p[1], t[2] + p[2]]);
    // Each pair was met once.
    let [weights, products, differences] = total.map(|t| 2.0 * t);
    PairSums {
        weights,
        products,
        differences,
    }
}

impl Points {
    fn new(region: &Region<'_>) -> Self {
        let mut points = Self::default();
        for a in 0..region.shape[0] {
            for b in 0..region.shape[1] {
                let row = region.row(a, b);
                for c in 0..region.shape[2] {
                    let Some(y) = region.get(row + c * region.strides[2]) else {
                        continue;
                    };
                    points.y.push(y);
                    for (axis, i) in [a, b, c].into_iter().enumerate() {
                        points.position[axis].push(i as f64 * region.spacing[axis]);
                    }
                }
            }
        }
        points
    }

    /// Sums over the pairs of point `k` and a later one.
    fn partners(&self, k: usize) -> [f64; 3] {
        let [pa, pb, pc] = self.position.each_ref().map(|p| &p[k + 1..]);
        let (a, b, c) = (
            self.position[0][k],
            self.position[1][k],
            self.position[2][k],
        );
        let (y, ys) = (self.y[k], &self.y[k + 1..]);
        let mut lanes = [[0.0; LANES]; 3];
        let blocks = ys.len() / LANES * LANES;
        let mut add = |i: usize, lane: usize| {
            let (da, db, dc) = (pa[i] - a, pb[i] - b, pc[i] - c);
            let w = 1.0 / (da * da + db * db + dc * dc).sqrt();
            let d = ys[i] - y;
            lanes[0][lane] += w;
            lanes[1][lane] += w * ys[i];
            lanes[2][lane] += w * d * d;
        };
        for start in (0..blocks).step_by(LANES) {
            for lane in 0..LANES {
                add(start + lane, lane);
            }
        }
        for i in blocks..ys.len() {
            add(i, i - blocks);
        }
        let [weights, products, differences] = lanes.map(|l| l.iter().sum::<f64>());
        [weights, y * products, differences]
    }
}
