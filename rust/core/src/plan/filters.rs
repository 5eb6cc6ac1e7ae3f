//! From a filter of the settings to its maps: each with its name and all its parameters.
//!
//! A map's name is composed here and nowhere else: the filter, then every parameter that differs
//! from its documented default, in a fixed order; what a filter cannot do without always stands
//! there.

use super::setting;
use crate::error::{Error, Result};
use crate::filter::gabor::{Gabor, Part};
use crate::filter::laws::{check_energy, Laws};
use crate::filter::lbp::{self, Code};
use crate::filter::nonseparable;
use crate::filter::point::Transform;
use crate::filter::riesz::{Base, Riesz};
use crate::filter::wavelet::{SubBand, Wavelet};
use crate::filter::{mean, Boundary, Dimension, Filter, Pooling};
use crate::settings::{
    truncate, Bands, FilterSettings, FilterType, GaborFilter, IsotropicWavelet, LawsFilter,
    LogFilter, PointTransform, Precision, RieszBase, RieszFilter, WaveletFilter,
};

/// The filter of one response map, by the map's name.
type Named = (String, Filter);

/// The maps of a filter that stands at `path` of the settings.
pub(super) fn maps(path: &str, settings: &FilterSettings) -> Result<Vec<Named>> {
    let mut maps =
        of_type(&settings.filter, settings.of_map.precision).map_err(|error| at(path, error))?;
    if maps.is_empty() {
        return Err(setting(
            path,
            "an empty list",
            "each list needs at least one entry",
        ));
    }
    if settings.of_map.precision == Precision::Single {
        for (name, _) in &mut maps {
            name.push_str("-single");
        }
    }
    if let Some(name) = &settings.of_map.name {
        let path = format!("{path}.name");
        let letter = |c: char| c.is_ascii_alphanumeric() || "-+._".contains(c);
        if name.is_empty() || !name.chars().all(letter) {
            let allowed = "letters, digits, '-', '+', '.' and '_' make a name";
            return Err(setting(&path, format!("'{name}'"), allowed));
        }
        if maps.len() > 1 {
            let given = format!("'{name}' for {} maps", maps.len());
            let allowed = "only a filter that makes one map can carry a name; list them one by one";
            return Err(setting(&path, given, allowed));
        }
        maps[0].0.clone_from(name);
    }
    Ok(maps)
}

/// An argument's error as that of the setting it comes from.
fn at(path: &str, error: Error) -> Error {
    match error {
        Error::Argument {
            name,
            given,
            allowed,
        } => setting(&format!("{path}.{name}"), given, allowed),
        Error::UnknownWavelet { given, nearest } => setting(
            &format!("{path}.wavelet"),
            format!("'{given}'"),
            &format!("no wavelet has this name, did you mean '{nearest}'?"),
        ),
        other => other,
    }
}

fn of_type(filter: &FilterType, precision: Precision) -> Result<Vec<Named>> {
    match filter {
        FilterType::Mean(s) => {
            mean::check(s.support)?;
            let filter = Filter::Mean {
                support: s.support,
                dimension: s.dimension,
                boundary: s.boundary,
            };
            let name = Name::new("mean").with("support", s.support);
            Ok(vec![(name.place(s.dimension, s.boundary), filter)])
        }
        FilterType::Log(s) => logs(s),
        FilterType::Laws(s) => laws(s),
        FilterType::Gabor(s) => gabor(s),
        FilterType::Wavelet(s) => wavelets(s, precision),
        FilterType::Simoncelli(s) => isotropic("simoncelli", nonseparable::Wavelet::Simoncelli, s),
        FilterType::Shannon(s) => isotropic("shannon", nonseparable::Wavelet::Shannon, s),
        FilterType::Riesz(s) => riesz(s),
        FilterType::Square(s) => point("square", Transform::Square, s),
        FilterType::SquareRoot(s) => point("square-root", Transform::SquareRoot, s),
        FilterType::Logarithm(s) => point("logarithm", Transform::Logarithm, s),
        FilterType::Exponential(s) => point("exponential", Transform::Exponential, s),
        FilterType::Gradient(s) => {
            let filter = Filter::Gradient {
                dimension: s.dimension,
                boundary: s.boundary,
            };
            let name = Name::new("gradient");
            Ok(vec![(name.place(s.dimension, s.boundary), filter)])
        }
        FilterType::Lbp2d(s) => {
            lbp::check_radius(s.radius)?;
            lbp::check_samples(s.samples)?;
            let mut name = Name::new("lbp-2d")
                .unless_one("radius", s.radius)
                .unless("samples", s.samples, 8);
            match s.code {
                Code::Uniform => {}
                Code::Pattern => name.push("pattern"),
                Code::RotationMinimum => name.push("rotation-minimum"),
            }
            let filter = Filter::Lbp2d {
                radius: s.radius,
                samples: s.samples,
                code: s.code,
                boundary: s.boundary,
            };
            Ok(vec![(name.beyond(s.boundary, Boundary::Mirror), filter)])
        }
        FilterType::Lbp3d(s) => {
            lbp::check_radius(s.radius)?;
            let filter = Filter::Lbp3d {
                radius: s.radius,
                boundary: s.boundary,
            };
            let name = Name::new("lbp-3d").unless_one("radius", s.radius);
            Ok(vec![(name.beyond(s.boundary, Boundary::Mirror), filter)])
        }
    }
}

fn logs(s: &LogFilter) -> Result<Vec<Named>> {
    positive("truncate", s.truncate)?;
    let one = |&sigma: &f64| {
        positive("sigma", sigma)?;
        let mut name = Name::new("log").length("sigma", sigma);
        name = name.unless("trunc", s.truncate, 4.0);
        let filter = Filter::Log {
            sigma,
            truncate: s.truncate,
            dimension: s.dimension,
            boundary: s.boundary,
        };
        Ok((name.place(s.dimension, s.boundary), filter))
    };
    s.sigma.iter().map(one).collect()
}

fn laws(s: &LawsFilter) -> Result<Vec<Named>> {
    let one = |text: &String| {
        let kernels = Laws::named(text)?;
        let mut name = Name::new("laws");
        name.push(&text.trim().to_uppercase());
        if let Some(pooling) = s.pooling {
            name.push(pooling.name());
        }
        if let Some(distance) = s.energy {
            check_energy(distance)?;
            name = name.with("energy", distance);
        }
        let filter = Filter::Laws {
            kernels,
            energy: s.energy,
            rotations: s.pooling,
            boundary: s.boundary,
        };
        Ok((name.beyond(s.boundary, Boundary::Mirror), filter))
    };
    s.kernels.iter().map(one).collect()
}

fn gabor(s: &GaborFilter) -> Result<Vec<Named>> {
    let filter = Gabor {
        sigma: s.sigma,
        wavelength: s.wavelength,
        gamma: s.gamma,
        theta: s.theta,
        theta_step: s.theta_step,
        part: s.part,
        orthogonal: s.orthogonal,
        pooling: s.pooling,
        boundary: s.boundary,
    };
    filter.check()?;
    let mut name = Name::new("gabor")
        .length("sigma", s.sigma)
        .length("lambda", s.wavelength)
        .unless_one("gamma", s.gamma);
    if s.theta != 0.0 {
        name.push(&format!("theta{}deg", s.theta));
    }
    if let Some(step) = s.theta_step {
        name.push(&format!("step{step}deg"));
    }
    match s.part {
        Part::Modulus => {}
        Part::Real => name.push("real"),
        Part::Imaginary => name.push("imaginary"),
    }
    if s.orthogonal {
        name.push("orthogonal");
    }
    if s.pooling != Pooling::Mean {
        name.push(s.pooling.name());
    }
    let name = name.beyond(s.boundary, Boundary::Mirror);
    Ok(vec![(name, Filter::Gabor(filter))])
}

fn wavelets(s: &WaveletFilter, precision: Precision) -> Result<Vec<Named>> {
    let wavelet = match precision {
        Precision::Double => Wavelet::named(&s.wavelet)?,
        Precision::Single => Wavelet::named_in_single(&s.wavelet)?,
    };
    let bands = match &s.sub_bands {
        Bands::All => SubBand::all(s.dimension),
        Bands::Named(names) => {
            let bands = names.iter().map(|name| SubBand::named(name));
            bands.collect::<Result<_>>()?
        }
    };
    if let Some(band) = bands
        .iter()
        .find(|b| !s.dimension.has(0) && b.dimension().has(0))
    {
        let allowed = "slices (dimension 2) have sub-bands of two letters";
        return Err(refused("sub_bands", format!("'{band}'"), allowed));
    }
    let one = |level: usize, band: SubBand| {
        check_level(level)?;
        let mut name = Name::new("wavelet");
        name.push(&s.wavelet.trim().to_lowercase());
        name.push(&band.to_string());
        name = name.unless("level", level, 1);
        if let Some(pooling) = s.pooling {
            name.push(pooling.name());
        }
        let filter = Filter::Wavelet {
            wavelet: wavelet.clone(),
            band,
            level,
            rotations: s.pooling,
            boundary: s.boundary,
        };
        Ok((name.beyond(s.boundary, Boundary::Mirror), filter))
    };
    let pairs = s
        .level
        .iter()
        .flat_map(|&l| bands.iter().map(move |&b| (l, b)));
    pairs.map(|(level, band)| one(level, band)).collect()
}

fn isotropic(
    name: &str,
    wavelet: nonseparable::Wavelet,
    s: &IsotropicWavelet,
) -> Result<Vec<Named>> {
    let one = |&level: &usize| {
        check_level(level)?;
        let filter = Filter::Isotropic {
            wavelet,
            level: u32::try_from(level).unwrap_or(u32::MAX),
            dimension: s.dimension,
            boundary: s.boundary,
        };
        let name = Name::new(name)
            .unless("level", level, 1)
            .in_slices(s.dimension);
        Ok((name.beyond(s.boundary, Boundary::Periodic), filter))
    };
    s.level.iter().map(one).collect()
}

fn riesz(s: &RieszFilter) -> Result<Vec<Named>> {
    let mut name = Name::new("riesz");
    let wavelet = match s.base {
        RieszBase::Log | RieszBase::Gaussian => None,
        RieszBase::Simoncelli => Some(nonseparable::Wavelet::Simoncelli),
        RieszBase::Shannon => Some(nonseparable::Wavelet::Shannon),
    };
    name.push(match s.base {
        RieszBase::Log => "log",
        RieszBase::Gaussian => "gaussian",
        RieszBase::Simoncelli => "simoncelli",
        RieszBase::Shannon => "shannon",
    });
    let base = match (wavelet, s.sigma) {
        (Some(_), None) if s.truncate != truncate() => {
            let allowed = "a wavelet as base has no kernel to cut off";
            return Err(refused("truncate", s.truncate, allowed));
        }
        (None, Some(_)) if s.level != 1 => {
            let allowed = "only a wavelet as base has levels";
            return Err(refused("level", s.level, allowed));
        }
        (Some(wavelet), None) => {
            check_level(s.level as usize)?;
            name = name.unless("level", s.level, 1);
            let level = s.level;
            Base::Wavelet { wavelet, level }
        }
        (None, Some(sigma)) => {
            positive("sigma", sigma)?;
            positive("truncate", s.truncate)?;
            name = name.length("sigma", sigma).unless("trunc", s.truncate, 4.0);
            let truncate = s.truncate;
            if s.base == RieszBase::Log {
                Base::LaplacianOfGaussian { sigma, truncate }
            } else {
                Base::Gaussian { sigma, truncate }
            }
        }
        (Some(_), Some(sigma)) => {
            let allowed = "a wavelet as base takes a level, no sigma";
            return Err(refused("sigma", sigma, allowed));
        }
        (None, None) => {
            let allowed = "this base needs a standard deviation in mm";
            return Err(refused("sigma", "absent", allowed));
        }
    };
    let natural = match wavelet {
        Some(_) => Boundary::Periodic,
        None => Boundary::Mirror,
    };
    let filter = Riesz {
        base,
        order: s.order,
        sigma_tensor: s.sigma_tensor,
        dimension: s.dimension,
        boundary: s.boundary.unwrap_or(natural),
    };
    filter.check_order()?;
    name.push(&format!("l{}", s.order.map(|n| n.to_string()).join(".")));
    if let Some(sigma) = s.sigma_tensor {
        positive("sigma_tensor", sigma)?;
        name = name.length("tensor", sigma);
    }
    let name = name.in_slices(s.dimension).beyond(filter.boundary, natural);
    Ok(vec![(name, Filter::Riesz(filter))])
}

fn point(name: &str, transform: Transform, s: &PointTransform) -> Result<Vec<Named>> {
    let mut name = Name::new(name);
    if let Some(largest) = s.largest {
        positive("largest", largest)?;
        name = name.with("largest", largest);
    }
    let largest = s.largest;
    Ok(vec![(name.0, Filter::Point { transform, largest })])
}

fn check_level(level: usize) -> Result<()> {
    if level == 0 {
        return Err(refused("level", level, "levels start at 1, the finest"));
    }
    Ok(())
}

fn positive(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(refused(name, value, "it must be a positive number"))
}

fn refused(name: &'static str, given: impl ToString, allowed: &'static str) -> Error {
    Error::Argument {
        name,
        given: given.to_string(),
        allowed,
    }
}

/// A map's name in the making.
struct Name(String);

impl Name {
    fn new(filter: &str) -> Self {
        Self(filter.into())
    }

    fn push(&mut self, part: &str) {
        self.0.push('-');
        self.0.push_str(part);
    }

    fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.push(&format!("{key}{}", value.to_string()));
        self
    }

    fn length(self, key: &str, mm: f64) -> Self {
        self.with(key, format!("{mm}mm"))
    }

    fn unless<T: PartialEq + ToString>(self, key: &str, value: T, default: T) -> Self {
        if value == default {
            self
        } else {
            self.with(key, value)
        }
    }

    fn unless_one(self, key: &str, value: f64) -> Self {
        self.unless(key, value, 1.0)
    }

    fn in_slices(mut self, dimension: Dimension) -> Self {
        if dimension == Dimension::Slice {
            self.push("2d");
        }
        self
    }

    fn beyond(mut self, boundary: Boundary, default: Boundary) -> String {
        if boundary != default {
            self.push(&boundary.label());
        }
        self.0
    }

    /// Dimension and boundary of the filters that are of the volume and mirrored by default.
    fn place(self, dimension: Dimension, boundary: Boundary) -> String {
        self.in_slices(dimension).beyond(boundary, Boundary::Mirror)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use crate::settings::Settings;

    fn plan(filters: &str) -> crate::Result<Plan> {
        let text = format!(
            r#"{{"original": false, "features": [{{"type": "stat"}}], "filters": [{filters}]}}"#
        );
        Plan::new(Settings::from_json(&text)?)
    }

    /// Names of the maps of a filter with these keys.
    fn names(filter: &str) -> Vec<String> {
        let plan = plan(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
        plan.maps().map(Into::into).collect()
    }

    #[test]
    fn names_hold_what_differs_from_the_defaults() {
        let cases = [
            (r#"{"type": "mean", "support": 5}"#, "mean-support5"),
            (
                r#"{"type": "mean", "support": 3, "dimension": 2, "boundary": "zero"}"#,
                "mean-support3-2d-zero",
            ),
            (r#"{"type": "log", "sigma": [2.0]}"#, "log-sigma2mm"),
            (
                r#"{"type": "log", "sigma": [1.5], "truncate": 3, "boundary": -0.5}"#,
                "log-sigma1.5mm-trunc3-constant-0.5",
            ),
            (
                r#"{"type": "laws", "kernels": ["l5E5"], "pooling": "max", "energy": 7}"#,
                "laws-L5E5-max-energy7",
            ),
            (
                r#"{"type": "gabor", "sigma": 5, "wavelength": 2, "gamma": 1.5, "theta_step": 22.5}"#,
                "gabor-sigma5mm-lambda2mm-gamma1.5-step22.5deg",
            ),
            (
                r#"{"type": "gabor", "sigma": 5, "wavelength": 2, "theta": -45, "part": "real",
                    "orthogonal": true, "pooling": "max"}"#,
                "gabor-sigma5mm-lambda2mm-theta-45deg-real-orthogonal-max",
            ),
            (
                r#"{"type": "wavelet", "wavelet": "Coif1", "sub_bands": ["lh"], "level": [2],
                    "pooling": "mean", "boundary": "periodic"}"#,
                "wavelet-coif1-LH-level2-mean-periodic",
            ),
            (r#"{"type": "simoncelli"}"#, "simoncelli"),
            (
                r#"{"type": "shannon", "level": [3], "dimension": 2, "boundary": "mirror"}"#,
                "shannon-level3-2d-mirror",
            ),
            (
                r#"{"type": "riesz", "order": [1, 0, 2], "sigma": 3, "sigma_tensor": 1}"#,
                "riesz-log-sigma3mm-l1.0.2-tensor1mm",
            ),
            (
                r#"{"type": "riesz", "order": [0, 2, 0], "base": "simoncelli", "level": 2,
                    "boundary": "nearest", "dimension": 2}"#,
                "riesz-simoncelli-level2-l0.2.0-2d-nearest",
            ),
            (r#"{"type": "square_root"}"#, "square-root"),
            (
                r#"{"type": "exponential", "largest": 1000}"#,
                "exponential-largest1000",
            ),
            (r#"{"type": "gradient", "dimension": 2}"#, "gradient-2d"),
            (r#"{"type": "lbp_2d"}"#, "lbp-2d"),
            (
                r#"{"type": "lbp_2d", "radius": 2, "samples": 12, "code": "rotation_minimum"}"#,
                "lbp-2d-radius2-samples12-rotation-minimum",
            ),
            (
                r#"{"type": "lbp_3d", "precision": "single"}"#,
                "lbp-3d-single",
            ),
            (r#"{"type": "square", "name": "my_map"}"#, "my_map"),
        ];
        for (filter, name) in cases {
            assert_eq!(names(filter), [name], "{filter}");
        }
    }

    #[test]
    fn lists_make_a_map_of_each_entry() {
        let sigmas = names(r#"{"type": "log", "sigma": [1, 2.5]}"#);
        assert_eq!(sigmas, ["log-sigma1mm", "log-sigma2.5mm"]);
        let bands = names(r#"{"type": "wavelet", "wavelet": "haar", "level": [1, 2]}"#);
        assert_eq!(bands.len(), 16);
        assert_eq!(
            (&*bands[1], &*bands[15]),
            ("wavelet-haar-LLH", "wavelet-haar-HHH-level2")
        );
        let bands = names(r#"{"type": "wavelet", "wavelet": "haar", "dimension": 2}"#);
        assert_eq!(
            bands,
            ["LL", "LH", "HL", "HH"].map(|b| format!("wavelet-haar-{b}"))
        );
    }

    #[test]
    fn what_is_refused_is_named_by_its_path() {
        let cases = [
            (
                r#"{"type": "mean", "support": 4}"#,
                "filters[0].support: 4 voxels is not",
            ),
            (
                r#"{"type": "log", "sigma": [1, 0]}"#,
                "filters[0].sigma: 0 is not",
            ),
            (
                r#"{"type": "log", "sigma": []}"#,
                "filters[0]: an empty list is not",
            ),
            (
                r#"{"type": "laws", "kernels": ["L5"]}"#,
                "filters[0].kernels: 'L5' is not",
            ),
            (
                r#"{"type": "wavelet", "wavelet": "db99"}"#,
                "filters[0].wavelet: 'db99' is not",
            ),
            (
                r#"{"type": "gabor", "sigma": 1, "wavelength": 3, "theta_step": 50}"#,
                "filters[0].theta_step: 50",
            ),
            (
                r#"{"type": "simoncelli", "level": [0]}"#,
                "filters[0].level: 0 is not",
            ),
            (
                r#"{"type": "riesz", "order": [1, 0, 0]}"#,
                "filters[0].sigma: absent is not",
            ),
            (
                r#"{"type": "riesz", "order": [1, 0, 0], "base": "shannon", "truncate": 3}"#,
                "filters[0].truncate: 3 is not",
            ),
            (
                r#"{"type": "riesz", "order": [1, 0, 0], "sigma": 1, "level": 2}"#,
                "filters[0].level: 2 is not",
            ),
            (
                r#"{"type": "wavelet", "wavelet": "haar", "sub_bands": ["LLH"], "dimension": 2}"#,
                "filters[0].sub_bands: 'LLH' is not",
            ),
            (
                r#"{"type": "square", "name": "original"}"#,
                "filters[0].name: 'original' is not",
            ),
            (
                r#"{"type": "riesz", "order": [0, 0, 0], "sigma": 1}"#,
                "filters[0].order: [0, 0, 0] is not",
            ),
            (
                r#"{"type": "lbp_2d", "samples": 2}"#,
                "filters[0].samples: 2 is not",
            ),
            (
                r#"{"type": "log", "sigma": [1, 2], "name": "a"}"#,
                "filters[0].name: 'a' for 2 maps",
            ),
            (
                r#"{"type": "square", "name": "a b"}"#,
                "filters[0].name: 'a b' is not",
            ),
            (
                r#"{"type": "square"}, {"type": "square", "features": [{"type": "ih"}]}"#,
                "filters[1].name: 'square' is not",
            ),
            (
                r#"{"type": "square", "features": [{"type": "diag"}]}"#,
                "filters[0].features[0]: diag is not",
            ),
            (
                r#"{"type": "square", "resegment": {"range": [2, 1]}}"#,
                "filters[0].resegment.range: [2, 1] is not",
            ),
        ];
        for (filter, told) in cases {
            let error = plan(filter).unwrap_err().to_string();
            assert!(error.starts_with(told), "{filter}: {error}");
        }
    }

    #[test]
    fn maps_have_the_settings_features_but_for_shape_or_their_own() {
        let text = r#"{"features": [{"type": "morph"}, {"type": "stat"}, {"type": "ih"}],
            "filters": [{"type": "square"}, {"type": "gradient", "features": [{"type": "morph"}]},
                        {"type": "lbp_3d", "discretise": [{"type": "none"}]}]}"#;
        let plan = Plan::new(Settings::from_json(text).unwrap()).unwrap();
        let mut found: Vec<(&str, &str, &str)> = plan
            .columns()
            .iter()
            .map(|c| (&*c.image, c.family, &*c.discretisation))
            .collect();
        found.dedup();
        let expected = [
            ("original", "morph", ""),
            ("original", "stat", ""),
            ("original", "ih", "fbn32"),
            ("square", "stat", ""),
            ("square", "ih", "fbn32"),
            ("gradient", "morph", ""),
            ("lbp-3d", "stat", ""),
            ("lbp-3d", "ih", ""),
        ];
        assert_eq!(found, expected);
        let only_shape = r#"{"features": [{"type": "morph"}], "filters": [{"type": "square"}]}"#;
        let error = Plan::new(Settings::from_json(only_shape).unwrap()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("filters[0].features: nothing"),
            "{error}"
        );
        let nothing = Settings::from_json(r#"{"original": false}"#).unwrap();
        assert!(Plan::new(nothing).is_err());
    }
}
