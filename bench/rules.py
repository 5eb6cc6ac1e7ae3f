"""How closely values have to agree with a peer's before anything is timed, and why no closer.

The first rule that fits counts. A value that no rule leaves out and that differs by more than its
tolerance fails the run.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeAlias

from ferromics import names

Key: TypeAlias = tuple[str, str, str, str]
"""Image, family, feature, aggregation: as in the long table."""

EXACT = 1e-6  # relative; what sums in another order, and single steps in float32, are allowed


@dataclass(frozen=True)
class Rule:
    """A tolerance for some values of some tools, or none: they are left out."""

    tool: str
    images: str  # regular expressions, of the whole name
    features: str
    tolerance: float | None
    why: str


MESH = (
    "morph/(volume_mesh|surface_.*|compactness_.*|spher.*|asphericity|integrated_intensity|"
    "(volume|area)_density_.*)"
)
ENCLOSING = "morph/.*minimum_volume_enclosing.*"
RANKS = "stat/.*(percentile|interquartile|robust|quartile).*"
NYXUS_OWN = (
    "glcm/(difference_average|difference_variance|sum_average|joint_variance|inverse_variance|"
    "normalised_.*)"
)
NYXUS_BACKGROUND = "the image's lowest intensity is background: the phantom's region loses a voxel"
RULES = [
    Rule("pyradiomics", "resampled", ".*", None, "its grid is its own"),
    Rule("pyradiomics", "(?!original).*", ".*", None, "its filters are its own"),
    Rule("nyxus", ".*", "morph/.*", None, "in voxels, whatever the spacing"),
    Rule("nyxus", ".*", "ngtdm/.*", None, "all 0"),
    Rule("nyxus", ".*", NYXUS_OWN, None, "another formula"),
    Rule("nyxus", ".*", ".*low_grey_level.*", None, NYXUS_BACKGROUND + ", which weighs most here"),
    Rule("nyxus", ".*", "(glcm|glrlm|glszm|ngldm)/.*", 1e-3, NYXUS_BACKGROUND),
    Rule("", ".*", "morph/.*oriented_minimum.*", None, "the box is searched for, by other means"),
    Rule("pictologics", "sphere", ENCLOSING, 6e-3, "stops short of the ball, which is exact"),
    Rule("", ".*", ENCLOSING, 3e-3, "found by iteration to a tolerance"),
    Rule("pictologics", ".*", MESH, 1e-4, "meshes differ in a few cells (not on a sphere)"),
    Rule("pyradiomics", ".*", MESH, 1e-3, "meshes differ in a few cells (not on a sphere)"),
    Rule("pyradiomics", ".*", "morph/.*_axis_length", 1e-3, "variances over n instead of n - 1"),
    Rule("pictologics", ".*", "ivh/area_under.*", None, "an area in HU, ours is over 0 to 1"),
    Rule("pictologics", "sphere", RANKS, 2e-3, "percentiles are values, ours lie between values"),
    Rule("pictologics", "resampled", ".*", 1e-3, "resampled in float32"),
    Rule("pictologics", "log.*", ".*", None, "second derivatives a voxel of each axis, ours a mm"),
    Rule("pictologics", "wavelet.*", "stat/.*(coefficient|skewness).*", None, "ratio to about 0"),
    Rule("pictologics", "wavelet.*", ".*", 1e-3, "response maps in float32"),
    Rule("", ".*", ".*", EXACT, "sums in another order"),
]  # fmt: skip


def rule(tool: str, image: str, feature: str) -> Rule:
    """Return the rule for a value; `feature` is family/feature."""
    return next(
        r
        for r in RULES
        if r.tool in ("", tool)
        and re.fullmatch(r.images, image)
        and re.fullmatch(r.features, feature)
    )


def map_name(image: str) -> str:
    """Return a peer's name for an image as ours."""
    kind, _, which = image.partition("-")
    return {"wavelet": f"wavelet-coif1-{which}", "log": f"log-sigma{which}mm"}.get(kind, image)


def meaning(tool: str, name: str) -> names.Meaning | None:
    """Return what a peer's name stands for; without a map it is family/feature/aggregation."""
    if tool not in names.TOOLS:
        return names.Meaning(*name.split("/"))
    merged = {"merged": True} if tool == "pyradiomics" else {}
    found = names.to_catalogue(tool, name, **merged)
    return found if isinstance(found, names.Meaning) else None


def distance(ours: float, theirs: float, least: float) -> float:
    """Return the relative difference: 0 for two NaN, NaN (which agrees with nothing) for one."""
    if math.isnan(ours) and math.isnan(theirs):
        return 0.0
    if ours == theirs:  # infinite too
        return 0.0
    return abs(ours - theirs) / max(abs(ours), abs(theirs), least)


def compare(
    tool: str, ours: dict[Key, float], theirs: dict[str, dict[str, float]], where: str = ""
) -> dict[str, Any]:
    """Compare what both define alike; tell how much there was, what is left out, what is wrong.

    `theirs` has values by image and the peer's name. `where` is the image that rules are asked for,
    if not the value's own.
    """
    count, worst, wrong, left_out = 0, (0.0, ""), [], Counter()
    for image, values in theirs.items():
        for name, value in values.items():
            found = meaning(tool, name)
            key = (map_name(image), *found[:3]) if found else ("", "", "", "")
            if found is None or key not in ours:
                continue
            agreed = rule(tool, where or image, f"{found.family}/{found.feature}")
            if agreed.tolerance is None:
                left_out[agreed.why] += 1
                continue
            mine, other = ours[key], value + float(found.add)
            spread = ours.get((key[0], "stat", "intensity_variance", ""), 0.0) ** 0.5
            # Statistics of a response map lie around 0: their scale is the map's spread.
            least = spread if image != "original" and found.family == "stat" else 1e-6
            error = distance(mine, other, least)
            count += 1
            label = "/".join(filter(None, key))
            if not error <= agreed.tolerance:  # an error of NaN fails too
                wrong.append(f"{label}: ferromics {mine!r}, {tool} {other!r}")
            if agreed.tolerance == EXACT:
                worst = max(worst, (error, label))
    return {
        "values": count, "left_out": sum(left_out.values()), "why": dict(left_out),
        "wrong": wrong, "worst_of_exact": worst[0], "where": worst[1],
    }  # fmt: skip
