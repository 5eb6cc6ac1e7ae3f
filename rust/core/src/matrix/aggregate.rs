//! IBSI's aggregations: the only place that knows how matrices of slices and directions become one
//! feature value.

use crate::feature::FeatureDef;
use crate::matrix::{Source, Table};
use crate::parallel;
use crate::settings::Aggregation;

/// Values of `features` for each of `aggregations`, in that order.
///
/// `input` turns a matrix into the features' input. Matrices are made once and shared by all
/// aggregations; slices are made, used and dropped one by one. A matrix without any count has no
/// features and takes no part in a mean; if all are empty the value is NaN.
pub fn aggregate<S: Source, M>(
    source: &S,
    aggregations: &[Aggregation],
    features: &[FeatureDef<M>],
    input: impl Fn(&S::Table) -> M + Sync,
) -> Vec<Vec<f64>> {
    let evaluate = |table: &S::Table| {
        let m = input(table);
        features.iter().map(|f| (f.eval)(&m)).collect::<Vec<f64>>()
    };
    let wants = |a: Aggregation| aggregations.contains(&a);
    let flat = if aggregations.iter().any(|a| !a.is_3d()) {
        let each = wants(Aggregation::Averaged2d);
        let merged = wants(Aggregation::SliceMerged2d) || wants(Aggregation::Slices2d);
        let apart = each || wants(Aggregation::DirectionMerged25d);
        let tables = |z| match Some(z)
            .filter(|_| !apart)
            .and_then(|z| source.merged_slice(z))
        {
            Some(table) => vec![table],
            None => source.slice(z),
        };
        Some(all_slices(source, tables, each, merged, &evaluate))
    } else {
        None
    };
    // All directions at once, unless they are wanted apart.
    let merged_volume = if wants(Aggregation::Merged3d) && !wants(Aggregation::Averaged3d) {
        source.merged_volume()
    } else {
        None
    };
    let volume = match merged_volume {
        Some(table) => vec![table],
        None if aggregations.iter().any(|a| a.is_3d()) => source.volume(),
        None => Vec::new(),
    };
    let n = features.len();
    let one = |table: Option<S::Table>| match table {
        Some(t) if !t.is_empty() => evaluate(&t),
        _ => vec![f64::NAN; n],
    };
    let mean_of = |tables: &[S::Table]| {
        let evaluate = |k: usize| Some(&tables[k]).filter(|t| !t.is_empty()).map(&evaluate);
        mean(
            parallel::map(tables.len(), source.work(), evaluate)
                .into_iter()
                .flatten(),
            n,
        )
    };
    let none = Flat {
        each: Vec::new(),
        merged: Vec::new(),
        tables: Vec::new(),
    };
    let flat = flat.unwrap_or(none);
    aggregations
        .iter()
        .map(|aggregation| match aggregation {
            Aggregation::Averaged2d => mean(flat.each.iter().cloned(), n),
            Aggregation::SliceMerged2d | Aggregation::Slices2d => {
                mean(flat.merged.iter().cloned(), n)
            }
            Aggregation::DirectionMerged25d => mean_of(&flat.tables),
            Aggregation::Merged25d | Aggregation::Slices25d => {
                one(merge(&source.weighed(&flat.tables, true)))
            }
            Aggregation::Averaged3d => mean_of(&volume),
            Aggregation::Merged3d | Aggregation::Volume3d => {
                one(merge(&source.weighed(&volume, false)))
            }
        })
        .collect()
}

/// What the slices give: values of each direction, values of each slice's merged matrix, and the
/// matrices merged over slices, one a direction.
struct Flat<T> {
    each: Vec<Vec<f64>>,
    merged: Vec<Vec<f64>>,
    tables: Vec<T>,
}

/// Slices handled as one unit, so that few partial matrices are alive at once; fixed, so that
/// weighted sums have one order.
const SLICES_A_BLOCK: usize = 8;

fn all_slices<S: Source>(
    source: &S,
    tables: impl Fn(usize) -> Vec<S::Table> + Sync,
    each: bool,
    merged: bool,
    evaluate: &(impl Fn(&S::Table) -> Vec<f64> + Sync),
) -> Flat<S::Table> {
    let slices = source.slices();
    let block = |b: usize| {
        let mut flat = Flat {
            each: Vec::new(),
            merged: Vec::new(),
            tables: Vec::new(),
        };
        for z in b * SLICES_A_BLOCK..slices.min((b + 1) * SLICES_A_BLOCK) {
            let tables = tables(z);
            if each {
                flat.each
                    .extend(tables.iter().filter(|t| !t.is_empty()).map(evaluate));
            }
            if merged {
                flat.merged.extend(
                    merge(&source.weighed(&tables, true))
                        .filter(|t| !t.is_empty())
                        .map(|t| evaluate(&t)),
                );
            }
            add(&mut flat.tables, tables);
        }
        flat
    };
    let blocks = parallel::map(slices.div_ceil(SLICES_A_BLOCK), source.work(), block);
    let mut all = Flat {
        each: Vec::new(),
        merged: Vec::new(),
        tables: Vec::new(),
    };
    for block in blocks {
        all.each.extend(block.each);
        all.merged.extend(block.merged);
        add(&mut all.tables, block.tables);
    }
    all
}

/// Adds matrices direction by direction.
fn add<T: Table>(sum: &mut Vec<T>, tables: Vec<T>) {
    if sum.is_empty() {
        *sum = tables;
    } else {
        sum.iter_mut().zip(&tables).for_each(|(s, t)| s.merge(t));
    }
}

/// The matrices of the volume, one a direction; those of all slices (2D) added up if `flat`.
pub(crate) fn by_direction<S: Source>(source: &S, flat: bool) -> Vec<S::Table> {
    if flat {
        let none = |_: &S::Table| Vec::new();
        all_slices(source, |z| source.slice(z), false, false, &none).tables
    } else {
        source.volume()
    }
}

/// The matrix of the volume, or of the first slice (2D) if `flat`, all directions merged.
///
/// # Panics
/// Never: every source has at least one slice and one direction.
#[must_use]
pub fn merged<S: Source>(source: &S, flat: bool) -> S::Table {
    let tables = if flat {
        source.slice(0)
    } else {
        source.volume()
    };
    merge(&source.weighed(&tables, flat)).expect("every source has at least one direction")
}

/// All matrices merged into one: neighbours first, then pairs of neighbours, and so on, so that
/// an element is copied `log2` times and not once for each matrix; the order is fixed.
pub(crate) fn merge<T: Table>(tables: &[T]) -> Option<T> {
    match tables {
        [] => None,
        [one] => Some(one.clone()),
        _ => {
            let (left, right) = tables.split_at(tables.len().div_ceil(2));
            let mut sum = merge(left)?;
            sum.merge(&merge(right)?);
            Some(sum)
        }
    }
}

/// Mean of each feature, in the order given; NaN values (undefined on that matrix) are left out.
pub(crate) fn mean(values: impl Iterator<Item = Vec<f64>>, n: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0u32); n];
    for v in values {
        for ((sum, count), x) in sums.iter_mut().zip(v).filter(|(_, x)| !x.is_nan()) {
            *sum += x;
            *count += 1;
        }
    }
    sums.into_iter()
        .map(|(sum, count)| sum / f64::from(count))
        .collect()
}
