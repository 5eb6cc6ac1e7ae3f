"""ferromics: standardised radiomics features (IBSI) of a medical image and a region.

>>> import ferromics as fm
>>> image, mask, spacing = fm.phantom()
>>> result = fm.extract(image, mask, "ibsi:phantom", spacing=spacing)
>>> round(result["original_glcm_joint_entropy_3d_merged"], 2)
2.57

Arrays are (z, y, x); spacing is in mm, in the same order. Names are imported when they are first
used, so that ``import ferromics`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferromics._core import aggregations, build_info, catalogue, phantom
    from ferromics.arrays import (
        autocorrelation,
        discretise,
        distance_map,
        glcm,
        intensity_peaks,
        mesh,
        normalise,
        resample,
        resample_mask,
        resegment,
        texture,
        texture_matrix,
    )
    from ferromics.cohort.cases import Case, Mask
    from ferromics.cohort.run import extract_many
    from ferromics.cohort.tables import read_table
    from ferromics.cohort.work import Outcome, extract_case
    from ferromics.compliance import compare, judge
    from ferromics.errors import InputError, RadiomicsError, SettingsError
    from ferromics.extractor import Result, Results, extract
    from ferromics.maps import FeatureMap, FeatureMaps, feature_map, feature_maps
    from ferromics.response import ResponseMap, ResponseMaps, response_maps
    from ferromics.settings import Settings, presets

    __version__: str

__all__ = [
    "Case",
    "FeatureMap",
    "FeatureMaps",
    "InputError",
    "Mask",
    "Outcome",
    "RadiomicsError",
    "ResponseMap",
    "ResponseMaps",
    "Result",
    "Results",
    "Settings",
    "SettingsError",
    "__version__",
    "aggregations",
    "autocorrelation",
    "build_info",
    "catalogue",
    "compare",
    "discretise",
    "distance_map",
    "extract",
    "extract_case",
    "extract_many",
    "feature_map",
    "feature_maps",
    "glcm",
    "intensity_peaks",
    "judge",
    "mesh",
    "normalise",
    "phantom",
    "presets",
    "read_table",
    "resample",
    "resample_mask",
    "resegment",
    "response_maps",
    "texture",
    "texture_matrix",
]

_HOMES = {
    "Case": "cohort.cases",
    "FeatureMap": "maps",
    "FeatureMaps": "maps",
    "InputError": "errors",
    "Mask": "cohort.cases",
    "Outcome": "cohort.work",
    "RadiomicsError": "errors",
    "ResponseMap": "response",
    "ResponseMaps": "response",
    "Result": "extractor",
    "Results": "extractor",
    "Settings": "settings",
    "SettingsError": "errors",
    "aggregations": "_core",
    "autocorrelation": "arrays",
    "build_info": "_core",
    "catalogue": "_core",
    "compare": "compliance",
    "discretise": "arrays",
    "distance_map": "arrays",
    "extract": "extractor",
    "extract_case": "cohort.work",
    "extract_many": "cohort.run",
    "feature_map": "maps",
    "feature_maps": "maps",
    "glcm": "arrays",
    "intensity_peaks": "arrays",
    "judge": "compliance",
    "mesh": "arrays",
    "normalise": "arrays",
    "phantom": "_core",
    "presets": "settings",
    "read_table": "cohort.tables",
    "resample": "arrays",
    "resample_mask": "arrays",
    "resegment": "arrays",
    "response_maps": "response",
    "texture": "arrays",
    "texture_matrix": "arrays",
}

_MODULES = (
    "_core",
    "compliance",
    "demo",
    "errors",
    "filters",
    "foreign",
    "io",
    "maps",
    "names",
    "settings",
    "sklearn",
    "table",
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = import_module("ferromics._core").build_info()["version"]
    elif name in _HOMES:
        value = getattr(import_module(f"ferromics.{_HOMES[name]}"), name)
    elif name in _MODULES:
        return import_module(f"ferromics.{name}")
    else:
        msg = f"module 'ferromics' has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
