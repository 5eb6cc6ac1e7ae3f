"""PyRadiomics' feature classes and features, in its order; which of them it calls deprecated."""

from __future__ import annotations

import functools
from typing import Final

from ferromics import _core

CLASSES: Final = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape", "shape2D")
"""The classes, in the order of ``getFeatureClasses()``."""

TEXTURE: Final = ("glcm", "gldm", "glrlm", "glszm", "ngtdm")
"""Those that count neighbours."""

SAME_AS: Final = {
    ("glcm", "Dissimilarity"): "DifferenceAverage",
    ("glcm", "Homogeneity1"): "Id",
    ("glcm", "Homogeneity2"): "Idm",
    ("glcm", "SumVariance"): "ClusterTendency",
    ("gldm", "DependencePercentage"): "1, always",
    ("gldm", "GrayLevelNonUniformityNormalized"): "the first order feature Uniformity",
}
"""Features that PyRadiomics names but no longer computes, and what they are equal to."""


@functools.cache
def features(feature_class: str) -> dict[str, bool]:
    """Return the features of a class, in PyRadiomics' order, and whether they are deprecated."""
    return dict(_core.pyradiomics_features(feature_class))


def method(feature: str) -> str:
    """Return the name of the method that computes a feature; features are in its order."""
    return f"get{feature}FeatureValue"
