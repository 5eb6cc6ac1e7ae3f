"""What PyRadiomics' feature classes share: an image, a mask, settings, and values by name.

The values come from the core, all features of a class in one call; what is PyRadiomics' about them
is there, in ``rust/core/src/pyradiomics``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ferromics import _core
from ferromics._voxel_map import in_passes
from ferromics.compat import radiomics
from ferromics.compat.radiomics import _names, _schema, imageoperations
from ferromics.compat.radiomics._errors import ImageError
from ferromics.compat.radiomics._grid import check_dimensions, same_size
from ferromics.compat.radiomics._images import as_image, as_mask, checked
from ferromics.compat.radiomics._progress import voxels_told

MOST_LEVELS = 2**16 - 1
"""The greatest grey level that the core's arrays hold."""


class _Binned(NamedTuple):
    """Levels, and what they were made of."""

    matrix: NDArray[Any]
    within: NDArray[np.bool_]
    settings: dict[str, Any]
    levels: NDArray[Any]
    present: NDArray[Any]

    def serves(
        self, matrix: NDArray[Any], within: NDArray[np.bool_], settings: dict[str, Any]
    ) -> bool:
        """Return whether these are the levels of these intensities and these very settings."""
        return (
            self.settings.keys() == settings.keys()
            and all(self.settings[name] is value for name, value in settings.items())
            and self.matrix.dtype == matrix.dtype  # edges are rounded to it
            and np.array_equal(self.matrix, matrix)
            and np.array_equal(self.within, within)
        )


_shared: ContextVar[list[_Binned]] = ContextVar("levels that classes share")


@contextlib.contextmanager
def binned_once() -> Iterator[None]:
    """Have the classes that are made within share levels: most of them want the same."""
    token = _shared.set([])
    try:
        yield
    finally:
        _shared.reset(token)


class RadiomicsFeaturesBase:
    """Features of one class, of one region of an image.

    Parameters
    ----------
    inputImage, inputMask
        SimpleITK images, or arrays (z, y, x), on one grid. The region is where the mask is `label`.
    **kwargs
        Settings, by the names of parameter files.
    """

    featureClass: ClassVar[str] = ""
    """Name of the class; each one sets it."""
    discretised: ClassVar[bool] = True
    """Whether the class needs grey levels."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class the methods of its features, but those that it has itself."""
        super().__init_subclass__(**kwargs)
        name = str(vars(cls).get("featureClass"))
        for feature, deprecated in _names.features(name).items() if name in _names.CLASSES else ():
            if _names.method(feature) not in vars(cls):
                setattr(cls, _names.method(feature), _feature(name, feature, deprecated))

    def __init__(self, inputImage: Any, inputMask: Any, **kwargs: Any) -> None:
        self.logger = logging.getLogger(f"radiomics.{self.featureClass or 'base'}")
        if inputImage is None or inputMask is None:
            msg = "Missing input image or mask"
            raise ValueError(msg)
        self.progressReporter = radiomics.getProgressReporter
        _schema.check_arguments(kwargs)
        self.settings: dict[str, Any] = kwargs
        self.label = int(kwargs.get("label", 1))
        self.voxelBased = bool(kwargs.get("voxelBased", False))
        self.coefficients: dict[str, Any] = {}
        self.enabledFeatures: dict[str, bool] = {}
        self.featureValues: dict[str, Any] = {}
        self.featureNames = self.getFeatureNames()
        self.inputImage = as_image(inputImage)
        if self.discretised:  # else the image is not looked at
            checked(self.inputImage, "image")
        self.inputMask = checked(as_mask(inputMask, self.inputImage), "mask")
        self.imageArray: NDArray[Any] = sitk.GetArrayFromImage(self.inputImage)
        self.maskArray: NDArray[np.bool_] = sitk.GetArrayFromImage(self.inputMask) == self.label
        self._check_region()
        self._cache: dict[str, float] = {}
        self.matrix: NDArray[Any] | None = None
        self._check()
        if self.voxelBased:
            self._initVoxelBasedCalculation()
        else:
            self._initSegmentBasedCalculation()

    @classmethod
    def getFeatureNames(cls) -> dict[str, bool]:
        """Return the features of the class, and whether each is deprecated."""
        methods = (name for name in dir(cls) if name.startswith("get"))
        return {
            name[3:-12]: bool(getattr(getattr(cls, name), "_is_deprecated", False))
            for name in methods
            if name.endswith("FeatureValue")
        }

    def enableFeatureByName(self, featureName: str, enable: bool = True) -> None:
        """Enable a feature, or disable it; ``LookupError`` if the class has none of that name."""
        if featureName not in self.featureNames:
            raise LookupError("Feature not found: " + featureName)
        if self.featureNames[featureName]:
            self.logger.warning("Feature %s is deprecated, use with caution!", featureName)
        self.enabledFeatures[featureName] = enable

    def enableAllFeatures(self) -> None:
        """Enable all features that are not deprecated."""
        for feature, deprecated in self.featureNames.items():
            if not deprecated:
                self.enableFeatureByName(feature, True)

    def disableAllFeatures(self) -> None:
        """Disable all features and forget their values."""
        self.enabledFeatures = {}
        self.featureValues = {}

    def execute(self) -> dict[str, Any]:
        """Compute the enabled features (if none is: all that are not deprecated).

        A feature that fails is NaN, and the log says why.
        """
        if not self.enabledFeatures:
            self.enableAllFeatures()
        if self.voxelBased:
            self._calculateVoxels()
        else:
            self._calculateSegment()
        return self.featureValues

    def _check_region(self) -> None:
        check_dimensions(self.inputImage, self.inputMask)
        if self.discretised and not same_size(self.inputImage, self.inputMask):
            sizes = self.inputImage.GetSize(), self.inputMask.GetSize()
            msg = "Image and mask differ in size: {} and {} (x, y, z)".format(*sizes)
            raise ImageError(msg)
        if not self.maskArray.any():
            msg = f"Label ({self.label}) not present in mask"
            raise ValueError(msg)

    def _check(self) -> None:
        """Raise if the class cannot work on the input."""

    def _initSegmentBasedCalculation(self) -> None:
        if self.discretised:
            self.matrix = self._applyBinning(self.imageArray)

    def _initVoxelBasedCalculation(self) -> None:
        # A kernel that is not masked reaches voxels outside the region: they have levels, too.
        masked = bool(self.settings.get("maskedKernel", True))
        self.kernelMask = self.maskArray if masked else np.ones_like(self.maskArray)
        # PyRadiomics' bins are those of double precision in this class alone.
        double = self.featureClass == "firstorder"
        image = self.imageArray.astype(np.float64) if double else self.imageArray
        self.matrix = self._applyBinning(image, self.kernelMask)

    def _applyBinning(
        self, matrix: NDArray[Any], within: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        within = self.maskArray if within is None else within
        shared = _shared.get([])
        given = matrix, within, self.settings
        binned = next((found for found in shared if found.serves(*given)), None)
        if binned is None:
            levels, _ = imageoperations.binImage(matrix, within, **self.settings)
            binned = _Binned(*given, levels, np.unique(levels[within]))
            shared.append(binned)
        levels, present = binned.levels.copy(), binned.present
        self.coefficients["grayLevels"] = present
        self.coefficients["Ng"] = int(present.max())
        if self.coefficients["Ng"] > MOST_LEVELS or present.min() < 0:
            msg = (
                f"{self.coefficients['Ng']} grey levels are more than the {MOST_LEVELS} that can "
                "be counted; use a larger binWidth or a binCount"
            )
            raise ValueError(msg)
        return levels

    def _calculateVoxels(self) -> None:
        """Have the core compute the maps of the enabled features, a few at a time."""
        known = _names.features(self.featureClass)
        wanted = []
        for feature, enabled in self.enabledFeatures.items():
            same = _names.SAME_AS.get((self.featureClass, feature))
            if same is not None:
                self.logger.debug("Feature %s is deprecated: it is equal to %s", feature, same)
            elif enabled and feature not in known:
                msg = f"{feature} is a feature of your own: it has no map, only a value"
                raise ValueError(msg)
            elif enabled:
                wanted.append(feature)
        parts = in_passes(wanted, self.maskArray.size)
        assert self.matrix is not None
        levels = _volume(self.matrix.astype(np.uint16))
        intensities = _volume(self.imageArray) if self.featureClass == "firstorder" else None
        given = self.settings.get("initValue", 0)
        start = float("nan") if given is None else float(given)
        batch = int(self.settings.get("voxelBatch", -1))
        options = {
            **self._options(),
            "kernel_radius": int(self.settings.get("kernelRadius", 1)),
            "masked_kernel": bool(self.settings.get("maskedKernel", True)),
            "voxel_batch": batch if batch > 0 else None,
            "init_value": None if np.isnan(start) else start,
        }
        total = int(np.count_nonzero(self.maskArray)) * len(parts)
        desc = f"{self.featureClass} maps, voxels"
        with self.progressReporter(total=total, desc=desc) as bar:
            for part in parts:
                with voxels_told(bar) as progress:
                    maps = _core.pyradiomics_maps(
                        intensities,
                        _volume(self.maskArray),
                        levels,
                        self._spacing(),
                        self.featureClass,
                        json.dumps({**options, "only": part}),
                        None,
                        progress,
                    )
                for feature in part:
                    values = maps[feature].reshape(self.imageArray.shape)
                    image = sitk.GetImageFromArray(values)
                    image.CopyInformation(self.inputImage)
                    self.featureValues[feature] = image

    def _calculateSegment(self) -> None:
        wanted = [feature for feature, enabled in self.enabledFeatures.items() if enabled]
        self._compute(wanted)
        for feature in wanted:
            try:
                value = getattr(self, _names.method(feature))()
            except DeprecationWarning as told:
                self.logger.debug("Feature %s is deprecated: %s", feature, told.args[0])
                continue
            except Exception:
                self.logger.error("FAILED: %s", traceback.format_exc())
                value = np.nan
            self.featureValues[feature] = np.squeeze(np.asarray(value))

    def _compute(self, wanted: Iterable[str]) -> None:
        """Have the core compute those features that are not known yet."""
        known = _names.features(self.featureClass)
        missing = [
            feature
            for feature in wanted
            if feature in known
            and feature not in self._cache
            and (self.featureClass, feature) not in _names.SAME_AS
        ]
        if not missing:
            return
        levels = None if self.matrix is None else _volume(self.matrix.astype(np.uint16))
        intensities = _volume(self.imageArray) if self.featureClass == "firstorder" else None
        found = _core.pyradiomics(
            intensities,
            _volume(self.maskArray),
            levels,
            self._spacing(),
            self.featureClass,
            json.dumps({**self._options(), "only": missing}),
            None,
        )
        self._cache.update(found)

    def _value(self, feature: str) -> float:
        if self.voxelBased:
            msg = f"in voxel mode {feature} is a map: call execute()"
            raise ValueError(msg)
        if feature not in self._cache:
            self._compute([*(f for f, enabled in self.enabledFeatures.items() if enabled), feature])
        return self._cache[feature]

    def _spacing(self) -> list[float]:
        spacing = [float(length) for length in self.inputImage.GetSpacing()[::-1]]
        return [1.0] * (3 - len(spacing)) + spacing

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        flat = 3 - self.imageArray.ndim  # a 2D image is a volume of one slice
        if flat and settings.get("force2D") and self.featureClass in _names.TEXTURE:
            msg = "force2D leaves a 2D image one direction, which is not supported: leave it out"
            raise ValueError(msg)
        force = int(settings.get("force2Ddimension", 0)) + flat if settings.get("force2D") else None
        return {
            "force_2d_dimension": 0 if flat else force,
            "distances": [int(d) for d in settings.get("distances", [1])],
            "symmetrical": bool(settings.get("symmetricalGLCM", True)),
            "weighting_norm": settings.get("weightingNorm"),
            "gldm_a": int(settings.get("gldm_a", 0)),
            "voxel_array_shift": float(settings.get("voxelArrayShift", 0)),
        }


def _volume(values: NDArray[Any]) -> NDArray[Any]:
    return values[np.newaxis] if values.ndim == 2 else values


def _feature(feature_class: str, feature: str, deprecated: bool) -> Any:
    """Return the method that gives a feature's value."""
    same = _names.SAME_AS.get((feature_class, feature))
    scalar = feature_class.startswith("shape")

    def value(self: RadiomicsFeaturesBase) -> Any:
        if same is not None:
            msg = f"{feature_class} {feature} is no longer computed; it is equal to {same}"
            raise DeprecationWarning(msg)
        found = self._value(feature)
        return found if scalar else np.array([found])

    value.__name__ = _names.method(feature)
    value.__qualname__ = f"{feature_class}.{value.__name__}"
    value.__doc__ = f"Return {feature} of class {feature_class}, as PyRadiomics defines it."
    return radiomics.deprecated(value) if deprecated else value
