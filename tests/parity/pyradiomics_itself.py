"""Runs PyRadiomics on jobs of a folder; a script for the Python that has it.

``jobs.json`` lists jobs: parameters, image and mask file. Into ``found.json`` go, for each, the
columns with their values or the type of the error; maps of image types as ``map-<job>-<name>.npy``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics import featureextractor, imageoperations


def main(folder: Path) -> None:
    """Run all jobs."""
    radiomics.setVerbosity(60)
    found = []
    for number, job in enumerate(json.loads((folder / "jobs.json").read_text())):
        extractor = featureextractor.RadiomicsFeatureExtractor(job["parameters"])
        try:
            result = extractor.execute(str(folder / job["image"]), str(folder / job["mask"]))
        except Exception as error:
            found.append({"ERROR": type(error).__name__})
            continue
        values = {k: v for k, v in result.items() if not k.startswith("diagnostics")}
        found.append({k: repr(float(v)) for k, v in values.items()})
        image, mask = (sitk.ReadImage(str(folder / job[k])) for k in ("image", "mask"))
        for kind, own in extractor.enabledImagetypes.items():
            make = getattr(imageoperations, f"get{kind}Image")
            for made, name, _ in make(image, mask, **{**extractor.settings, **own}):
                np.save(folder / f"map-{number}-{name}.npy", sitk.GetArrayFromImage(made))
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
