//! Interpolation methods, and which old voxels with which weights make a voxel of the new grid.

use std::ops::Range;

use super::grid::Line;
use super::spline;

/// How values between voxels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The nearest voxel; the higher one halfway between two.
    Nearest,
    /// (Tri)linear: the two voxels around, weighted by nearness.
    Linear,
    /// Cubic B-spline through the voxels.
    Cubic,
    /// Lanczos' windowed sinc with three lobes, sinc(t) sinc(t/3), weights normalised to sum 1.
    Lanczos,
}

impl Method {
    /// Name as in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Linear => "linear",
            Self::Cubic => "cubic",
            Self::Lanczos => "lanczos",
        }
    }

    /// The first old voxel with a part in the value at `x`, and the weights from it on: of voxels,
    /// for [`Method::Cubic`] of B-spline coefficients (Thévenaz 2000).
    #[allow(clippy::cast_possible_truncation)] // positions are indices
    fn weights(self, x: f64) -> (isize, [f64; 6]) {
        let below = x.floor();
        let (k, f) = (below as isize, x - below);
        let g = 1.0 - f;
        match self {
            Self::Nearest => ((x + 0.5).floor() as isize, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            Self::Linear => (k, [g, f, 0.0, 0.0, 0.0, 0.0]),
            Self::Cubic => {
                let outer = |t: f64| t * t * t / 6.0;
                let inner = |t: f64| 2.0 / 3.0 - t * t * (2.0 - t) / 2.0;
                (k - 1, [outer(g), inner(f), inner(g), outer(f), 0.0, 0.0])
            }
            Self::Lanczos if f == 0.0 => (k, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            Self::Lanczos => {
                let w = [f + 2.0, f + 1.0, f, g, g + 1.0, g + 2.0].map(lanczos);
                let sum: f64 = w.iter().sum();
                (k - 2, w.map(|w| w / sum))
            }
        }
    }
}

/// sinc(t) sinc(t/3) for 0 < t < 3, sinc(t) = sin(pi t) / (pi t).
fn lanczos(t: f64) -> f64 {
    let t = std::f64::consts::PI * t;
    3.0 * t.sin() * (t / 3.0).sin() / (t * t)
}

/// For each of a range of new voxels of one axis, the old ones that make its value.
///
/// They are numbered along a *line* of old voxels, the `reads`. The first of a voxel's taps is the
/// one of largest weight, r: the value is r + sum w_k (v_k - r) over the others, which keeps
/// constants to the bit. Taps of weight 0 are left out, so that no NaN comes in by them.
pub(super) struct Taps {
    /// Where each voxel's taps end.
    ends: Vec<usize>,
    index: Vec<usize>,
    weight: Vec<f64>,
    /// Old voxels that the line holds, may go beyond the image's for a spline.
    reads: Range<isize>,
    /// Number of old voxels.
    old: usize,
    /// The line must be turned into spline coefficients.
    pub(super) spline: bool,
}

impl Taps {
    /// For the `new` voxels of an axis. `half` is the centre and one side of a smoothing kernel
    /// that is applied before.
    pub(super) fn new(line: Line, new: Range<usize>, method: Method, half: Option<&[f64]>) -> Self {
        let spline = method == Method::Cubic && !line.kept();
        let mut taps = Self {
            ends: Vec::with_capacity(new.len()),
            index: Vec::new(),
            weight: Vec::new(),
            reads: 0..0,
            old: line.old,
            spline,
        };
        let mut entries = Vec::new();
        let mut firsts = Vec::with_capacity(new.len());
        for voxel in new {
            let first = entries.len();
            let x = line.position(voxel);
            let method = if line.kept() { Method::Nearest } else { method };
            let (start, weights) = method.weights(x);
            smoothed(start, &weights, half, |k, w| {
                let k = if spline { k } else { taps.clamped(k) };
                match entries[first..].last_mut() {
                    Some((last, sum)) if *last == k => *sum += w,
                    _ => entries.push((k, w)),
                }
            });
            leading(&mut entries[first..]);
            firsts.push(first);
        }
        taps.fill(&entries, &firsts);
        taps
    }

    /// Sets the line's extent and numbers the taps along it.
    fn fill(&mut self, entries: &[(isize, f64)], firsts: &[usize]) {
        let low = entries.iter().map(|e| e.0).min().unwrap_or(0);
        let high = entries.iter().map(|e| e.0).max().unwrap_or(0);
        self.reads = if self.spline {
            let last = self.old.cast_signed() - 1;
            let (start, end) = (low - spline::MARGIN, high + spline::MARGIN);
            // A line that reaches the border ends where the image is constant from there on.
            let start = if start > 0 { start } else { low.min(0) };
            let end = if end < last { end } else { high.max(last) };
            start..end + 1
        } else {
            low..high + 1
        };
        self.index = entries
            .iter()
            .map(|e| (e.0 - self.reads.start).unsigned_abs())
            .collect();
        self.weight = entries.iter().map(|e| e.1).collect();
        let ends = firsts.iter().skip(1).copied().chain([entries.len()]);
        self.ends = ends.take(firsts.len()).collect();
    }

    fn clamped(&self, k: isize) -> isize {
        k.clamp(0, self.old.cast_signed() - 1)
    }

    /// Number of new voxels.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Length of the line.
    pub(super) fn line(&self) -> usize {
        self.reads.len()
    }

    /// Number of taps of all voxels together.
    pub(super) fn count(&self) -> usize {
        self.index.len()
    }

    /// The old voxels that are read.
    pub(super) fn range(&self) -> Range<usize> {
        let at = |k| self.clamped(k).unsigned_abs();
        at(self.reads.start)..at(self.reads.end - 1) + 1
    }

    /// Which of the voxels of [`Taps::range`] stands at `place` of the line.
    #[inline]
    pub(super) fn source(&self, place: usize) -> usize {
        let k = self.clamped(self.reads.start + place.cast_signed());
        (k - self.clamped(self.reads.start)).unsigned_abs()
    }

    /// Places along the line and weights of new voxel `k`; the first weight has no use.
    #[inline]
    pub(super) fn of(&self, k: usize) -> (&[usize], &[f64]) {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        (
            &self.index[start..self.ends[k]],
            &self.weight[start..self.ends[k]],
        )
    }

    /// The place of each voxel along the line if each is a copy of one old voxel.
    pub(super) fn selection(&self) -> Option<&[usize]> {
        (!self.spline && self.index.len() == self.ends.len()).then_some(&self.index)
    }

    /// True if the new voxels are the line's.
    pub(super) fn is_copy(&self) -> bool {
        self.selection()
            .is_some_and(|places| places.iter().copied().eq(0..self.line()))
    }
}

/// Calls `each` with the voxels from `start` on and their weights, convolved with the kernel of
/// which `half` is the centre and one side; weights of 0 are left out.
fn smoothed(start: isize, weights: &[f64], half: Option<&[f64]>, mut each: impl FnMut(isize, f64)) {
    let half = half.unwrap_or(&[1.0]);
    let radius = half.len() - 1;
    for place in 0..weights.len() + 2 * radius {
        // Voxel start + place - radius takes w_j times the kernel at j - (place - radius).
        let terms = weights.iter().enumerate().filter_map(|(j, w)| {
            let distance = (j + radius).abs_diff(place);
            half.get(distance).map(|g| w * g)
        });
        let weight: f64 = terms.sum();
        if weight != 0.0 {
            each(start + place.cast_signed() - radius.cast_signed(), weight);
        }
    }
}

/// Brings the tap of largest weight to the front; the others keep their order.
fn leading(entries: &mut [(isize, f64)]) {
    let mut largest = 0;
    for (k, entry) in entries.iter().enumerate() {
        if entry.1.abs() > entries[largest].1.abs() {
            largest = k;
        }
    }
    if let Some(front) = entries.get_mut(..=largest) {
        front.rotate_right(1);
    }
}
