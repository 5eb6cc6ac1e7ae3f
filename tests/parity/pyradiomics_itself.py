"""Runs PyRadiomics on jobs of a folder; a script for the Python that has it.

``jobs.json`` lists jobs: image and mask file, and parameters (a mapping or a file; settings that go
before them are `arguments`) or what to `resample` by. Into ``found.json`` go, for each, the columns
with their values, the places of maps, or the type of the error. Maps of features (`voxel`), maps of
image types (`maps`) and resampled images are written as ``map-<job>-<name>.npy``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import radiomics
import radiomics.base
import SimpleITK as sitk
from radiomics import featureextractor, imageoperations


class Progress:
    """What voxel mode needs: the package's own does not take the arguments that it is given."""

    def __init__(self, iterable=(), desc="", total=None):
        self.iterable = iterable

    def __iter__(self):
        return iter(self.iterable)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n=1):
        """Show nothing."""


def main(folder: Path) -> None:
    """Run all jobs."""
    radiomics.setVerbosity(60)
    radiomics.base.getProgressReporter = Progress
    found = []
    for number, job in enumerate(json.loads((folder / "jobs.json").read_text())):
        try:
            found.append(run(folder, f"map-{number}-", job))
        except Exception as error:
            found.append({"ERROR": type(error).__name__})
    (folder / "found.json").write_text(json.dumps(found))


def run(folder: Path, prefix: str, job: dict) -> dict:
    """Run one job and return what it found."""
    paths = [str(folder / job[k]) for k in ("image", "mask")]
    images = [sitk.ReadImage(path) for path in paths]

    def keep(name, image):
        np.save(folder / f"{prefix}{name}.npy", sitk.GetArrayFromImage(image))
        return [image.GetOrigin(), image.GetSpacing()]

    if "resample" in job:
        resampled = imageoperations.resampleImage(*images, **job["resample"])
        return {k: keep(k, v) for k, v in zip(("image", "mask"), resampled, strict=True)}
    extractor = featureextractor.RadiomicsFeatureExtractor(
        job["parameters"], **job.get("arguments", {})
    )
    result = extractor.execute(*paths, voxelBased=job.get("voxel", False))
    out = {}
    for name, value in result.items():
        if isinstance(value, sitk.Image):
            out[name] = keep(name, value)
        elif not name.startswith("diagnostics"):
            out[name] = repr(float(value))
    for kind, own in extractor.enabledImagetypes.items() if job.get("maps") else ():
        make = getattr(imageoperations, f"get{kind}Image")
        for made, name, _ in make(*images, **{**extractor.settings, **own}):
            keep(name, made)
    return out


if __name__ == "__main__":
    main(Path(sys.argv[1]))
