"""What other tools call the features: maps between their names and the catalogue.

One row a feature is in ``reference/names.csv``: the tag of IBSI's compliance spreadsheet (MIRP
builds its names on the same tags), PyRadiomics' class and feature, pictologics' name. How each tool
writes the aggregation, and what it computes that IBSI does not have, is here.

A name is mapped only if it stands for the same quantity; a documented conversion is a note.
"""

from __future__ import annotations

import csv
import difflib
import functools
import re
from importlib import resources
from typing import Final, NamedTuple

from ferromics._core import catalogue

TOOLS: Final = {
    "ferromics": "ferromics wide table",
    "tags": "IBSI spreadsheet tags",
    "mirp": "MIRP",
    "pyradiomics": "PyRadiomics",
    "pictologics": "pictologics",
}
"""Tools whose names are known: key and title."""


class Meaning(NamedTuple):
    """What a name stands for: the keys of the long table, and how the value becomes IBSI's.

    ``aggregation`` is empty for features that have none. ``add`` is added to the tool's value;
    ``note`` says so in words and is empty where nothing is done.
    """

    family: str
    feature: str
    aggregation: str = ""
    note: str = ""
    add: str = "0"


class Reason(NamedTuple):
    """Why a name of the tool stands for nothing that IBSI has a reference value for."""

    why: str


NO_AGGREGATION: Final = Reason("the name does not say the aggregation")
NOT_IBSI: Final = Reason("IBSI has no reference value for it")

TAG_AGGREGATIONS: Final = {
    "2D_avg": "2d_averaged",
    "2D_comb": "2d_slice_merged",
    "2_5D_avg": "2.5d_direction_merged",
    "2_5D_comb": "2.5d_merged",
    "3D_avg": "3d_averaged",
    "3D_comb": "3d_merged",
    "2D": "2d",
    "2_5D": "2.5d",
    "3D": "3d",
}
"""How a tag of the compliance spreadsheet ends."""

MIRP_AGGREGATIONS: Final = {
    "2d_avg": "2d_averaged",
    "2d_s_mrg": "2d_slice_merged",
    "2.5d_d_mrg": "2.5d_direction_merged",
    "2.5d_v_mrg": "2.5d_merged",
    "3d_avg": "3d_averaged",
    "3d_v_mrg": "3d_merged",
    "2d": "2d",
    "2.5d": "2.5d",
    "3d": "3d",
}
"""How MIRP writes the aggregation."""

STAGES: Final = {
    "init_img": "initial_image",
    "interp_img": "interpolated_image",
    "init_roi": "initial_roi",
    "interp_roi": "interpolated_roi",
    "reseg_roi": "resegmented_roi",
}
"""Stages of IBSI's diagnostic features, as a tag ends and as ``diag`` features begin."""

IMAGE_MEASURES: Final = {
    **{f"img_dim_{k}": f"dimension_{k}" for k in "xyz"},
    **{f"vox_dim_{k}": f"voxel_dimension_{k}" for k in "xyz"},
    "mean_int": "mean_intensity",
    "min_int": "minimum_intensity",
    "max_int": "maximum_intensity",
}
ROI_MEASURES: Final = {
    **{f"int_mask_dim_{k}": f"intensity_mask_dimension_{k}" for k in "xyz"},
    **{f"int_mask_bb_dim_{k}": f"intensity_mask_bounding_box_dimension_{k}" for k in "xyz"},
    **{f"morph_mask_bb_dim_{k}": f"morphological_mask_bounding_box_dimension_{k}" for k in "xyz"},
    "int_mask_vox_count": "intensity_mask_voxel_count",
    "morph_mask_vox_count": "morphological_mask_voxel_count",
    "int_mask_mean_int": "intensity_mask_mean_intensity",
    "int_mask_min_int": "intensity_mask_minimum_intensity",
    "int_mask_max_int": "intensity_mask_maximum_intensity",
}

_SLICE = "it is the shape of one slice; IBSI's shape is of the volume"
_DIAMETER = "IBSI has no diameter within a plane"
PYRADIOMICS_WITHOUT: Final = {
    "firstorder_TotalEnergy": "energy times the volume of a voxel: IBSI has no such feature",
    "firstorder_StandardDeviation": "the root of the variance, which IBSI has instead",
    "shape_Maximum2DDiameterColumn": _DIAMETER,
    "shape_Maximum2DDiameterRow": _DIAMETER,
    "shape_Maximum2DDiameterSlice": _DIAMETER,
    "glcm_MCC": "the maximal correlation coefficient: IBSI has no such feature",
    "glcm_Homogeneity1": "an older name of glcm_Id",
    "glcm_Homogeneity2": "an older name of glcm_Idm",
    "glcm_SumVariance": "not computed by PyRadiomics since it has glcm_ClusterTendency",
    "shape2D_Elongation": _SLICE,
    "shape2D_MajorAxisLength": _SLICE,
    "shape2D_MaximumDiameter": _SLICE,
    "shape2D_MeshSurface": _SLICE,
    "shape2D_MinorAxisLength": _SLICE,
    "shape2D_Perimeter": _SLICE,
    "shape2D_PerimeterSurfaceRatio": _SLICE,
    "shape2D_PixelSurface": _SLICE,
    "shape2D_Sphericity": _SLICE,
    "shape2D_SphericalDisproportion": _SLICE,
}
"""PyRadiomics' features without a counterpart, by class and name: why."""

PYRADIOMICS_CONVERTED: Final = {
    "firstorder_Kurtosis": ("-3", "taken as the value - 3: IBSI's kurtosis is the excess"),
}
"""PyRadiomics' features that become IBSI's by adding a number."""

_CROPPED = "it is of the part of the image near the region only"
PYRADIOMICS_DIAGNOSTICS: Final[dict[str, str | Reason]] = {
    **{f"Image-original_Size[{i}]": f"initial_image_dimension_{k}" for i, k in enumerate("xyz")},
    **{
        f"Image-{theirs}_Spacing[{i}]": f"{ours}_image_voxel_dimension_{k}"
        for theirs, ours in (("original", "initial"), ("interpolated", "interpolated"))
        for i, k in enumerate("xyz")
    },
    **{
        f"Image-original_{m}": f"initial_image_{m.lower()}_intensity"
        for m in ("Mean", "Minimum", "Maximum")
    },
    **{f"Image-interpolated_{m}": Reason(_CROPPED) for m in ("Size", "Mean", "Minimum", "Maximum")},
    **{
        f"Mask-original_Size[{i}]": f"initial_roi_intensity_mask_dimension_{k}"
        for i, k in enumerate("xyz")
    },
    **{f"Mask-{s}_Size": Reason(_CROPPED) for s in ("interpolated", "resegmented")},
    **{
        f"Mask-{theirs}_{measure}": f"{ours}_roi_intensity_mask_{feature}"
        for theirs, ours in (
            ("original", "initial"),
            ("interpolated", "interpolated"),
            ("resegmented", "resegmented"),
        )
        for measure, feature in (
            *(
                (f"BoundingBox[{3 + i}]", f"bounding_box_dimension_{k}")
                for i, k in enumerate("xyz")
            ),
            ("VoxelNum", "voxel_count"),
        )
    },
    **{
        f"Mask-{stage}_{m}": f"{stage}_roi_intensity_mask_{m.lower()}_intensity"
        for stage in ("interpolated", "resegmented")
        for m in ("Mean", "Minimum", "Maximum")
    },
}
"""PyRadiomics' ``diagnostics_...``; a number in brackets picks a component of a tuple."""

MIRP_DIAGNOSTICS: Final = {
    f"image_voxel_size_{k}": f"interpolated_image_voxel_dimension_{k}" for k in "xyz"
}

_FAMILIES = "morph|loc|stat|ih|ivh|glcm|glrlm|glszm|gldzm|ngtdm|ngldm|diag"
_OURS = re.compile(rf"(?P<image>.+?)_(?P<family>{_FAMILIES})_(?P<rest>[a-z0-9_.-]+)")
_OUR_REST = re.compile(
    r"(?:_(?P<discretisation>fb[sn]\d[^_]*))?"
    r"(?:_(?P<aggregation>2d_averaged|2d_slice_merged|2\.5d_direction_merged|2\.5d_merged"
    r"|3d_averaged|3d_merged|2d|2\.5d|3d))?(?:_(?P<parameters>.+))?"
)
_TAG = re.compile(r"(?P<base>.+?)(?:_(?P<aggregation>(?:2|2[_.]5|3)D(?:_avg|_comb)?))?", re.I)
_TAG_FAMILY = re.compile(
    r"(?P<image>.+?_)??(?P<name>(?:morph|loc|stat|i[hv]h?|cm|rlm|[sd]zm|ng[tl])_.+)"
)
_MIRP = re.compile(
    r"(?P<base>.+?)(?:_d(?P<distance>\d+))?(?:_a(?P<alpha>\d+(?:\.\d+)?))?"
    r"(?:_(?P<aggregation>(?:2|2\.5|3)d(?:_avg|_[sdv]_mrg)?)(?:_(?P<pooling>min|max|range|std|var))?)?"
    r"(?:_(?P<discretisation>fb[sn]p?_[wn]\d+(?:\.\d+)?))?"
)
_PYRADIOMICS = re.compile(
    r"(?P<image>[\w-]+?)_(?P<feature>(?:shape2D|shape|firstorder|glcm|glrlm|glszm|gldm|ngtdm)_\w+)"
)
_CODED = re.compile(r".+_(?P<code>[A-Z0-9]{4})(?:_\d+)?")


class Row(NamedTuple):
    """One feature under every name; empty where a tool lacks it."""

    family: str
    feature: str
    tag: str
    pyradiomics: str
    pictologics: str


@functools.cache
def rows() -> tuple[Row, ...]:
    """Every feature of the catalogue under its names elsewhere, in the catalogue's order."""
    file = resources.files("ferromics") / "reference" / "names.csv"
    return tuple(Row(*cells) for cells in csv.reader(file.read_text("utf-8").splitlines()[1:]))


@functools.cache
def diagnostic_tags() -> dict[str, str]:
    """Tags of IBSI's 60 diagnostic features, and what they are called in family ``diag``."""
    return {
        f"{tag}_{end}": f"{stage}_{measure}"
        for end, stage in STAGES.items()
        for tag, measure in (IMAGE_MEASURES if end.endswith("img") else ROI_MEASURES).items()
    }


def to_catalogue(
    tool: str, name: str, *, by_slice: bool = False, merged: bool = False
) -> Meaning | Reason | None:
    """What a tool's name for a value stands for.

    Parameters
    ----------
    tool
        A key of :data:`TOOLS`.
    name
        As the tool writes it, with image type, aggregation and discretisation.
    by_slice, merged
        How PyRadiomics was set, which its names do not say: ``force2D``, and directions weighted
        into one matrix (``weightingNorm``).

    Returns
    -------
    Meaning | Reason | None
        The feature; or why there is none; ``None`` if it is no name of the tool.

    Examples
    --------
    >>> from ferromics.names import to_catalogue
    >>> to_catalogue("mirp", "cm_joint_entr_d1_3d_v_mrg_fbs_w25.0")[:3]
    ('glcm', 'joint_entropy', '3d_merged')
    >>> to_catalogue("pyradiomics", "original_firstorder_Kurtosis").note
    "taken as the value - 3: IBSI's kurtosis is the excess"
    >>> to_catalogue("pyradiomics", "original_glcm_MCC")
    Reason(why='the maximal correlation coefficient: IBSI has no such feature')
    >>> to_catalogue("pictologics", "PatientID") is None
    True
    """
    if tool == "pyradiomics":
        return _from_pyradiomics(name, by_slice=by_slice, merged=merged)
    return {
        "ferromics": _from_ours,
        "tags": _from_tag,
        "mirp": _from_mirp,
        "pictologics": _from_pictologics,
    }[tool](name)


def from_catalogue(tool: str, family: str, feature: str, aggregation: str = "") -> str | None:
    """The name a tool gives a feature, without discretisation; ``None`` if it has none.

    Examples
    --------
    >>> from ferromics.names import from_catalogue
    >>> from_catalogue("tags", "glszm", "zone_percentage", "2.5d")
    'szm_z_perc_2_5D'
    >>> from_catalogue("pyradiomics", "glszm", "zone_percentage", "3d")
    'original_glszm_ZonePercentage'
    >>> from_catalogue("pyradiomics", "gldzm", "zone_percentage", "3d") is None
    True
    """
    if family == "diag":
        return _diagnostic_name(tool, feature)
    row = next(r for r in rows() if (r.family, r.feature) == (family, feature))
    if tool == "ferromics":
        return "_".join(filter(None, ("original", family, feature, aggregation)))
    if tool == "tags":
        return "_".join(filter(None, (row.tag, _key(TAG_AGGREGATIONS, aggregation))))
    if tool == "mirp":
        settings = {"glcm": "d1", "ngldm": "d1_a0.0"}.get(family, "")
        end = _key(MIRP_AGGREGATIONS, aggregation)
        return "_".join(filter(None, (row.tag, settings, end)))
    theirs = row.pyradiomics if tool == "pyradiomics" else row.pictologics
    merging = "3d_averaged" if tool == "pyradiomics" else "3d_merged"
    if not theirs or aggregation not in ("", "3d", merging):
        return None
    return f"original_{theirs}" if tool == "pyradiomics" else theirs


def components(tool: str, name: str) -> tuple[str, ...]:
    """The names of a tuple's components that stand for a feature; the name itself if no tuple.

    Examples
    --------
    >>> from ferromics.names import components
    >>> components("pyradiomics", "diagnostics_Mask-original_BoundingBox")[0]
    'diagnostics_Mask-original_BoundingBox[3]'
    """
    stem = name.removeprefix("diagnostics_")
    if tool != "pyradiomics" or stem == name:
        return (name,)
    found = [n for n in PYRADIOMICS_DIAGNOSTICS if n.partition("[")[0] == stem]
    return tuple(f"diagnostics_{n}" for n in found) or (name,)


def describes(tool: str, name: str) -> bool:
    """Whether a column of the tool tells of the case or the run: no feature at all."""
    if tool == "pyradiomics":
        return name.startswith("diagnostics_")
    if tool == "mirp":
        return name.startswith("image_") or name == "sample_name"
    return tool == "ferromics" and name in ("case", "roi")


@functools.cache
def _by(column: str) -> dict[str, Row]:
    return {getattr(row, column): row for row in rows() if getattr(row, column)}


@functools.cache
def _aggregations() -> dict[str, tuple[str, ...]]:
    return {row["family"]: tuple(row["aggregations"]) for row in catalogue()}


@functools.cache
def _codes() -> dict[str, tuple[str, str] | None]:
    """Features by IBSI code; ``None`` for a code that two share."""
    out: dict[str, tuple[str, str] | None] = {}
    for row in catalogue():
        out[row["ibsi"]] = None if row["ibsi"] in out else (row["family"], row["name"])
    return out


def _key(table: dict[str, str], value: str) -> str:
    return next((k for k, v in table.items() if v == value), "")


def _diagnostic_name(tool: str, feature: str) -> str | None:
    if tool == "ferromics":
        return f"original_diag_{feature}"
    if tool == "tags":
        return _key(diagnostic_tags(), feature)
    if tool == "mirp":
        return _key(MIRP_DIAGNOSTICS, feature) or None
    if tool == "pyradiomics":
        found = next((k for k, v in PYRADIOMICS_DIAGNOSTICS.items() if v == feature), None)
        return f"diagnostics_{found}" if found else None
    return None


def _checked(family: str, feature: str, aggregation: str) -> Meaning | Reason:
    """The meaning, if the family is aggregated that way."""
    allowed = _aggregations().get(family, ())
    if not aggregation and allowed:
        return NO_AGGREGATION
    if aggregation and aggregation not in allowed:
        return Reason(f"{family} is not aggregated as {aggregation}")
    return Meaning(family, feature, aggregation)


def _from_ours(name: str) -> Meaning | Reason | None:
    match = _OURS.fullmatch(name)
    if match is None:
        return None
    family, rest = match["family"], match["rest"]
    if family == "diag":
        known = set(diagnostic_tags().values())
        return Meaning("diag", rest) if rest in known else NOT_IBSI
    features = [r.feature for r in rows() if r.family == family]
    feature = max((f for f in features if f"{rest}_".startswith(f"{f}_")), key=len, default="")
    parts = _OUR_REST.fullmatch(rest[len(feature) :])
    if not feature or parts is None:
        return NOT_IBSI if match["image"] == "original" else None
    if match["image"] != "original":
        return _filtered(match["image"])
    if parts["parameters"]:
        return Reason(f"{parts['parameters']} differs from the defaults, which IBSI's values have")
    return _checked(family, feature, parts["aggregation"] or "")


def _from_tag(name: str) -> Meaning | Reason | None:
    diagnostic = diagnostic_tags().get(name.lower())
    if diagnostic:
        return Meaning("diag", diagnostic)
    inside, match = _TAG_FAMILY.fullmatch(name.lower()), _TAG.fullmatch(name)
    if inside is None or match is None or inside["image"]:
        return None
    row = _by("tag").get(match["base"].lower())
    if row is None:
        near = difflib.get_close_matches(match["base"].lower(), _by("tag"), n=1, cutoff=0.85)
        return Reason(f"no tag of IBSI's; did you mean {near[0]}?") if near else NOT_IBSI
    ending = (match["aggregation"] or "").lower().replace(".", "_")
    known = {k.lower(): v for k, v in TAG_AGGREGATIONS.items()}
    return _checked(row.family, row.feature, known.get(ending, ending))


def _from_mirp(name: str) -> Meaning | Reason | None:
    if name in MIRP_DIAGNOSTICS:
        return Meaning("diag", MIRP_DIAGNOSTICS[name])
    inside = _TAG_FAMILY.fullmatch(name)
    if inside is None:
        return None
    match = _MIRP.fullmatch(inside["name"])
    row = _by("tag").get(match["base"]) if match else None
    if match is None or row is None:
        return None if inside["image"] else NOT_IBSI
    if inside["image"]:
        return _filtered(inside["image"].rstrip("_"))
    if match["distance"] not in (None, "1"):
        return Reason(f"distance {match['distance']}; IBSI's values have 1")
    if match["alpha"] and float(match["alpha"]):
        return Reason(f"coarseness {match['alpha']}; IBSI's values have 0")
    if match["pooling"]:
        return Reason(f"{match['pooling']} over slices or directions; IBSI has the mean")
    if (match["discretisation"] or "").startswith("fbsp"):
        return Reason("bins counted from 0 as in PyRadiomics, not as in IBSI")
    return _checked(row.family, row.feature, MIRP_AGGREGATIONS.get(match["aggregation"] or "", ""))


def _from_pyradiomics(name: str, *, by_slice: bool, merged: bool) -> Meaning | Reason | None:
    if name.startswith("diagnostics_"):
        found = PYRADIOMICS_DIAGNOSTICS.get(name.removeprefix("diagnostics_"))
        return Meaning("diag", found) if isinstance(found, str) else found
    match = _PYRADIOMICS.fullmatch(name)
    if match is None:
        return None
    key = match["feature"]
    if key in PYRADIOMICS_WITHOUT:
        return Reason(PYRADIOMICS_WITHOUT[key])
    row = _by("pyradiomics").get(key)
    if row is None:
        return Reason("PyRadiomics has no such feature")
    if match["image"] != "original":
        return _filtered(match["image"])
    aggregation = ""
    if row.family in ("glcm", "glrlm"):
        mean = "2.5d_direction_merged" if by_slice else "3d_averaged"
        aggregation = ("2.5d_merged" if by_slice else "3d_merged") if merged else mean
    elif _aggregations()[row.family]:
        aggregation = "2.5d" if by_slice else "3d"
    add, note = PYRADIOMICS_CONVERTED.get(key, ("0", ""))
    return Meaning(row.family, row.feature, aggregation, note, add)


def _from_pictologics(name: str) -> Meaning | Reason | None:
    row = _by("pictologics").get(name)
    key = (row.family, row.feature) if row else None
    if key is None:
        match = _CODED.fullmatch(name)
        if match is None or match["code"] not in _codes():
            return None
        key = _codes()[match["code"]]
    if key is None:
        return Reason("IBSI has reference values for the fractions 10 % and 90 % only")
    allowed = _aggregations()[key[0]]
    aggregation = next((a for a in ("3d_merged", "3d") if a in allowed), "")
    return Meaning(*key, aggregation)


def _filtered(image: str) -> Reason:
    return Reason(f"it is of a filtered image ({image})")
