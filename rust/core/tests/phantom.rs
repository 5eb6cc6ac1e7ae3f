//! The digital phantom from image to values, without Python: IBSI's reference values and the same
//! bits on any number of threads.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use ferromics::extract::{extract, Extraction};
use ferromics::parallel::{until, with_threads};
use ferromics::plan::Plan;
use ferromics::settings::{Aggregation, Discretise, FamilySettings, Settings};
use ferromics::{phantom, Error};
use ndarray::Array3;

/// Every family in every aggregation, on the intensities as they are.
fn everything() -> Plan {
    let mut settings = Settings {
        discretise: vec![Discretise::None {}],
        ..Settings::default()
    };
    let (six, three) = (
        Aggregation::DIRECTIONAL.to_vec(),
        Aggregation::PLAIN.to_vec(),
    );
    for family in &mut settings.features {
        match family {
            FamilySettings::Ivh(s) => s.discretise = Discretise::None {},
            FamilySettings::Glcm(s) => s.aggregations.clone_from(&six),
            FamilySettings::Glrlm(s) => s.aggregations.clone_from(&six),
            FamilySettings::Glszm(s) => s.aggregations.clone_from(&three),
            FamilySettings::Gldzm(s) => s.aggregations.clone_from(&three),
            FamilySettings::Ngtdm(s) => s.aggregations.clone_from(&three),
            FamilySettings::Ngldm(s) => s.aggregations.clone_from(&three),
            _ => {}
        }
    }
    Plan::new(settings).expect("settings within limits")
}

fn run(plan: &Plan) -> Extraction {
    let (image, mask) = (phantom::image(), phantom::mask());
    extract(plan, image.view(), mask.view(), phantom::SPACING).expect("a region that can be used")
}

/// IBSI's rule: the difference, cut off at the third significant digit of the reference.
#[allow(clippy::cast_possible_truncation)] // exponents of doubles are small
fn matches(value: f64, reference: f64, tolerance: f64) -> bool {
    let place = if reference == 0.0 {
        0
    } else {
        reference.abs().log10().floor() as i32 - 2
    };
    // A billionth of the last digit, since steps of ten are not exact in binary.
    let steps = ((reference - value) / 10f64.powi(place)).abs() + 1e-9;
    steps.floor() * 10f64.powi(place) <= tolerance * (1.0 + 1e-9)
}

#[test]
fn all_482_reference_values_match() {
    let plan = everything();
    let values: HashMap<_, _> = plan
        .columns()
        .iter()
        .map(|c| {
            (
                c.family.to_string(),
                c.feature.clone(),
                c.aggregation.to_string(),
            )
        })
        .zip(run(&plan).values)
        .collect();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../python/ferromics/reference/ibsi1_values.csv"
    );
    let table = std::fs::read_to_string(path).unwrap();
    let mut matched = 0;
    for line in table.lines().filter(|l| l.starts_with("digital_phantom,")) {
        let cells: Vec<&str> = line.split(',').collect();
        let [_, family, feature, _, aggregation, reference, tolerance, ..] = cells[..] else {
            panic!("{line}")
        };
        if reference.is_empty() {
            continue; // not standardised
        }
        let value = values[&(family.into(), feature.into(), aggregation.into())];
        let (reference, tolerance) = (reference.parse().unwrap(), tolerance.parse().unwrap());
        assert!(matches(value, reference, tolerance), "{line}: {value}");
        matched += 1;
    }
    assert_eq!(matched, 482);
}

#[test]
fn one_two_and_seven_threads_agree_to_the_bit() {
    let plan = everything();
    let bits = |threads| {
        let run = with_threads(Some(threads), || run(&plan));
        run.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(1), bits(2));
    assert_eq!(bits(1), bits(7));
}

#[test]
fn a_request_to_stop_is_heeded() {
    let plan = everything();
    let stop = Arc::new(AtomicBool::new(true));
    assert!(until(&stop, || run(&plan)).is_none());
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let plan = Plan::new(Settings::default()).unwrap();
    let (image, mask) = (phantom::image().mapv(f64::from), phantom::mask());
    let refused = |image: &Array3<f64>, mask: &Array3<bool>, spacing| {
        extract(&plan, image.view(), mask.view(), spacing).unwrap_err()
    };
    let nothing = Array3::from_elem(mask.dim(), false);
    assert_eq!(
        refused(&image, &nothing, phantom::SPACING),
        Error::EmptyMask
    );
    let mut holed = image.clone();
    holed[[3, 0, 1]] = f64::NAN;
    let Error::NonFinite { index, count, .. } = refused(&holed, &mask, phantom::SPACING) else {
        panic!("NaN inside the region must be refused")
    };
    assert_eq!((index, count), ([3, 0, 1], 1));
    let wrong = [1.0, 0.0, 1.0];
    assert_eq!(
        refused(&image, &mask, wrong),
        Error::Spacing { spacing: wrong }
    );
    let smaller = Array3::from_elem((4, 4, 4), true);
    let Error::ShapeMismatch { .. } = refused(&image, &smaller, phantom::SPACING) else {
        panic!("another shape must be refused")
    };
}
