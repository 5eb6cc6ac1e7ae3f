use std::sync::atomic::AtomicUsize;

use ndarray::{s, Array3};
use proptest::prelude::*;

use super::*;
use crate::discretise::Levels;
use crate::extract::{texture, Mappable};
use crate::feature::statistical;
use crate::plan::Plan;
use crate::process::Prepared;
use crate::settings::{FamilySettings, Settings};

const SHAPE: [usize; 3] = [4, 5, 6];
const SPACING: [f64; 3] = [2.0, 0.7, 0.9];
const N_G: u16 = 6;

/// Grey levels and a region.
fn regions() -> impl Strategy<Value = (Array3<u16>, Array3<bool>)> {
    let voxels =
        proptest::collection::vec((1..=N_G, any::<bool>()), SHAPE.iter().product::<usize>());
    voxels.prop_map(|v| {
        let (mut levels, mut mask): (Vec<_>, Vec<_>) = v.into_iter().unzip();
        // The highest level is there, so that all neighbourhoods have the same number of levels.
        (levels[0], mask[0]) = (N_G, true);
        let array = |v| Array3::from_shape_vec(SHAPE, v).unwrap();
        (array(levels), Array3::from_shape_vec(SHAPE, mask).unwrap())
    })
}

/// Families with parameters of all kinds.
fn families() -> impl Strategy<Value = String> {
    let norm = prop_oneof![Just("chebyshev"), Just("manhattan"), Just("euclidean")];
    let weighting = prop_oneof![Just("none"), Just("inverse"), Just("exponential")];
    (0..8, norm.clone(), norm, weighting, 1..3u32, any::<bool>()).prop_map(
        |(k, norm, other, weighting, d, symmetric)| {
            let weights = format!(r#""weighting": "{weighting}", "weighting_norm": "{other}""#);
            let linkage = format!(r#""linkage": "{norm}", "linkage_distance": {d}"#);
            let near = format!(r#""distances": [{d}], "norm": "{norm}", {weights}"#);
            let six = r#""aggregations": ["2d_averaged", "2d_slice_merged", "2.5d_direction_merged",
                                          "2.5d_merged", "3d_averaged", "3d_merged"]"#;
            let three = r#""aggregations": ["2d", "2.5d", "3d"]"#;
            match k {
                0 => r#"{"type": "stat"}"#.into(),
                1 => r#"{"type": "ih"}"#.into(),
                2 => format!(r#"{{"type": "glcm", {near}, "symmetric": {symmetric}, {six}}}"#),
                3 => format!(r#"{{"type": "glrlm", {weights}, {six}}}"#),
                4 => format!(r#"{{"type": "glszm", {linkage}, {three}}}"#),
                5 => format!(
                    r#"{{"type": "gldzm", {linkage}, "distance_norm": "{other}", {three}}}"#
                ),
                6 => format!(r#"{{"type": "ngtdm", {near}, {three}}}"#),
                _ => format!(
                    r#"{{"type": "ngldm", {near}, "alpha": {}, {three}}}"#,
                    d - 1
                ),
            }
        },
    )
}

fn plan(family: &str) -> Plan {
    let text = format!(r#"{{"discretise": [{{"type": "none"}}], "features": [{family}]}}"#);
    Plan::new(Settings::from_json(&text).unwrap()).unwrap()
}

/// The maps of all columns, with the number of voxels that were counted.
fn made(
    plan: &Plan,
    levels: &Array3<u16>,
    mask: &Array3<bool>,
    radius: [u32; 3],
) -> (Vec<Array3<f64>>, usize) {
    let image = levels.mapv(f64::from);
    let prepared = Prepared::new(image.view(), plan.settings()).unwrap();
    let region = Mappable::new(plan, &prepared, image.view(), mask.view(), SPACING).unwrap();
    let all: Vec<usize> = (0..plan.columns().len()).collect();
    let done = AtomicUsize::new(0);
    let maps = region
        .maps(plan, &prepared, &all, radius, f64::NAN, &done)
        .unwrap();
    (maps.maps, done.into_inner())
}

/// The values of the plan's columns on a region that is cut out, with the levels it has.
fn alone(family: &FamilySettings, levels: &Array3<u16>, mask: &Array3<bool>) -> Vec<f64> {
    let inside = ndarray::Zip::from(levels)
        .and(mask)
        .map_collect(|&l, &m| l * u16::from(m));
    if let FamilySettings::Stat(_) = family {
        let values: Vec<f64> = inside
            .iter()
            .filter(|&&l| l > 0)
            .map(|&l| l.into())
            .collect();
        let m = statistical::Intensities::new(values);
        return statistical::FEATURES.iter().map(|f| (f.eval)(&m)).collect();
    }
    let data: Vec<u16> = inside.iter().copied().collect();
    let n = Some(N_G.into());
    let levels = Levels::new(data, levels.dim().into(), n).unwrap();
    let mask: Vec<bool> = mask.iter().copied().collect();
    let values = texture(&levels, &mask, family.clone()).unwrap();
    values.into_iter().map(|(_, value)| value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_value_is_the_feature_of_its_neighbourhood(
        (levels, mask) in regions(),
        family in families(),
        radius in prop_oneof![Just([1, 1, 1]), Just([2, 2, 2]), Just([0, 1, 2]), Just([1, 0, 3])],
    ) {
        let plan = plan(&family);
        let family: FamilySettings = serde_json::from_str(&family).unwrap();
        let (maps, _) = made(&plan, &levels, &mask, radius);
        for ((z, y, x), &set) in mask.indexed_iter() {
            if !set {
                prop_assert!(maps.iter().all(|map| map[[z, y, x]].is_nan()));
                continue;
            }
            let cut = |flat: bool| {
                let r = radius.map(|r| r as usize);
                let r = [if flat { 0 } else { r[0] }, r[1], r[2]];
                let p = [z, y, x];
                let low = |a: usize| p[a].saturating_sub(r[a]);
                let high = |a: usize| (p[a] + r[a] + 1).min(SHAPE[a]);
                let cut = s![low(0)..high(0), low(1)..high(1), low(2)..high(2)];
                alone(&family, &levels.slice(cut).to_owned(), &mask.slice(cut).to_owned())
            };
            let [flat, solid] = [cut(true), cut(false)];
            for ((column, map), (flat, solid)) in
                plan.columns().iter().zip(&maps).zip(flat.iter().zip(&solid))
            {
                let in_plane = column.aggregation.starts_with('2');
                let (got, expected) = (map[[z, y, x]], if in_plane { *flat } else { *solid });
                // A root of what is 0 but for rounding.
                let root = column.feature == "information_correlation_2"
                    && got.abs().max(expected.abs()) < 1e-6;
                // Sums of the same numbers in another order; some are differences of large ones.
                let near = (got - expected).abs() <= 1e-10 * expected.abs().max(1.0);
                prop_assert!(
                    near || root || got.is_nan() && expected.is_nan(),
                    "{} at {:?}: {got} and {expected}", column.name, [z, y, x]
                );
            }
        }
    }

    /// Nor does it on what was counted before, or on threads.
    #[test]
    fn a_value_depends_on_its_neighbourhood_alone_to_the_bit(
        (levels, mask) in regions(),
        family in families(),
        radius in prop_oneof![Just([1, 1, 1]), Just([2, 2, 2]), Just([1, 0, 3])],
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 3),
    ) {
        let plan = plan(&family);
        let bits = |maps: &[Array3<f64>], p: [usize; 3]| {
            maps.iter().map(|map| map[p].to_bits()).collect::<Vec<_>>()
        };
        let run = |threads, mask: &Array3<bool>| {
            parallel::with_threads(Some(threads), || made(&plan, &levels, mask, radius))
        };
        let ((maps, _), (other, counted)) = (run(1, &mask), run(3, &mask));
        let aggregations: std::collections::HashSet<_> =
            plan.columns().iter().map(|c| c.aggregation).collect();
        let voxels: Vec<[usize; 3]> =
            mask.indexed_iter().filter(|(_, &set)| set).map(|(p, _)| p.into()).collect();
        prop_assert_eq!(counted, aggregations.len() * voxels.len());
        for &p in &voxels {
            prop_assert_eq!(bits(&maps, p), bits(&other, p));
        }
        for pick in picks {
            let p = *pick.get(&voxels);
            // The first voxel has the highest level.
            let near = |q: [usize; 3]| {
                q == [0; 3] || (0..3).all(|a| p[a].abs_diff(q[a]) <= radius[a] as usize)
            };
            let cut = Array3::from_shape_fn(SHAPE, |q| mask[q] && near(q.into()));
            prop_assert_eq!(bits(&maps, p), bits(&run(1, &cut).0, p));
        }
    }
}
