"""PyRadiomics' feature classes and features, in its order; which of them it calls deprecated."""

from __future__ import annotations

from typing import Final

CLASSES: Final[dict[str, tuple[str, str]]] = {
    "firstorder": (
        """10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum
        MeanAbsoluteDeviation Mean Median Minimum Range RobustMeanAbsoluteDeviation
        RootMeanSquared Skewness TotalEnergy Uniformity Variance""",
        "StandardDeviation",
    ),
    "glcm": (
        """Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation
        DifferenceAverage DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2
        InverseVariance JointAverage JointEnergy JointEntropy MCC MaximumProbability SumAverage
        SumEntropy SumSquares""",
        "Dissimilarity Homogeneity1 Homogeneity2 SumVariance",
    ),
    "gldm": (
        """DependenceEntropy DependenceNonUniformity DependenceNonUniformityNormalized
        DependenceVariance GrayLevelNonUniformity GrayLevelVariance HighGrayLevelEmphasis
        LargeDependenceEmphasis LargeDependenceHighGrayLevelEmphasis
        LargeDependenceLowGrayLevelEmphasis LowGrayLevelEmphasis SmallDependenceEmphasis
        SmallDependenceHighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis""",
        "DependencePercentage GrayLevelNonUniformityNormalized",
    ),
    "glrlm": (
        """GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance
        HighGrayLevelRunEmphasis LongRunEmphasis LongRunHighGrayLevelEmphasis
        LongRunLowGrayLevelEmphasis LowGrayLevelRunEmphasis RunEntropy RunLengthNonUniformity
        RunLengthNonUniformityNormalized RunPercentage RunVariance ShortRunEmphasis
        ShortRunHighGrayLevelEmphasis ShortRunLowGrayLevelEmphasis""",
        "",
    ),
    "glszm": (
        """GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance
        HighGrayLevelZoneEmphasis LargeAreaEmphasis LargeAreaHighGrayLevelEmphasis
        LargeAreaLowGrayLevelEmphasis LowGrayLevelZoneEmphasis SizeZoneNonUniformity
        SizeZoneNonUniformityNormalized SmallAreaEmphasis SmallAreaHighGrayLevelEmphasis
        SmallAreaLowGrayLevelEmphasis ZoneEntropy ZonePercentage ZoneVariance""",
        "",
    ),
    "ngtdm": ("Busyness Coarseness Complexity Contrast Strength", ""),
    "shape": (
        """Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn
        Maximum2DDiameterRow Maximum2DDiameterSlice Maximum3DDiameter MeshVolume MinorAxisLength
        Sphericity SurfaceArea SurfaceVolumeRatio VoxelVolume""",
        "Compactness1 Compactness2 SphericalDisproportion",
    ),
    "shape2D": (
        """Elongation MajorAxisLength MaximumDiameter MeshSurface MinorAxisLength Perimeter
        PerimeterSurfaceRatio PixelSurface Sphericity""",
        "SphericalDisproportion",
    ),
}
"""By class, in the order of ``getFeatureClasses()``: the features and the deprecated features."""

SAME_AS: Final = {
    ("glcm", "Dissimilarity"): "DifferenceAverage",
    ("glcm", "Homogeneity1"): "Id",
    ("glcm", "Homogeneity2"): "Idm",
    ("glcm", "SumVariance"): "ClusterTendency",
    ("gldm", "DependencePercentage"): "1, always",
    ("gldm", "GrayLevelNonUniformityNormalized"): "the first order feature Uniformity",
}
"""Features that PyRadiomics names but no longer computes, and what they are equal to."""


def features(feature_class: str) -> dict[str, bool]:
    """Return the features of a class, in PyRadiomics' order, and whether they are deprecated."""
    usual, deprecated = (names.split() for names in CLASSES[feature_class])
    ordered = sorted(usual + deprecated, key=method)
    return {name: name in deprecated for name in ordered}


def method(feature: str) -> str:
    """Return the name of the method that computes a feature; features are in its order."""
    return f"get{feature}FeatureValue"
