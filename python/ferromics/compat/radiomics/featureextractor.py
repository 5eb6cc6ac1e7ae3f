"""The extractor: parameters, image types and features, run on one image and mask at a time."""

from __future__ import annotations

import collections
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferromics.compat import radiomics
from ferromics.compat.radiomics import (
    _errors,
    _images,
    _schema,
    base,
    generalinfo,
    imageoperations,
)

logger = logging.getLogger("radiomics.featureextractor")

Features = collections.OrderedDict[str, Any]


class RadiomicsFeatureExtractor:
    """Computes a signature, by the parameters it was made with.

    Parameters
    ----------
    *args
        A parameter file or a mapping of the same layout. Without one: the original image, all
        features but those of shape2D.
    **kwargs
        Settings, which go before those of the parameters.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.featureClassNames = list(radiomics.getFeatureClasses())
        self.settings: dict[str, Any] = {}
        self.enabledImagetypes: dict[str, dict[str, Any]] = {}
        self.enabledFeatures: dict[str, list[str] | None] = {}
        given = args[0] if len(args) == 1 else None
        if isinstance(given, dict):
            self._applyParams(given)
        elif isinstance(given, str | os.PathLike):
            if not os.path.isfile(given):  # noqa: PTH113 - a path as it was handed over
                msg = f"Parameter file {given} does not exist."
                raise OSError(msg)
            self.loadParams(given)
        else:
            self.settings = self._getDefaultSettings()
            self.enabledImagetypes = {"Original": {}}
            self.enabledFeatures = {c: [] for c in self.featureClassNames if c != "shape2D"}
        _schema.check_arguments(kwargs)
        self.settings.update(kwargs)
        if self.settings.get("binCount") is not None:
            logger.warning(
                "Fixed bin Count enabled! PyRadiomics' authors recommend a fixed bin Width"
            )
        logger.info("Enabled image types: %s", self.enabledImagetypes)
        logger.info("Enabled features: %s", self.enabledFeatures)
        logger.debug("Settings: %s", self.settings)

    @staticmethod
    def _getDefaultSettings() -> dict[str, Any]:
        return {
            "minimumROIDimensions": 2,
            "minimumROISize": None,
            "normalize": False,
            "normalizeScale": 1,
            "removeOutliers": None,
            "resampledPixelSpacing": None,
            "interpolator": "sitkBSpline",
            "preCrop": False,
            "padDistance": 5,
            "distances": [1],
            "force2D": False,
            "force2Ddimension": 0,
            "resegmentRange": None,
            "label": 1,
            "additionalInfo": True,
        }

    def addProvenance(self, provenance_on: bool = True) -> None:
        """Have columns ``diagnostics_...`` in the result, or not."""
        self.settings["additionalInfo"] = provenance_on

    def loadParams(self, paramsFile: str | os.PathLike[str]) -> None:
        """Replace settings, image types and features by those of a parameter file (YAML, JSON)."""
        self._applyParams(_schema.read(paramsFile))

    def loadJSONParams(self, JSON_configuration: str) -> None:
        """Replace settings, image types and features by those of a JSON text."""
        self._applyParams(json.loads(JSON_configuration))

    def _applyParams(self, parameters: Any) -> None:
        found = _schema.check(parameters, radiomics.getImageTypes())
        self.enabledImagetypes = found.get("imageType") or {"Original": {}}
        # Without a list of classes all are meant, shape2D among them: PyRadiomics' rule.
        self.enabledFeatures = found.get("featureClass") or {c: [] for c in self.featureClassNames}
        self.settings = {
            **self._getDefaultSettings(),
            **found.get("setting", {}),
            **found.get("voxelSetting", {}),
        }

    def execute(
        self,
        imageFilepath: Any,
        maskFilepath: Any,
        label: int | None = None,
        label_channel: int | None = None,
        voxelBased: bool = False,
    ) -> Features:
        """Return the signature of a region, in columns ``<image type>_<class>_<feature>``.

        Parameters
        ----------
        imageFilepath, maskFilepath
            Paths (the image's may be a folder with one DICOM series), SimpleITK images, or arrays
            (z, y, x).
        label, label_channel
            Go before the settings of that name, in this call only.
        voxelBased
            Compute maps (SimpleITK images) instead of numbers.

        Raises
        ------
        ValueError
            If image, mask or settings cannot be used; see :func:`imageoperations.checkMask`.
        """
        settings = self.settings.copy()
        if label is not None:
            settings["label"] = label
        if label_channel is not None:
            settings["label_channel"] = label_channel
        if voxelBased:
            settings["voxelBased"] = True
        self._check(settings)
        label = int(settings.get("label", 1))
        info = generalinfo.GeneralInfo() if settings.get("additionalInfo", False) else None
        if info is not None:
            info.addGeneralSettings(settings)
            info.addEnabledImageTypes(self.enabledImagetypes)
        logger.info("Calculating features with label: %d", label)
        logger.debug("Current settings: %s", settings)

        image, mask = self.loadImage(imageFilepath, maskFilepath, info, **settings)
        box, corrected = imageoperations.checkMask(image, mask, **settings)
        if corrected is not None:
            mask = corrected
            if info is not None:
                info.addMaskElements(image, mask, label, "corrected")
        shape_mask = mask
        if settings.get("resegmentRange") is not None:
            mask = imageoperations.resegmentMask(image, mask, **settings)
            box, _ = imageoperations.checkMask(image, mask, **settings)
            if info is not None:
                info.addMaskElements(image, mask, label, "resegmented")
            if settings.get("resegmentShape", False):
                shape_mask = mask

        out: Features = collections.OrderedDict()
        if info is not None:
            out.update(info.getGeneralInfo())
        if not voxelBased:
            out.update(self.computeShape(image, shape_mask, box, **settings))
        reach = settings.get("kernelRadius", 1) if voxelBased else 0
        for filtered, name, chosen in self._images(image, mask, settings):
            logger.info("Calculating features for %s image", name)
            cut = imageoperations.cropToTumorMask(filtered, mask, box, padDistance=reach)
            out.update(self.computeFeatures(*cut, name, **chosen))
        return out

    def _check(self, settings: dict[str, Any]) -> None:
        """Raise if settings, with those of each image type, cannot be worked with."""
        _schema.check_arguments(settings)
        for name, own in self.enabledImagetypes.items():
            if not isinstance(own, Mapping):
                msg = f"image type {name}: {own!r} is not a mapping of settings ({{}} for none)"
                raise _errors.SchemaError(msg)
            _schema.check_arguments({**settings, **own})

    def _images(
        self, image: Any, mask: Any, settings: dict[str, Any]
    ) -> Iterator[tuple[Any, str, dict[str, Any]]]:
        for image_type, own in self.enabledImagetypes.items():
            logger.info('Adding image type "%s" with custom settings: %s', image_type, own)
            make = getattr(imageoperations, f"get{image_type}Image")
            yield from make(image, mask, **{**settings, **own})

    @staticmethod
    def loadImage(
        ImageFilePath: Any,
        MaskFilePath: Any,
        generalInfo: generalinfo.GeneralInfo | None = None,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """Return image and label map, read, normalised, resampled or cut as the settings say.

        Raises
        ------
        ValueError
            If image or mask cannot be read, or the region cannot be used.
        """
        label = int(kwargs.get("label", 1))
        image = _images.load(ImageFilePath, "image")
        if isinstance(MaskFilePath, np.ndarray):
            mask = _images.as_mask(MaskFilePath, image)
        else:
            mask = _images.load(MaskFilePath, "mask")
        mask = imageoperations.getMask(mask, **kwargs)
        if generalInfo is not None:
            generalInfo.addImageElements(image)
            # Without the image: whether both lie on one grid is not known yet.
            generalInfo.addMaskElements(None, mask, label)
        if kwargs.get("normalize", False):
            image = imageoperations.normalizeImage(image, **kwargs)
        spacing = kwargs.get("resampledPixelSpacing")
        if kwargs.get("interpolator") is not None and spacing is not None:
            image, mask = imageoperations.resampleImage(image, mask, **kwargs)
            if generalInfo is not None:
                generalInfo.addImageElements(image, "interpolated")
                generalInfo.addMaskElements(image, mask, label, "interpolated")
        elif kwargs.get("preCrop", False):
            box, corrected = imageoperations.checkMask(image, mask, **kwargs)
            mask = mask if corrected is None else corrected
            image, mask = imageoperations.cropToTumorMask(image, mask, box, **kwargs)
        return image, mask

    def computeShape(
        self, image: Any, mask: Any, boundingBox: NDArray[np.int_], **kwargs: Any
    ) -> Features:
        """Return the enabled features of the classes shape and shape2D."""
        out: Features = collections.OrderedDict()
        cut = imageoperations.cropToTumorMask(image, mask, boundingBox)
        dimensions = mask.GetDimension()
        if "shape" in self.enabledFeatures:
            if dimensions == 3:
                out.update(self._features("shape", *cut, "original", kwargs))
            else:
                logger.warning(
                    "Shape features are only available 3D input (for 2D input, use shape2D). "
                    "Found %iD input",
                    dimensions,
                )
        if "shape2D" in self.enabledFeatures:
            if dimensions == 3 and not kwargs.get("force2D", False):
                logger.warning("parameter force2D must be set to True to enable shape2D extraction")
            else:
                out.update(self._features("shape2D", *cut, "original", kwargs))
        return out

    def computeFeatures(self, image: Any, mask: Any, imageTypeName: str, **kwargs: Any) -> Features:
        """Return the enabled features, but those of shape, of one image cut to its region."""
        out: Features = collections.OrderedDict()
        with base.binned_once():
            for name in self.enabledFeatures:
                if not name.startswith("shape") and name in self.featureClassNames:
                    out.update(self._features(name, image, mask, imageTypeName, kwargs))
        return out

    def _features(
        self, name: str, image: Any, mask: Any, image_type: str, settings: dict[str, Any]
    ) -> Features:
        logger.info("Computing %s", name)
        computed = radiomics.getFeatureClasses()[name](image, mask, **settings)
        for feature in self.enabledFeatures[name] or ():
            computed.enableFeatureByName(feature)
        found = computed.execute().items()
        return collections.OrderedDict((f"{image_type}_{name}_{f}", value) for f, value in found)

    def enableAllImageTypes(self) -> None:
        """Enable all image types, without settings of their own."""
        for image_type in radiomics.getImageTypes():
            self.enabledImagetypes[image_type] = {}

    def disableAllImageTypes(self) -> None:
        """Disable all image types."""
        self.enabledImagetypes = {}

    def enableImageTypeByName(
        self, imageType: str, enabled: bool = True, customArgs: dict[str, Any] | None = None
    ) -> None:
        """Enable an image type with settings of its own, or disable it."""
        if imageType not in radiomics.getImageTypes():
            logger.warning("Image type %s is not recognized", imageType)
        elif enabled:
            self.enabledImagetypes[imageType] = {} if customArgs is None else customArgs
        else:
            self.enabledImagetypes.pop(imageType, None)

    def enableImageTypes(self, **enabledImagetypes: dict[str, Any]) -> None:
        """Enable image types: names and settings of their own.

        Raises
        ------
        ValueError
            If there is no such image type.
        """
        for name in enabledImagetypes:
            if name not in radiomics.getImageTypes():
                msg = f"no image type {name!r}; there are {', '.join(radiomics.getImageTypes())}"
                raise ValueError(msg)
        self.enabledImagetypes.update(enabledImagetypes)

    def enableAllFeatures(self) -> None:
        """Enable all classes, and in each all features that are not deprecated."""
        for name in self.featureClassNames:
            self.enabledFeatures[name] = []

    def disableAllFeatures(self) -> None:
        """Disable all classes."""
        self.enabledFeatures = {}

    def enableFeatureClassByName(self, featureClass: str, enabled: bool = True) -> None:
        """Enable all features of a class that are not deprecated, or disable the class."""
        if featureClass not in self.featureClassNames:
            logger.warning("Feature class %s is not recognized", featureClass)
        elif enabled:
            self.enabledFeatures[featureClass] = []
        else:
            self.enabledFeatures.pop(featureClass, None)

    def enableFeaturesByName(self, **enabledFeatures: list[str] | None) -> None:
        """Enable features: classes, each with a list of features, an empty one for all.

        Raises
        ------
        ValueError
            If there is no such class.
        """
        for name in enabledFeatures:
            if name not in self.featureClassNames:
                msg = f"no feature class {name!r}; there are {', '.join(self.featureClassNames)}"
                raise ValueError(msg)
        self.enabledFeatures.update(enabledFeatures)
