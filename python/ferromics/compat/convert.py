"""A parameter file of PyRadiomics as settings of ours, and what is equal, what differs, and why.

The settings ask for the same quantities by IBSI's definitions; `compat.radiomics` is what computes
PyRadiomics' own values.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ferromics.compat import radiomics
from ferromics.compat.radiomics import _names, _schema
from ferromics.names import Meaning, to_catalogue
from ferromics.settings import Settings


class Note(NamedTuple):
    """What became of one line: `verdict` is ``equal``, ``differs``, ``lost`` or ``unneeded``."""

    verdict: str
    line: str
    why: str


class Converted(NamedTuple):
    """Settings, and a note for each line of the parameter file and each default that matters."""

    settings: Settings
    notes: list[Note]
    written: dict[str, Any]
    """The settings that differ from the defaults, as they stand in the file."""

    def to_yaml(self) -> str:
        """Return a settings file that starts with the notes."""
        width = max(len(note.verdict) for note in self.notes)
        lines = [f"# {note.verdict:<{width}}  {note.line}: {note.why}" for note in self.notes]
        return "\n".join([*lines, _yaml({"schema": 1, **self.written})])


FAMILIES: Final = {
    "shape": ("morph",),
    "firstorder": ("stat", "ih"),
    "glcm": ("glcm",),
    "glrlm": ("glrlm",),
    "glszm": ("glszm",),
    "gldm": ("ngldm",),
    "ngtdm": ("ngtdm",),
}
METHODS: Final = {
    "sitkNearestNeighbor": "nearest",
    "sitkLinear": "linear",
    "sitkBSpline": "cubic",
    "sitkLanczosWindowedSinc": "lanczos",  # of 3 lobes, SimpleITK's of 4
}
FILTERS: Final = {
    "LoG": "log",
    "Wavelet": "wavelet",
    "Square": "square",
    "SquareRoot": "square_root",
    "Logarithm": "logarithm",
    "Exponential": "exponential",
    "Gradient": "gradient",
    "LBP2D": "lbp_2d",
}
OF_FILTERS: Final = {
    "LoG": ("sigma",),
    "Wavelet": ("wavelet", "level", "start_level"),
    "Gradient": ("gradientUseSpacing",),
    "LBP2D": ("lbp2DRadius", "lbp2DSamples", "lbp2DMethod"),
    "LBP3D": ("lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"),
}
_MESH: Final = "PyRadiomics' mesh is open where voxels touch at edges or corners, IBSI's is closed"
_AXES: Final = "PyRadiomics divides the covariance by N, IBSI's reference values have N - 1"
_ORDER: Final = "another direction on a grid whose axes run backwards in space, as in many files"
DIFFERENT: Final = {
    **dict.fromkeys(
        "MeshVolume SurfaceArea SurfaceVolumeRatio Sphericity Compactness1 Compactness2 "
        "SphericalDisproportion".split(),
        _MESH,
    ),
    **dict.fromkeys(("MajorAxisLength", "MinorAxisLength", "LeastAxisLength"), _AXES),
}
"""Features of class shape whose values are others than IBSI's, and why."""

_WIDTH: Final = (
    "bins start at the region's lowest intensity, PyRadiomics' at a multiple of the width"
)
UNNEEDED: Final = {
    "preCrop": "work is confined to the region and what steps reach around it, always",
    "padDistance": "a filter has as much of the image around the region as it reaches",
    "additionalInfo": "tables carry their provenance; IBSI's diagnostics are the family diag",
}
ELSEWHERE: Final = {
    "label": "it is no setting: pass label= to fm.extract, --label to ferromics extract",
    "label_channel": "vector masks are not read; hand over a mask for each region",
    "geometryTolerance": "image and mask have to lie on one grid",
    "correctMask": "image and mask have to lie on one grid; resample the mask first",
    "minimumROIDimensions": "regions of any size are taken; what is undefined is empty",
    "minimumROISize": "regions of any size are taken; what is undefined is empty",
    "resegmentShape": "shape is of the mask before re-segmentation, as IBSI has it",
    "voxelArrayShift": "IBSI's energy and root mean square are of intensities as they are",
    "kernelRadius": "it is no setting: pass --radius to ferromics map, radius= to fm.feature_maps",
    "maskedKernel": "in maps of features, voxels of the region alone count in a neighbourhood",
    "initValue": "it is no setting: pass --outside to ferromics map, outside= to fm.feature_maps",
    "voxelBatch": "maps are computed within bounded memory, always",
}


def convert(source: str | os.PathLike[str] | Mapping[str, Any]) -> Converted:
    """Convert a parameter file, or a mapping of its layout.

    Parameters
    ----------
    source
        Path of a YAML or JSON file, or its content.

    Raises
    ------
    ferromics.compat.radiomics._errors.SchemaError, ValueError, TypeError
        If PyRadiomics would refuse the file.

    Examples
    --------
    >>> from ferromics.compat.convert import convert
    >>> found = convert({"setting": {"binCount": 64}, "featureClass": {"glcm": ["Contrast"]}})
    >>> found.settings.discretise[0].bins
    64
    >>> [note.verdict for note in found.notes if note.line == "setting.binCount: 64"]
    ['equal']
    """
    given = source if isinstance(source, Mapping) else _schema.read(source)
    parameters = _schema.check(given, radiomics.getImageTypes())
    return _Converter(parameters).run()


class _Converter:
    """Works through a checked parameter file, and notes what it does."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.setting: dict[str, Any] = parameters.get("setting", {})
        self.voxel: dict[str, Any] = parameters.get("voxelSetting", {})
        self.types: dict[str, dict[str, Any]] = parameters.get("imageType") or {"Original": {}}
        self.classes = parameters.get("featureClass") or dict.fromkeys(_names.CLASSES)
        self.out: dict[str, Any] = {}
        self.notes: list[Note] = []
        self.aggregations: dict[str, str] = {}

    def note(self, verdict: str, line: str, why: str) -> None:
        self.notes.append(Note(verdict, line, why))

    def of(self, key: str) -> str:
        """Return how a setting is told: as its line, or as a default."""
        if key in self.setting:
            return f"setting.{key}: {self.setting[key]}"
        default = {"binWidth": 25, "distances": [1]}.get(key)
        return f"{key} (default: {default})"

    def run(self) -> Converted:
        self.normalise()
        self.resample()
        self.resegment()
        self.discretise()
        self.images()
        self.features()
        self.others()
        if self.out["original"]:
            del self.out["original"]
        if not self.out["filters"]:
            del self.out["filters"]
        return Converted(Settings.of(self.out), self.notes, self.out)

    def normalise(self) -> None:
        if not self.setting.get("normalize"):
            return
        scale, clip = self.setting.get("normalizeScale", 1), self.setting.get("removeOutliers")
        self.out["normalise"] = {"type": "zscore", "scale": scale, "clip": clip}
        why = "the standard deviation is over N, PyRadiomics' over N - 1; both of the whole image"
        self.note("differs", self.of("normalize"), why)

    def resample(self) -> None:
        spacing = self.setting.get("resampledPixelSpacing")
        named = self.setting.get("interpolator", "sitkBSpline")
        if spacing is None or named is None:
            return
        if isinstance(named, int):
            named = _schema.INTERPOLATORS[named - 1]
        method = METHODS.get(named, "linear")
        self.out["resample"] = {
            "spacing": [length or None for length in reversed(spacing)],
            "method": method,
            "mask_method": "nearest",
        }
        line = self.of("resampledPixelSpacing")
        why = (
            "now (z, y, x); the new grid has the centre of the old one, PyRadiomics' its corner; "
            "PyRadiomics cuts interpolated integers off towards 0, and leaves axes of one slice"
        )
        self.note("differs", line, why)
        if method == "lanczos":
            self.note("differs", f"interpolator: {named}", "3 lobes; SimpleITK's has 4")
        elif named in METHODS:
            why = f"method {method}"
            if method == "cubic":
                why += ", but for splines near the edge of the image"
            self.note("equal", f"interpolator: {named}", why)
        else:
            self.note("lost", f"interpolator: {named}", "there is no such method; linear is taken")

    def resegment(self) -> None:
        limits = self.setting.get("resegmentRange")
        if limits is None:
            return
        mode, line = self.setting.get("resegmentMode", "absolute"), self.of("resegmentRange")
        low, high = (*sorted(limits), None)[:2]
        if mode == "absolute":
            self.out["resegment"] = {"range": [low, high]}
            self.note("equal", line, "bins start at the lower limit, though, if there is one")
        elif mode == "sigma" and high is not None and low == -high:
            self.out["resegment"] = {"outlier_sigma": high}
            self.note("equal", line, "outlier_sigma")
        else:
            why = f"there is no range by mode {mode} like this; nothing is re-segmented"
            self.note("lost", line, why)

    def bins(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        if settings.get("binCount") is not None:
            return {"type": "fbn", "bins": settings["binCount"]}
        return {"type": "fbs", "width": settings.get("binWidth", 25)}

    def discretise(self) -> None:
        self.out["discretise"] = [self.bins({**self.setting, **self.types.get("Original", {})})]
        if self.setting.get("binCount") is not None:
            why = "fixed bin number, but for the rounding of edges that intensities lie on"
            self.note("equal", self.of("binCount"), why)
        else:
            self.note("differs", self.of("binWidth"), _WIDTH)

    def images(self) -> None:
        self.out["original"] = "Original" in self.types
        self.out["filters"] = []
        for name, own in self.types.items():
            line = f"imageType.{name}: {own}"
            known = (*OF_FILTERS.get(name, ()), "binWidth", "binCount")
            for key in own:
                if key not in known:
                    why = "a filter has no such setting of its own"
                    self.note("lost", f"imageType.{name}.{key}: {own[key]}", why)
            if (
                own.get("binWidth") is not None
                and self.bins({**self.setting, **own})["type"] == "fbs"
            ):
                self.note("differs", f"imageType.{name}.binWidth: {own['binWidth']}", _WIDTH)
            if name == "Original":
                self.note("equal", line, "the image as it is")
            elif name in FILTERS:
                settings = {**self.setting, **own}
                made = getattr(self, f"_{FILTERS[name]}", self._point)(name, line, settings)
                if made is not None:
                    made["discretise"] = [self.bins(settings)]
                    self.out["filters"].append(made)
            else:
                self.note("lost", line, "our lbp_3d is another pattern; not converted")
        if not self.out["original"] and not self.out["filters"]:
            self.out["original"] = True
            self.note("differs", "imageType", "no image is left, so the original is taken")

    def around(self) -> float:
        """Return how many voxels around the region PyRadiomics' filters see; all may be."""
        resampled = self.setting.get("resampledPixelSpacing") and (
            self.setting.get("interpolator", "sitkBSpline") is not None
        )
        if resampled or self.setting.get("preCrop"):
            return float(self.setting.get("padDistance", 5))
        return math.inf

    def reaching(self, line: str, reach: float, why: str) -> None:
        """Note a filter that is equal if all that it reaches is there in PyRadiomics, too."""
        if reach <= self.around():
            self.note("equal", line, why)
        else:
            told = f"PyRadiomics' has only {self.around():g} voxels of the image around the region"
            self.note("differs", line, f"{told}, as it is cut by preCrop or resampling")

    def _point(self, name: str, line: str, settings: dict[str, Any]) -> dict[str, Any] | None:
        why = f"{FILTERS[name]}, scaled by the greatest intensity of the whole image"
        self.reaching(line, math.inf, why)
        return {"type": FILTERS[name]}

    def _log(self, name: str, line: str, settings: dict[str, Any]) -> dict[str, Any] | None:
        if not settings.get("sigma"):
            self.note("unneeded", line, "without sigma there are no images, in PyRadiomics neither")
            return None
        why = (
            "a sampled kernel cut off at 4 sigma, not times sigma squared (choose bins for that); "
            "PyRadiomics' is ITK's recursive filter times sigma squared"
        )
        self.note("differs", line, why)
        return {"type": "log", "sigma": settings["sigma"]}

    def _wavelet(self, name: str, line: str, settings: dict[str, Any]) -> dict[str, Any] | None:
        first, count = settings.get("start_level", 0) + 1, settings.get("level", 1)
        simple = (first, count) == (1, 1)
        why = "periodic, odd sizes not made even; columns have all sub-bands of each level"
        if not simple:
            why += "; filters of level 2 and up have holes, PyRadiomics repeats those of level 1"
        self.note("differs", line, why)
        return {
            "type": "wavelet",
            "wavelet": settings.get("wavelet", "coif1"),
            "level": list(range(first, first + count)),
            "dimension": 2 if settings.get("force2D") else 3,
            "boundary": "periodic",
        }

    def _gradient(self, name: str, line: str, settings: dict[str, Any]) -> dict[str, Any] | None:
        if settings.get("gradientUseSpacing", True):
            self.reaching(line, 1, "but for the rounding of ITK's single precision")
        else:
            self.note("differs", line, "per mm, always; without spacing is not known here")
        return {"type": "gradient", "boundary": "nearest"}

    def _lbp_2d(self, name: str, line: str, settings: dict[str, Any]) -> dict[str, Any] | None:
        codes = {"uniform": "uniform", "ror": "rotation_minimum", "default": "pattern"}
        method = settings.get("lbp2DMethod", "uniform")
        radius, samples = settings.get("lbp2DRadius", 1), settings.get("lbp2DSamples", 8)
        if method not in codes or radius < 1 or not 3 <= samples <= 24:
            self.note("lost", line, "there is no such pattern here")
            return None
        if method == "uniform":
            why = "but where points are as dark as the centre within rounding"
            self.reaching(line, math.ceil(radius), why)
        else:
            self.note("differs", line, _ORDER)
        return {
            "type": "lbp_2d", "radius": radius, "samples": samples, "code": codes[method],
            "boundary": "zero",
        }  # fmt: skip

    def features(self) -> None:
        chosen: dict[str, list[str]] = {}
        for name, features in self.classes.items():
            if name == "shape2D":
                self.note("lost", f"featureClass.{name}", "IBSI's shape is of the volume")
                continue
            if name == "shape" and not self.out["original"]:
                why = "shape comes with the original image, which imageType leaves out"
                self.note("lost", f"featureClass.{name}", why)
                continue
            self._class(name, features, chosen)
        families = [self.family(name, only) for name, only in chosen.items()]
        self.out["features"] = families or [{"type": "stat"}]
        if not families:
            self.note("differs", "featureClass", "no feature is left, so the statistics are taken")

    def _class(self, name: str, features: list[str] | None, chosen: dict[str, list[str]]) -> None:
        differ = False
        for feature in features or [f for f, old in _names.features(name).items() if not old]:
            found = to_catalogue(
                "pyradiomics",
                f"original_{name}_{feature}",
                by_slice=bool(self.setting.get("force2D")),
                merged=self.setting.get("weightingNorm") is not None,
            )
            line = f"featureClass.{name}.{feature}"
            if not isinstance(found, Meaning):
                self.note("lost", line, found.why if found else "there is no such feature")
                continue
            if why := found.note or self.different(name, feature):
                self.note("differs", line, why)
                differ = True
            self.aggregations[found.family] = found.aggregation
            only = chosen.setdefault(found.family, [])
            if found.feature not in only:
                only.append(found.feature)
        line = f"featureClass.{name}: {features}" if features else f"featureClass.{name}"
        families = " and ".join(FAMILIES[name])
        why = f"its features in {families}" + (", but for those that differ" if differ else "")
        if name == "ngtdm":
            why += "; of voxels that have a neighbour: PyRadiomics counts the others, too"
        self.note("equal", line, why)

    def different(self, name: str, feature: str) -> str:
        """Return why a feature's value is another one, if it is."""
        if name == "shape":
            return DIFFERENT.get(feature, "")
        asymmetric = not self.setting.get("symmetricalGLCM", True)
        by_row = name == "glcm" and feature in ("JointAverage", "SumSquares")
        return _ORDER if asymmetric and by_row else ""

    def family(self, name: str, only: list[str]) -> dict[str, Any]:
        out: dict[str, Any] = {"type": name, "only": only}
        distances = self.setting.get("distances", [1])
        norm = self.setting.get("weightingNorm")
        if self.aggregations[name]:
            out["aggregations"] = [self.aggregations[name]]
        if name == "glcm":
            out["symmetric"] = self.setting.get("symmetricalGLCM", True)
            if norm in ("euclidean", "manhattan", "infinity"):
                out["weighting"] = "exponential"
                out["weighting_norm"] = "chebyshev" if norm == "infinity" else norm
        if name in ("glcm", "ngtdm", "ngldm"):
            out["distances"] = list(distances)
        if name == "ngldm":
            out["alpha"] = self.setting.get("gldm_a", 0)
        return out

    def others(self) -> None:
        """Note the settings that no step above is named after."""
        for key, value in self.setting.items():
            self._other(key, value)
        for key, value in self.voxel.items():
            self.note("lost", f"voxelSetting.{key}: {value}", ELSEWHERE[key])

    def _other(self, key: str, value: Any) -> None:
        line = self.of(key)
        if key in UNNEEDED:
            self.note("unneeded", line, UNNEEDED[key])
        elif key in ELSEWHERE and not (key == "label" and value == 1):
            self.note("lost", line, ELSEWHERE[key])
        elif key == "symmetricalGLCM":
            self.note("equal", line, "symmetric")
        elif key == "gldm_a":
            self.note("equal", line, "alpha of ngldm")
        elif key == "distances":
            if list(value) == [1]:
                self.note("equal", line, "distances")
                return
            why = (
                "GLCM: that far along 13 directions, PyRadiomics' all offsets of this Chebyshev "
                "length; NGLDM and NGTDM: up to that far, PyRadiomics' that far only"
            )
            if len(value) > 1:
                why += "; each distance has columns of its own, PyRadiomics takes them together"
            self.note("differs", line, why)
        elif key == "force2D" and value:
            why = "neighbours within slices, matrices of all slices together (2.5D); 2D sub-bands"
            self.note("equal", line, why)
        elif key == "force2Ddimension" and self.setting.get("force2D"):
            self.out["image"] = {"slice_axis": "zyx"[value]}
            why = f"slice_axis {'zyx'[value]}, of the array (z, y, x)"
            self.note("equal", line, why)
        elif key == "weightingNorm" and value is not None:
            why = (
                "matrices of all directions merged"
                if value == "no_weighting"
                else "GLCM matrices merged with weights exp(-d^2), d in voxels, PyRadiomics' in "
                "mm; GLRLM without weights, PyRadiomics' with weights d"
            )
            self.note("equal" if value == "no_weighting" else "differs", line, why)


def _yaml(plain: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=100))
