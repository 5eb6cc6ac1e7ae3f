//! Features: one documented function and one table row each, in the file of its IBSI family.
//!
//! Everything that is said of a feature elsewhere (column names, the catalogue, the docs page)
//! comes from these rows and from the functions' doc comments, which `build.rs` collects.

use std::fmt;

use crate::settings::Aggregation;

pub mod cooccurrence;
pub mod dependence;
pub mod diagnostic;
pub mod distance_zone;
pub mod histogram;
pub mod level_counts;
pub mod local_intensity;
pub mod morphological;
mod one_pass;
pub mod run_length;
pub mod size_zone;
pub(crate) mod sparse;
pub mod statistical;
pub mod summary;
pub mod tone_difference;
pub mod volume_histogram;

/// One feature: plain data; `eval` is the function of the same name beside it.
#[derive(Debug)]
pub struct FeatureDef<M: 'static> {
    /// Name in tables: IBSI's name in snake case.
    pub name: &'static str,
    /// IBSI code.
    pub ibsi: &'static str,
    /// Unit, a promise on how the value scales.
    pub unit: Unit,
    /// IBSI's name as a person reads it.
    pub title: &'static str,
    /// The feature's function.
    pub eval: fn(&M) -> f64,
}

/// Powers of length, intensity and grey level in a value: spacing times 2 multiplies the value by
/// `2^mm`, intensities times 2 by `2^intensity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Power of length in mm.
    pub mm: i8,
    /// Power of the image's intensity unit.
    pub intensity: i8,
    /// Power of the grey level (bin number).
    pub level: i8,
}

impl Unit {
    /// Dimensionless.
    pub const ONE: Self = Self::new(0, 0, 0);
    /// Length.
    pub const MM: Self = Self::new(1, 0, 0);
    /// Area.
    pub const MM2: Self = Self::new(2, 0, 0);
    /// Volume.
    pub const MM3: Self = Self::new(3, 0, 0);
    /// Inverse length.
    pub const PER_MM: Self = Self::new(-1, 0, 0);
    /// The image's intensity unit (HU, SUV, ...).
    pub const INTENSITY: Self = Self::new(0, 1, 0);
    /// Its square.
    pub const INTENSITY2: Self = Self::new(0, 2, 0);
    /// Intensity times volume.
    pub const INTENSITY_MM3: Self = Self::new(3, 1, 0);
    /// Grey level.
    pub const LEVEL: Self = Self::new(0, 0, 1);
    /// Its square.
    pub const LEVEL2: Self = Self::new(0, 0, 2);

    const fn new(mm: i8, intensity: i8, level: i8) -> Self {
        Self {
            mm,
            intensity,
            level,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("intensity", self.intensity),
            ("mm", self.mm),
            ("bin number", self.level),
        ];
        let power = |(name, p): (&str, i8)| match p {
            0 => String::new(),
            1 => name.to_string(),
            p if p < 0 => format!(
                "1/{}",
                if p == -1 {
                    name.into()
                } else {
                    format!("{name}^{}", -p)
                }
            ),
            p => format!("{name}^{p}"),
        };
        let text: Vec<String> = parts
            .into_iter()
            .map(power)
            .filter(|s| !s.is_empty())
            .collect();
        f.write_str(&text.join(" "))
    }
}

/// The eleven feature families of IBSI 1, and the diagnostic features of the processing stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Morphology.
    Morph,
    /// Local intensity.
    Loc,
    /// Intensity-based statistics.
    Stat,
    /// Intensity histogram.
    Ih,
    /// Intensity-volume histogram.
    Ivh,
    /// Grey level co-occurrence.
    Glcm,
    /// Grey level run length.
    Glrlm,
    /// Grey level size zone.
    Glszm,
    /// Grey level distance zone.
    Gldzm,
    /// Neighbourhood grey tone difference.
    Ngtdm,
    /// Neighbouring grey level dependence.
    Ngldm,
    /// Diagnostic features of the processing stages.
    Diag,
}

impl Family {
    /// All families, in IBSI's order.
    pub const ALL: [Self; 12] = [
        Self::Morph,
        Self::Loc,
        Self::Stat,
        Self::Ih,
        Self::Ivh,
        Self::Glcm,
        Self::Glrlm,
        Self::Glszm,
        Self::Gldzm,
        Self::Ngtdm,
        Self::Ngldm,
        Self::Diag,
    ];

    /// Key in tables and settings.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.about().0
    }

    /// IBSI's name.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.about().1
    }

    /// IBSI code; empty for the diagnostic features, which have none.
    #[must_use]
    pub fn ibsi(self) -> &'static str {
        self.about().2
    }

    fn about(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Morph => ("morph", "Morphology", "HCUG"),
            Self::Loc => ("loc", "Local intensity", "9ST6"),
            Self::Stat => ("stat", "Intensity-based statistics", "UHIW"),
            Self::Ih => ("ih", "Intensity histogram", "ZVCW"),
            Self::Ivh => ("ivh", "Intensity-volume histogram", "P88C"),
            Self::Glcm => ("glcm", "Grey level co-occurrence", "LFYI"),
            Self::Glrlm => ("glrlm", "Grey level run length", "TP0I"),
            Self::Glszm => ("glszm", "Grey level size zone", "9SAK"),
            Self::Gldzm => ("gldzm", "Grey level distance zone", "VMDZ"),
            Self::Ngtdm => ("ngtdm", "Neighbourhood grey tone difference", "IPET"),
            Self::Ngldm => ("ngldm", "Neighbouring grey level dependence", "REK0"),
            Self::Diag => ("diag", "Diagnostic features", ""),
        }
    }

    /// The aggregations this family can be reported in; none where it is 3D by definition.
    #[must_use]
    pub fn aggregations(self) -> &'static [Aggregation] {
        match self {
            Self::Glcm | Self::Glrlm => &Aggregation::DIRECTIONAL,
            Self::Glszm | Self::Gldzm | Self::Ngtdm | Self::Ngldm => &Aggregation::PLAIN,
            _ => &[],
        }
    }

    /// True if the family works on grey levels.
    #[must_use]
    pub fn discretised(self) -> bool {
        !matches!(
            self,
            Self::Morph | Self::Loc | Self::Stat | Self::Ivh | Self::Diag
        )
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone)]
pub struct Feature {
    /// Family.
    pub family: Family,
    /// Name in tables.
    pub name: String,
    /// IBSI's name.
    pub title: String,
    /// IBSI code; empty for the diagnostic features, which have none.
    pub ibsi: &'static str,
    /// Unit.
    pub unit: Unit,
    /// Doc comment of the feature's function, in Markdown with TeX formulas.
    pub doc: &'static str,
}

impl Feature {
    /// The feature's formula in TeX, the first one of its doc comment; empty if it has none, which
    /// a test forbids.
    #[must_use]
    pub fn formula(&self) -> &'static str {
        self.doc.split('$').nth(1).unwrap_or("")
    }
}

include!(concat!(env!("OUT_DIR"), "/feature_docs.rs"));

/// Every feature, in IBSI's order, then the diagnostic ones.
#[must_use]
pub fn catalogue() -> Vec<Feature> {
    let mut all = Vec::new();
    rows(
        &mut all,
        Family::Morph,
        "morphological",
        morphological::FEATURES,
    );
    rows(
        &mut all,
        Family::Loc,
        "local_intensity",
        local_intensity::FEATURES,
    );
    rows(&mut all, Family::Stat, "statistical", statistical::FEATURES);
    rows(&mut all, Family::Ih, "histogram", histogram::FEATURES);
    rows(
        &mut all,
        Family::Ivh,
        "volume_histogram",
        volume_histogram::FEATURES,
    );
    rows(
        &mut all,
        Family::Glcm,
        "cooccurrence",
        cooccurrence::FEATURES,
    );
    rows(&mut all, Family::Glrlm, "run_length", run_length::FEATURES);
    rows(&mut all, Family::Glszm, "size_zone", size_zone::FEATURES);
    rows(
        &mut all,
        Family::Gldzm,
        "distance_zone",
        distance_zone::FEATURES,
    );
    rows(
        &mut all,
        Family::Ngtdm,
        "tone_difference",
        tone_difference::FEATURES,
    );
    rows(&mut all, Family::Ngldm, "dependence", dependence::FEATURES);
    all.extend(diagnostic::columns().into_iter().map(|c| Feature {
        family: Family::Diag,
        name: c.name,
        title: c.title,
        ibsi: "",
        unit: c.unit,
        doc: doc_of("diagnostic", c.measure),
    }));
    all
}

/// Doc comment of a function in a file of this folder; empty if it has none, which a test forbids.
fn doc_of(file: &str, function: &str) -> &'static str {
    let entry = FEATURE_DOCS
        .iter()
        .find(|(m, n, _)| *m == file && *n == function);
    entry.map_or("", |(.., doc)| doc)
}

fn rows<M>(all: &mut Vec<Feature>, family: Family, file: &str, defs: &[FeatureDef<M>]) {
    all.extend(defs.iter().map(|f| Feature {
        family,
        name: f.name.into(),
        title: f.title.into(),
        ibsi: f.ibsi,
        unit: f.unit,
        doc: doc_of(file, f.name),
    }));
}
