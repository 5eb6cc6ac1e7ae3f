//! Each stage by itself, on one thread (there is no pool outside `with_threads`): smoothed noise in
//! a sphere of 10^5 voxels of 1 mm, 32 grey levels unless the name says otherwise.
//!
//! `cargo bench --bench kernels [NAME]` times with criterion. `--names` lists the kernels;
//! `--count NAME` runs one once inside [`measured`], for callgrind to count its instructions alone
//! (`make bench-check`), and prints the instruction sets found.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::process::ExitCode;

use criterion::Criterion;
use ferromics::autocorrelation::autocorrelation;
use ferromics::discretise::discretise;
use ferromics::extract::{extract, response_map, texture};
use ferromics::feature::morphological;
use ferromics::mesh::diameter::diameter;
use ferromics::mesh::ellipsoid::enclosing;
use ferromics::mesh::extremes::candidates;
use ferromics::mesh::hull::Hull;
use ferromics::mesh::marching_cubes::{histogram, measure};
use ferromics::mesh::packed::PackedMask;
use ferromics::plan::Plan;
use ferromics::roi::Roi;
use ferromics::settings::{from_json, Discretise, FamilySettings, Resample};
use ferromics::volume::Volume;
use ferromics::{arrays, Settings};
use ndarray::{Array1, Array3, Axis};

/// Voxels of the region.
const VOXELS: usize = 100_000;
const SPACING: [f64; 3] = [1.0; 3];

/// A name, and what makes a work ready that can be run again and again.
type Kernel = (&'static str, fn() -> Work);
type Work = Box<dyn Fn()>;

const KERNELS: &[Kernel] = &[
    ("glcm", || on_levels(32, r#"{"type": "glcm"}"#)),
    ("glcm_both", || on_levels(32, GLCM_BOTH)),
    ("glcm_2d", || on_levels(32, GLCM_2D)),
    ("glrlm", || on_levels(32, r#"{"type": "glrlm"}"#)),
    ("glszm", || on_levels(32, r#"{"type": "glszm"}"#)),
    ("gldzm", || on_levels(32, r#"{"type": "gldzm"}"#)),
    ("ngtdm", || on_levels(32, r#"{"type": "ngtdm"}"#)),
    ("ngldm", || on_levels(32, r#"{"type": "ngldm"}"#)),
    ("glcm_1000", || on_levels(1000, r#"{"type": "glcm"}"#)),
    ("glrlm_1000", || on_levels(1000, r#"{"type": "glrlm"}"#)),
    ("glszm_1000", || on_levels(1000, r#"{"type": "glszm"}"#)),
    ("texture", || whole(VOXELS, TEXTURE)),
    ("stat", || whole(VOXELS, r#"{"type": "stat"}"#)),
    ("ih", || whole(VOXELS, r#"{"type": "ih"}"#)),
    ("ivh", || whole(VOXELS, r#"{"type": "ivh"}"#)),
    ("loc", || whole(VOXELS, r#"{"type": "loc"}"#)),
    ("mesh", || on_mask(|m| measure(&histogram(m), SPACING))),
    ("hull", || on_mask(|m| Hull::new(&candidates(m)))),
    ("diameter", || on_hull(|h| diameter(h.corners(), SPACING))),
    ("ellipsoids", || {
        on_hull(|h| enclosing(&h.positions(SPACING)))
    }),
    ("morph", || whole(VOXELS, &morph())),
    ("autocorrelation", || on_region(autocorrelation)),
    ("discretise", || {
        on_region(|roi| discretise(roi, &Discretise::default()))
    }),
    ("resample", resample),
    ("mean", || filter(r#"{"type": "mean", "support": 5}"#)),
    ("log", || filter(r#"{"type": "log", "sigma": [2.0]}"#)),
    ("laws", || filter(LAWS)),
    ("gabor", || filter(GABOR)),
    ("wavelet", || {
        filter(r#"{"type": "wavelet", "wavelet": "coif1"}"#)
    }),
    ("riesz", || filter(RIESZ)),
    ("small", || whole(1000, &pyradiomics())),
    ("w1", || whole(VOXELS, &pyradiomics())),
];

const GLCM_BOTH: &str = r#"{"type": "glcm", "aggregations": ["3d_averaged", "3d_merged"]}"#;
const GLCM_2D: &str = r#"{"type": "glcm", "aggregations": ["2d_averaged"]}"#;
const TEXTURE: &str = r#"{"type": "glcm"}, {"type": "glrlm"}, {"type": "glszm"},
    {"type": "gldzm"}, {"type": "ngtdm"}, {"type": "ngldm"}"#;
const LAWS: &str = r#"{"type": "laws", "kernels": ["L5E5E5"], "energy": 7, "pooling": "max"}"#;
const GABOR: &str = r#"{"type": "gabor", "sigma": 3.0, "wavelength": 2.0, "theta_step": 45.0}"#;
const RIESZ: &str = r#"{"type": "riesz", "order": [1, 0, 1], "sigma": 2.0}"#;

/// Morphology without Moran's I and Geary's C, which are a kernel of their own.
fn morph() -> String {
    let named = morphological::FEATURES.iter().map(|f| f.name);
    let names: Vec<&str> = named
        .filter(|n| !matches!(*n, "morans_i_index" | "gearys_c_measure"))
        .collect();
    format!(r#"{{"type": "morph", "only": {names:?}}}"#)
}

/// What PyRadiomics computes, as bench/README.md has it.
fn pyradiomics() -> String {
    format!(
        r#"{}, {{"type": "stat"}}, {{"type": "ih"}}, {{"type": "glcm"}}, {{"type": "glrlm"}},
        {{"type": "glszm"}}, {{"type": "ngtdm"}}, {{"type": "ngldm"}}"#,
        morph()
    )
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--names", ..] => KERNELS.iter().for_each(|(name, _)| println!("{name}")),
        ["--count", name, ..] => {
            let Some((_, prepare)) = KERNELS.iter().find(|(known, _)| *known == name) else {
                eprintln!("no kernel is called '{name}'; --names lists them");
                return ExitCode::from(2);
            };
            let work = prepare();
            measured(&work);
            println!("{}", instruction_sets().join(" "));
        }
        _ => time(),
    }
    ExitCode::SUCCESS
}

/// What callgrind counts: its name must stay the only one with this word in it.
#[inline(never)]
fn measured(work: &Work) {
    black_box(work)();
}

fn time() {
    let mut criterion = Criterion::default().configure_from_args();
    for &(name, prepare) in KERNELS {
        let mut work = None; // made when criterion runs this kernel, not when it is filtered out
        criterion.bench_function(name, |bencher| {
            let work = work.get_or_insert_with(prepare);
            bencher.iter(&**work);
        });
    }
    criterion.final_summary();
}

/// The instruction sets found that compiled variants of a loop may use.
fn instruction_sets() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let sets = [
            ("avx", is_x86_feature_detected!("avx")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("bmi2", is_x86_feature_detected!("bmi2")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ];
        sets.iter()
            .filter(|(_, found)| *found)
            .map(|&(name, _)| name)
            .collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![std::env::consts::ARCH]
}

/// Smoothed noise in a cube and a centred sphere of about so many voxels.
fn sphere(voxels: usize) -> (Array3<f64>, Array3<bool>) {
    let radius = (3.0 * voxels as f64 / (4.0 * std::f64::consts::PI)).cbrt();
    let reach = (0..=voxels).find(|&r| r as f64 >= radius);
    let edge = 2 * reach.expect("a radius below the number of voxels") + 5;
    let mut state = 0_u64;
    let mut image = Array3::from_shape_simple_fn((edge, edge, edge), || noise(&mut state));
    // Three boxes of five voxels along each axis are a Gaussian of sigma 2.4.
    for axis in (0..3).flat_map(|axis| [axis; 3]) {
        image
            .lanes_mut(Axis(axis))
            .into_iter()
            .for_each(|mut lane| {
                let at = |k: usize| lane[k.saturating_sub(2).min(edge - 1)];
                let smooth: Array1<f64> =
                    (0..edge).map(|k| (k..k + 5).map(at).sum::<f64>()).collect();
                lane.assign(&smooth);
            });
    }
    let centre = (edge - 1) as f64 / 2.0;
    let mask = Array3::from_shape_fn(image.dim(), |(z, y, x)| {
        let squared = [z, y, x].map(|k| (k as f64 - centre).powi(2));
        squared.iter().sum::<f64>() <= radius * radius
    });
    (image, mask)
}

/// Noise between 0 and 1, of about normal distribution (SplitMix64, Steele and others 2014).
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (0..4)
        .map(|k| ((z >> (16 * k)) & 0xffff) as f64)
        .sum::<f64>()
        / (4.0 * 65_535.0)
}

fn region(voxels: usize) -> Roi {
    let (image, mask) = sphere(voxels);
    Roi::new(image.view(), mask.view(), SPACING).expect("finite intensities in a region")
}

/// A family's features from given grey levels.
fn on_levels(bins: u32, family: &str) -> Work {
    let roi = region(VOXELS);
    let levels = discretise(&roi, &Discretise::Fbn { bins }).expect("at most 65,535 levels");
    let family: FamilySettings = from_json(family).expect("settings of a family");
    Box::new(move || {
        let values = texture(&levels, roi.morphological(), family.clone());
        black_box(values).expect("settings within limits");
    })
}

/// A whole extraction of these families, from image and mask.
fn whole(voxels: usize, families: &str) -> Work {
    let (image, mask) = sphere(voxels);
    let plan = plan(&format!(r#"{{"features": [{families}]}}"#));
    Box::new(move || {
        let found = extract(&plan, image.view(), mask.view(), SPACING);
        black_box(found).expect("a region that can be used");
    })
}

fn plan(settings: &str) -> Plan {
    let settings = Settings::from_json(settings).expect("settings");
    Plan::new(settings).expect("settings within limits")
}

fn on_region<R: 'static>(f: impl Fn(&Roi) -> R + 'static) -> Work {
    let roi = region(VOXELS);
    Box::new(move || drop(black_box(f(&roi))))
}

fn on_mask<R: 'static>(f: impl Fn(&PackedMask) -> R + 'static) -> Work {
    let roi = region(VOXELS);
    let mask = PackedMask::new(roi.morphological(), roi.shape());
    Box::new(move || drop(black_box(f(&mask))))
}

fn on_hull<R: 'static>(f: impl Fn(&Hull) -> R + 'static) -> Work {
    let roi = region(VOXELS);
    let mask = PackedMask::new(roi.morphological(), roi.shape());
    let hull = Hull::new(&candidates(&mask)).expect("a body with volume");
    Box::new(move || drop(black_box(f(&hull))))
}

/// Image and mask to three quarters of the spacing.
fn resample() -> Work {
    let (image, mask) = sphere(VOXELS);
    let settings = Resample {
        spacing: [Some(0.75); 3],
        ..Resample::default()
    };
    Box::new(move || {
        let image = arrays::resample(image.view(), SPACING, &settings);
        let mask = arrays::resample_mask(mask.view(), SPACING, &settings);
        let _ = black_box((image, mask));
    })
}

/// All maps of a filter, of the whole image.
fn filter(settings: &str) -> Work {
    let image = Volume::new(sphere(VOXELS).0, SPACING).expect("an image");
    let plan = plan(&format!(
        r#"{{"original": false, "filters": [{settings}], "features": [{{"type": "stat"}}]}}"#
    ));
    Box::new(move || {
        for k in 0..plan.maps().count() {
            let map = response_map(&plan, k, &image);
            black_box(map).expect("an image that is large enough");
        }
    })
}
