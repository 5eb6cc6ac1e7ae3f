//! The one error type of the core. Messages name the argument, the value and the limit.

/// What can be wrong with a call; a feature that is undefined on a valid region is NaN, not an error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Image and mask have different shapes.
    #[error("mask and image differ in shape: mask {mask:?}, image {image:?} (z, y, x)")]
    ShapeMismatch {
        /// Shape of the mask (z, y, x).
        mask: [usize; 3],
        /// Shape of the image (z, y, x).
        image: [usize; 3],
    },
    /// The mask selects no voxel.
    #[error("the mask is empty: no voxel of the region is set")]
    EmptyMask,
    /// A voxel inside the region is NaN or infinite.
    #[error(
        "{count} of the region's voxels are not finite, the first is {value} at {index:?} \
         (z, y, x); mask them out or repair the image"
    )]
    NonFinite {
        /// Index of the first such voxel in the image (z, y, x).
        index: [usize; 3],
        /// Its value.
        value: f64,
        /// How many there are.
        count: usize,
    },
    /// Spacing is not three positive finite lengths.
    #[error("spacing must be three positive lengths in mm (z, y, x), got {spacing:?}")]
    Spacing {
        /// What was given (z, y, x).
        spacing: [f64; 3],
    },
    /// The spacing to interpolate to is no positive length, or far longer than the image.
    #[error(
        "the new spacing must be a positive length in mm, at most 1000 times the image's {extent} \
         mm, got {given} along axis {axis} (0, 1, 2 = z, y, x)"
    )]
    NewSpacing {
        /// Axis (0, 1, 2 = z, y, x).
        axis: usize,
        /// What was given.
        given: f64,
        /// Length of the image along the axis in mm.
        extent: f64,
    },
    /// The spacing to interpolate to is so small that voxels could not be numbered.
    #[error(
        "a new spacing of {spacing:?} mm (z, y, x) gives {voxels:e} voxels, the limit is 2^62; \
         use a larger spacing"
    )]
    GridTooLarge {
        /// New spacing (z, y, x).
        spacing: [f64; 3],
        /// Number of voxels of the new grid.
        voxels: f64,
    },
    /// An array does not lie on the grid that it is to be interpolated from.
    #[error("the array has the shape {array:?}, the grid was made for {grid:?} (z, y, x)")]
    GridMismatch {
        /// Shape of the array (z, y, x).
        array: [usize; 3],
        /// Shape of the grid's old side (z, y, x).
        grid: [usize; 3],
    },
    /// The region's intensities are not finite any more after image processing.
    #[error(
        "{count} of the region's voxels are not finite after normalisation and interpolation: NaN \
         or infinite voxels near the region are within reach of method '{method}' (set them to a \
         number first), or intensities became too large"
    )]
    NonFiniteAround {
        /// How many voxels of the processed region are not finite.
        count: usize,
        /// Interpolation of the image.
        method: &'static str,
    },
    /// No voxel of the new grid belongs to the region.
    #[error(
        "on the new grid of {spacing:?} mm (z, y, x) no voxel reaches the mask threshold \
         {threshold}: the region of {voxels} voxels is too small; use a smaller spacing or a lower \
         resample.mask_threshold"
    )]
    VanishedMask {
        /// Spacing of the new grid (z, y, x).
        spacing: [f64; 3],
        /// Share of a voxel that has to belong to the region.
        threshold: f64,
        /// Voxels of the region on the stored grid.
        voxels: usize,
    },
    /// Resampling would make more voxels than allowed.
    #[error(
        "resampling {what} to {spacing:?} mm (z, y, x) makes up to {voxels} voxels; max_voxels allows \
         {limit}: use a larger spacing, or raise it"
    )]
    TooManyVoxels {
        /// What is resampled.
        what: &'static str,
        /// Spacing of the new grid (z, y, x).
        spacing: [f64; 3],
        /// Voxels that would be made at most.
        voxels: u128,
        /// Limit in force.
        limit: u64,
    },
    /// Normalisation found no range of intensities to scale by.
    #[error(
        "normalise: from {low} to {high} (found on the {over}) is no range to scale by; choose \
         other limits or percentiles, or leave `normalise` out"
    )]
    FlatNormalisation {
        /// What it was taken over: `image` or `region`.
        over: &'static str,
        /// Lower end; NaN if there is no finite intensity.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Re-segmentation removed every voxel.
    #[error(
        "re-segmentation to [{lower}, {upper}] leaves no voxel of the region, whose intensities \
         span [{minimum}, {maximum}]; widen the range"
    )]
    EmptyResegmentation {
        /// Lower limit that was applied.
        lower: f64,
        /// Upper limit that was applied.
        upper: f64,
        /// Lowest intensity of the region before.
        minimum: f64,
        /// Highest intensity of the region before.
        maximum: f64,
    },
    /// Intensities cannot serve as grey levels as they are.
    #[error(
        "discretise 'none' needs whole intensities from 1 to 65535 in the region, found {value}; \
         use 'fbn' or 'fbs'"
    )]
    NotLevels {
        /// The first intensity that is not a grey level.
        value: f64,
    },
    /// A fixed bin size gives more grey levels than a level can number.
    #[error(
        "bin width {width} over the region's range of {range} gives {levels:.0} grey levels, the \
         limit is 65535; use a larger width"
    )]
    TooManyLevels {
        /// Bin width.
        width: f64,
        /// Range of intensities to divide.
        range: f64,
        /// Number of levels this would take.
        levels: f64,
    },
    /// Intensities lie below the first bin of a fixed bin size discretisation.
    #[error(
        "the region's lowest intensity {value} lies below the first bin, which starts at \
         {minimum}; re-segment to [{minimum}, ...] or lower the minimum"
    )]
    BelowFirstBin {
        /// Lowest intensity of the region.
        value: f64,
        /// Where the first bin starts.
        minimum: f64,
    },
    /// A filter's response map, or what is made of it, failed.
    #[error("filter '{name}': {error}")]
    Response {
        /// The map's name.
        name: String,
        /// What happened.
        error: Box<Error>,
    },
    /// A response map has voxels that are not finite.
    #[error(
        "{count} of the region's voxels in the response map are not finite: NaN or infinite voxels \
         near the region are within the filter's reach (set them to a number first), or intensities \
         became too large"
    )]
    NonFiniteResponse {
        /// How many voxels of the region are not finite.
        count: usize,
    },
    /// A setting is outside its limits.
    #[error("{path}: {given} is not allowed; {allowed}")]
    Setting {
        /// Path of the setting, as in `features[2].distances`.
        path: String,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: String,
    },
    /// A wavelet's name is not known.
    #[error(
        "wavelet '{given}' is not known, did you mean '{nearest}'? Known are haar, db1 to db38, \
         sym2 to sym20, coif1 to coif17, bior1.1 to bior6.8, rbio1.1 to rbio6.8, dmey"
    )]
    UnknownWavelet {
        /// What was given.
        given: String,
        /// The known name that is most like it.
        nearest: String,
    },
    /// A wavelet's level is not one that the image has.
    #[error(
        "level is {level}; it must be from 1 to {deepest}, where the filter's weights, \
         2^(level - 1) voxels apart, still fit the image's shortest filtered axis of {shortest} \
         voxels"
    )]
    WaveletLevel {
        /// What was given.
        level: usize,
        /// The deepest one.
        deepest: usize,
        /// Voxels of the shortest filtered axis.
        shortest: usize,
    },
    /// An argument of a public function is outside its limits.
    #[error("{name} is {given}; {allowed}")]
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

/// Result of a core function.
pub type Result<T> = std::result::Result<T, Error>;
