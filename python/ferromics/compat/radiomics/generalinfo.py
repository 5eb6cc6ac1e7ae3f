"""Diagnostics of an extraction: versions, settings, what image and mask were at each step."""

from __future__ import annotations

import collections
import logging
import sys
from importlib import metadata
from typing import Any

import numpy as np
import SimpleITK as sitk

from ferromics.compat import radiomics


class GeneralInfo:
    """Collects the columns ``diagnostics_...``, in PyRadiomics' order."""

    def __init__(self) -> None:
        self.logger = logging.getLogger("radiomics.generalinfo")
        self.generalInfo_prefix = "diagnostics_"
        self.generalInfo: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self.addStaticElements()

    def getGeneralInfo(self) -> collections.OrderedDict[str, Any]:
        """Return what was collected."""
        return self.generalInfo

    def _add(self, part: str, **values: Any) -> None:
        for name, value in values.items():
            self.generalInfo[f"{self.generalInfo_prefix}{part}_{name}"] = value

    def addStaticElements(self) -> None:
        """Add the versions; PyWavelets' is empty where it is not installed, as it is not used."""
        try:
            wavelets = metadata.version("PyWavelets")
        except metadata.PackageNotFoundError:
            wavelets = ""
        self._add(
            "Versions",
            PyRadiomics=radiomics.__version__,
            Numpy=np.__version__,
            SimpleITK=sitk.Version().VersionString(),
            PyWavelet=wavelets,
            Python=".".join(str(part) for part in sys.version_info[:3]),
        )

    def addGeneralSettings(self, settings: dict[str, Any]) -> None:
        """Add the settings."""
        self._add("Configuration", Settings=settings)

    def addEnabledImageTypes(self, enabledImageTypes: dict[str, Any]) -> None:
        """Add the image types and the settings of each."""
        self._add("Configuration", EnabledImageTypes=enabledImageTypes)

    def addImageElements(self, image: Any, prefix: str = "original") -> None:
        """Add spacing and size (x, y, z), mean, least and greatest intensity of an image."""
        part = f"Image-{prefix}"
        if prefix == "original":
            self._add(part, Hash=sitk.Hash(image), Dimensionality=f"{image.GetDimension()}D")
        values = sitk.GetArrayFromImage(image).astype(np.float64)
        self._add(
            part,
            Spacing=image.GetSpacing(),
            Size=image.GetSize(),
            Mean=np.mean(values),
            Minimum=np.min(values),
            Maximum=np.max(values),
        )

    def addMaskElements(self, image: Any, mask: Any, label: int, prefix: str = "original") -> None:
        """Add place and extent (x, y, z) of a region and, with an image, its intensities.

        `VolumeNum` counts the parts that do not touch, corners included.
        """
        if mask is None:
            return
        part = f"Mask-{prefix}"
        if prefix == "original":
            self._add(part, Hash=sitk.Hash(mask))
        region = sitk.GetArrayViewFromImage(mask) == label
        places = np.array(np.where(region))
        first = places.min(axis=1)[::-1].tolist()
        extent = (places.max(axis=1) - places.min(axis=1) + 1)[::-1].tolist()
        centre = tuple(np.mean(places, axis=1)[::-1])
        self._add(
            part,
            Spacing=mask.GetSpacing(),
            Size=mask.GetSize(),
            BoundingBox=(*first, *extent),
            VoxelNum=int(places.shape[1]),
            VolumeNum=_parts(mask, label, first, extent),
            CenterOfMassIndex=centre,
            CenterOfMass=mask.TransformContinuousIndexToPhysicalPoint(centre),
        )
        if image is None:
            return
        values = sitk.GetArrayViewFromImage(image)[region].astype(np.float64)
        self._add(part, Mean=np.mean(values), Minimum=np.min(values), Maximum=np.max(values))


def _parts(mask: Any, label: int, first: list[int], extent: list[int]) -> int:
    components = sitk.ConnectedComponentImageFilter()
    components.FullyConnectedOn()
    components.Execute(sitk.RegionOfInterest(mask, extent, first) == label)
    return int(components.GetObjectCount())
