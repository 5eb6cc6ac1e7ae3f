//! Interpolation without recursion: plane by plane of the new grid, all axes in turn while the plane
//! is in the cache.
//!
//! The axes before z in the order are interpolated in each old plane once, those after it in each
//! new one. Nothing as large as the result lies between.

use std::ops::Range;

use super::kernel::Taps;
use super::pass::{combine, Image, Source};
use crate::parallel;
use crate::volume::Voxel;

/// New planes that a task makes: it interpolates the old planes that it shares with the next one
/// again.
const TASK_PLANES: usize = 16;

/// Writes the image interpolated along `order` (0, 1, 2 = z, y, x; none left out but axes that are
/// copied), in C order; `write` makes what is asked for of a plane's values.
pub(super) fn along<T: Voxel, F: Fn(f64) -> f64 + Sync, O: Send>(
    image: &Image<'_, T, F>,
    order: &[usize],
    taps: [&Taps; 3],
    out: &mut [O],
    write: &(impl Fn(&[f64], &mut [O]) + Sync),
) {
    let [z, y, x] = taps;
    let size = y.len() * x.len();
    let (before, after) = match order.iter().position(|&axis| axis == 0) {
        Some(k) => (&order[..k], &order[k + 1..]),
        None => (order, &[][..]),
    };
    let pairs = Pairs::new(x);
    let chain = Chain {
        image,
        z,
        along: [before, after].map(|axes| Along {
            axes,
            y,
            x,
            pairs: pairs.as_ref(),
        }),
        write,
    };
    let work = out.len() * 2 * (1 + z.count() / z.len().max(1));
    let planes = if parallel::threads() == 1 {
        z.len()
    } else {
        TASK_PLANES
    };
    parallel::for_each_chunk(out, (planes * size).max(1), work, |task, out| {
        let first = task * planes;
        chain.fill(first..first + out.len() / size, out);
    });
}

/// What all tasks share.
struct Chain<'a, 'i, T, F, W> {
    image: &'a Image<'i, T, F>,
    z: &'a Taps,
    /// What is done in a plane before and after the pass along z.
    along: [Along<'a>; 2],
    write: &'a W,
}

impl<T: Voxel, F: Fn(f64) -> f64 + Sync, W> Chain<'_, '_, T, F, W> {
    /// Makes new planes.
    fn fill<O>(&self, planes: Range<usize>, out: &mut [O])
    where
        W: Fn(&[f64], &mut [O]),
    {
        let [before, after] = &self.along;
        let size = out.len() / planes.len();
        let span = |k: usize| {
            let places = self.z.of(k).0.iter();
            places.fold((usize::MAX, 0), |(low, high), &p| (low.min(p), high.max(p)))
        };
        // Old planes that have a part in one new plane lie together, so each has its own slot.
        let depth = planes.clone().map(span).map(|(low, high)| high - low + 1);
        let depth = depth.max().unwrap_or(1);
        let mut held = vec![(usize::MAX, Vec::new()); depth];
        let [mut plane, mut spare] = [Vec::new(), Vec::new()];
        for (k, out) in planes.zip(out.chunks_exact_mut(size)) {
            let (places, _) = self.z.of(k);
            for &place in places {
                let (holds, old) = &mut held[place % depth];
                if *holds != place {
                    *holds = place;
                    before.load(self.image, self.z.source(place), old, &mut spare);
                }
            }
            let row = |place: usize| &held[place % depth].1[..];
            if let ([place], []) = (places, after.axes) {
                (self.write)(row(*place), out);
                continue;
            }
            plane.resize(row(places[0]).len(), 0.0);
            combine(self.z.of(k), &mut plane, row);
            after.rest(0, &mut plane, &mut spare);
            (self.write)(&plane, out);
        }
    }
}

/// Interpolation within a plane, along some of its axes in this order.
struct Along<'a> {
    axes: &'a [usize],
    y: &'a Taps,
    x: &'a Taps,
    pairs: Option<&'a Pairs>,
}

impl Along<'_> {
    /// Fills `plane` with an old plane; `spare` is used up.
    fn load<T: Voxel, F: Fn(f64) -> f64 + Sync>(
        &self,
        image: &Image<'_, T, F>,
        z: usize,
        plane: &mut Vec<f64>,
        spare: &mut Vec<f64>,
    ) {
        let [_, ny, nx] = image.shape();
        if self.axes.first() == Some(&2) {
            plane.resize(ny * self.x.len(), 0.0);
            spare.resize(nx, 0.0);
            for (y, to) in plane.chunks_exact_mut(self.x.len()).enumerate() {
                image.load([z, y, 0], &mut spare[..nx]);
                self.row(&spare[..nx], to);
            }
            return self.rest(1, plane, spare);
        }
        plane.resize(ny * nx, 0.0);
        for (y, to) in plane.chunks_exact_mut(nx).enumerate() {
            image.load([z, y, 0], to);
        }
        self.rest(0, plane, spare);
    }

    /// Interpolates `plane` along the axes from the one numbered `first` on; `spare` is used up.
    fn rest(&self, first: usize, plane: &mut Vec<f64>, spare: &mut Vec<f64>) {
        for &axis in &self.axes[first..] {
            let taps = if axis == 1 { self.y } else { self.x };
            if axis == 1 {
                let width = plane.len() / taps.line();
                spare.resize(taps.len() * width, 0.0);
                let row = |y: usize| &plane[y * width..][..width];
                for (y, to) in spare.chunks_exact_mut(width).enumerate() {
                    combine(taps.of(y), to, row);
                }
            } else {
                let rows = plane.chunks_exact(taps.line());
                spare.resize(rows.len() * taps.len(), 0.0);
                for (from, to) in rows.zip(spare.chunks_exact_mut(taps.len())) {
                    self.row(from, to);
                }
            }
            std::mem::swap(plane, spare);
        }
    }

    /// One row along x.
    fn row(&self, from: &[f64], to: &mut [f64]) {
        if let Some(pairs) = self.pairs {
            return pairs.row(from, to);
        }
        for (k, to) in to.iter_mut().enumerate() {
            let (places, weights) = self.x.of(k);
            let base = from[places[0]];
            let terms = places[1..].iter().zip(&weights[1..]);
            *to = terms.fold(base, |sum, (&place, &weight)| {
                sum + weight * (from[place] - base)
            });
        }
    }
}

/// The taps along x where no voxel has more than two.
struct Pairs {
    stretches: Vec<Stretch>,
    /// The weight of v of each voxel.
    weights: Vec<f64>,
}

/// New voxels side by side whose r lie side by side, and whose v do: loops without look-ups.
struct Stretch {
    columns: Range<usize>,
    /// Where r and v of the first one lie.
    from: [usize; 2],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// r alone.
    Copied,
    /// Halfway between both.
    Half,
    Weighted,
}

impl Pairs {
    fn new(taps: &Taps) -> Option<Self> {
        let mut pairs = Self {
            stretches: Vec::new(),
            weights: Vec::with_capacity(taps.len()),
        };
        for k in 0..taps.len() {
            let (from, weight, kind) = match taps.of(k) {
                (&[r], _) => ([r, r], 0.0, Kind::Copied),
                (&[r, v], &[_, 0.5]) => ([r, v], 0.5, Kind::Half),
                (&[r, v], &[_, weight]) => ([r, v], weight, Kind::Weighted),
                _ => return None,
            };
            pairs.weights.push(weight);
            match pairs.stretches.last_mut() {
                Some(last) if last.kind == kind && last.goes_on(from) => last.columns.end += 1,
                _ => pairs.stretches.push(Stretch {
                    columns: k..k + 1,
                    from,
                    kind,
                }),
            }
        }
        Some(pairs)
    }

    /// As [`combine`].
    fn row(&self, from: &[f64], to: &mut [f64]) {
        for stretch in &self.stretches {
            let n = stretch.columns.len();
            let [r, v] = stretch.from.map(|start| &from[start..start + n]);
            let weights = &self.weights[stretch.columns.clone()];
            let to = &mut to[stretch.columns.clone()];
            match stretch.kind {
                Kind::Copied => to.copy_from_slice(r),
                Kind::Half => {
                    for ((to, r), v) in to.iter_mut().zip(r).zip(v) {
                        *to = 0.5 * r + 0.5 * v;
                    }
                }
                Kind::Weighted => {
                    for (((to, r), v), weight) in to.iter_mut().zip(r).zip(v).zip(weights) {
                        *to = r + weight * (v - r);
                    }
                }
            }
        }
    }
}

impl Stretch {
    /// True if the voxel after the last one may take these.
    fn goes_on(&self, from: [usize; 2]) -> bool {
        from == self.from.map(|start| start + self.columns.len())
    }
}
