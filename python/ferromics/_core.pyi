"""Types of the compiled core; ``rust/py`` holds the code."""

from collections.abc import Sequence
from typing import Any, TypeAlias, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Cut",
    "InputError",
    "MapProgress",
    "Mappable",
    "Plan",
    "Prepared",
    "Processed",
    "RadiomicsError",
    "SettingsError",
    "aggregations",
    "build_info",
    "catalogue",
    "default_settings",
    "discretise",
    "distance_map",
    "feature_maps",
    "filter_gabor",
    "filter_gradient",
    "filter_isotropic",
    "filter_laws",
    "filter_lbp_2d",
    "filter_lbp_3d",
    "filter_log",
    "filter_mean",
    "filter_riesz",
    "filter_transform",
    "filter_wavelet",
    "glcm",
    "intensity_peaks",
    "mesh",
    "normalise",
    "phantom",
    "pyradiomics",
    "pyradiomics_circles",
    "pyradiomics_features",
    "pyradiomics_maps",
    "pyradiomics_spheres",
    "pyradiomics_transform",
    "resample",
    "resample_mask",
    "resegment",
    "spatial_autocorrelation",
    "texture",
    "texture_matrix",
    "wavelet_names",
]

_Column: TypeAlias = tuple[str, str, str, str, str, str, str, str, str]

class _CatalogueRow(TypedDict):
    family: str
    family_title: str
    family_ibsi: str
    name: str
    title: str
    ibsi: str
    unit: str
    powers: tuple[int, int, int]
    formula: str
    doc: str
    aggregations: list[str]
    discretised: bool

class RadiomicsError(Exception): ...
class InputError(RadiomicsError, ValueError): ...
class SettingsError(RadiomicsError, ValueError): ...

@final
class Prepared:
    @property
    def normalisation(self) -> list[float] | None: ...
    @property
    def done(self) -> int: ...

@final
class Processed:
    @property
    def shape(self) -> list[int]: ...
    @property
    def spacing(self) -> list[float]: ...

# Values, warnings, voxels of both masks, shape and spacing of the grid, normalisation.
_Outcome: TypeAlias = tuple[
    NDArray[np.float64],
    list[str],
    tuple[int, int],
    tuple[list[int], list[float]],
    list[float] | None,
]

@final
class Cut: ...

@final
class Plan:
    def __new__(cls, settings_json: str) -> Plan: ...
    @property
    def columns(self) -> list[_Column]: ...
    @property
    def maps(self) -> list[str]: ...
    def only(self, columns: Sequence[str]) -> Plan: ...
    def prepare(self, image: NDArray[Any], *, several_regions: bool = False) -> Prepared: ...
    def process(
        self,
        prepared: Prepared,
        image: NDArray[Any],
        spacing: Sequence[float],
        threads: int | None,
    ) -> Processed: ...
    def response_map(
        self, image: Processed, map: int, threads: int | None = None
    ) -> NDArray[Any]: ...
    def cut(
        self,
        prepared: Prepared,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        spacing: Sequence[float],
        threads: int | None = None,
    ) -> Cut: ...
    def run_cut(self, prepared: Prepared, cut: Cut, threads: int | None = None) -> _Outcome: ...
    def run(
        self,
        prepared: Prepared,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        spacing: Sequence[float],
        threads: int | None = None,
    ) -> _Outcome: ...

def catalogue() -> list[_CatalogueRow]: ...
def aggregations() -> list[tuple[str, str]]: ...
def build_info() -> dict[str, Any]: ...
def default_settings() -> str: ...
def phantom() -> tuple[NDArray[np.int16], NDArray[np.bool_], list[float]]: ...

# Single stages; `ferromics.arrays` documents them. Settings are passed as JSON.
def normalise(
    image: NDArray[Any], settings: str, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]: ...
def resample(
    image: NDArray[Any],
    spacing: Sequence[float],
    settings: str,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], list[float]]: ...
def resample_mask(
    mask: NDArray[np.bool_],
    spacing: Sequence[float],
    settings: str,
    threads: int | None = None,
) -> tuple[NDArray[np.bool_], list[float]]: ...
def resegment(image: NDArray[Any], mask: NDArray[np.bool_], settings: str) -> NDArray[np.bool_]: ...
def discretise(
    image: NDArray[Any], mask: NDArray[np.bool_], settings: str
) -> NDArray[np.uint16]: ...
def texture(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    family: str,
    mask: NDArray[np.bool_] | None = None,
    threads: int | None = None,
) -> list[tuple[str, str, str, float]]: ...
def texture_matrix(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    family: str,
    mask: NDArray[np.bool_] | None = None,
    offset: Sequence[int] | None = None,
    z: int | None = None,
) -> NDArray[np.float64]: ...
def glcm(
    levels: NDArray[np.uint8] | NDArray[np.uint16], offset: Sequence[int], *, symmetric: bool = True
) -> NDArray[np.uint64]: ...
def mesh(
    mask: NDArray[np.bool_], spacing: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]: ...
def distance_map(mask: NDArray[np.bool_], norm: str, in_plane: bool) -> NDArray[np.uint16]: ...
def spatial_autocorrelation(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing: Sequence[float],
    threads: int | None = None,
) -> tuple[float, float]: ...
def intensity_peaks(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing: Sequence[float],
    threads: int | None = None,
) -> tuple[float, float]: ...

# Filters; `ferromics.filters` documents them. The map has the image's type, float64 or float32.
# `dimension` (2, 3), `boundary`, `rotations` (a pooling), `kind`, `code` and `filter` are JSON.
def filter_mean(
    image: NDArray[Any], support: int, dimension: str, boundary: str, threads: int | None = None
) -> NDArray[Any]: ...
def filter_log(
    image: NDArray[Any],
    spacing: Sequence[float],
    sigma: float,
    truncate: float,
    dimension: str,
    boundary: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def filter_laws(
    image: NDArray[Any],
    kernels: str,
    energy: int | None,
    rotations: str | None,
    boundary: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def filter_wavelet(
    image: NDArray[Any],
    wavelet: str,
    sub_bands: Sequence[str] | None,
    dimension: str,
    level: int,
    rotations: str | None,
    boundary: str,
    threads: int | None = None,
) -> list[tuple[str, NDArray[Any]]]: ...
def wavelet_names() -> list[str]: ...
def filter_transform(
    image: NDArray[Any], kind: str, largest: float | None = None, threads: int | None = None
) -> NDArray[Any]: ...
def filter_gradient(
    image: NDArray[Any],
    spacing: Sequence[float],
    dimension: str,
    boundary: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def filter_lbp_2d(
    image: NDArray[Any],
    radius: float,
    samples: int,
    code: str,
    boundary: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def filter_lbp_3d(
    image: NDArray[Any], radius: float, boundary: str, threads: int | None = None
) -> NDArray[Any]: ...
def filter_gabor(
    image: NDArray[Any], spacing: Sequence[float], filter: str, threads: int | None = None
) -> NDArray[Any]: ...
def filter_isotropic(
    image: NDArray[Any],
    kind: str,
    level: int,
    dimension: str,
    boundary: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def filter_riesz(
    image: NDArray[Any], spacing: Sequence[float], filter: str, threads: int | None = None
) -> NDArray[Any]: ...
def pyradiomics_features(feature_class: str) -> list[tuple[str, bool]]: ...
def pyradiomics(
    image: NDArray[Any] | None,
    mask: NDArray[np.bool_],
    levels: NDArray[np.uint16] | None,
    spacing: Sequence[float],
    feature_class: str,
    options_json: str,
    threads: int | None = None,
) -> list[tuple[str, float]]: ...

@final
class MapProgress:
    def __new__(cls) -> MapProgress: ...
    @property
    def done(self) -> int: ...

@final
class Mappable:
    def __new__(
        cls,
        plan: Plan,
        prepared: Prepared,
        image: NDArray[Any],
        mask: NDArray[np.bool_],
        spacing: Sequence[float],
        threads: int | None = None,
    ) -> Mappable: ...
    @property
    def grid(self) -> tuple[list[int], list[float]]: ...
    @property
    def normalisation(self) -> list[float] | None: ...
    @property
    def voxels(self) -> int: ...

def feature_maps(
    plan: Plan,
    prepared: Prepared,
    region: Mappable,
    columns: Sequence[int],
    radius: Sequence[int],
    outside: float,
    threads: int | None = None,
    progress: MapProgress | None = None,
) -> tuple[list[NDArray[np.float64]], list[int], list[str]]: ...
def pyradiomics_maps(
    image: NDArray[Any] | None,
    mask: NDArray[np.bool_],
    levels: NDArray[np.uint16] | None,
    spacing: Sequence[float],
    feature_class: str,
    options_json: str,
    threads: int | None = None,
    progress: MapProgress | None = None,
) -> dict[str, NDArray[np.float64]]: ...
def pyradiomics_transform(
    image: NDArray[Any], kind: str, threads: int | None = None
) -> NDArray[np.float64]: ...
def pyradiomics_circles(
    image: NDArray[Any],
    across: int,
    radius: float,
    samples: int,
    method: str,
    threads: int | None = None,
) -> NDArray[Any]: ...
def pyradiomics_spheres(
    image: NDArray[Any],
    region: NDArray[np.bool_],
    levels: int,
    radius: float,
    subdivision: int,
    threads: int | None = None,
) -> NDArray[np.float64]: ...
