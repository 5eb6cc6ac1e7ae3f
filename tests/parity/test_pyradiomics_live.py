"""The layer against PyRadiomics itself, on random images and parameters, where it is installed.

``FERROMICS_PYRADIOMICS`` names a Python that has it; without it these tests are skipped, in CI too:
PyRadiomics does not install on every Python. (It needs no scikit-image or SciPy here.)
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ferromics.compat import radiomics

PYTHON = os.environ.get("FERROMICS_PYRADIOMICS")
pytestmark = pytest.mark.skipif(not PYTHON, reason="FERROMICS_PYRADIOMICS names no Python")
SCRIPT = Path(__file__).with_name("pyradiomics_itself.py")
JOBS = 40
# As in test_pyradiomics.py, but that skewness and the like come near 0 on noise.
RTOL, SCALE = 1e-9, 1e-4


def job(seed: int, folder: Path) -> dict[str, Any]:
    """Write a random image and mask, and draw parameters."""
    random = np.random.default_rng(seed)
    shape = random.integers(6, 15, size=3)
    kind = random.choice(["int16", "float32", "float64", "uint8"])
    values = random.normal(100, 40, size=shape)
    if random.random() < 0.5:  # smooth, so that there are runs and zones
        for axis in range(3):
            values = (values + np.roll(values, 1, axis) + np.roll(values, -1, axis)) / 3
        values = 100 + 4 * (values - 100)
    values = np.clip(values, 0, 255) if kind == "uint8" else values
    mask = random.random(shape) < random.choice([0.3, 0.7, 1.1])
    first, last = random.integers(0, 2, size=3), shape - random.integers(0, 2, size=3)
    inside = np.zeros(shape, dtype=bool)
    inside[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = True
    spacing = random.choice([0.7, 1.0, 1.3, 3.0], size=3)
    for name, array in (("image", values.astype(kind)), ("mask", (mask & inside).astype("uint8"))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin((10.0, -5.0, 3.5))
        sitk.WriteImage(image, folder / f"{name}{seed}.nrrd")
    return {
        "parameters": parameters(random),
        "image": f"image{seed}.nrrd",
        "mask": f"mask{seed}.nrrd",
        "maps": True,
    }


def parameters(random: np.random.Generator) -> dict[str, Any]:
    def some(*options: Any) -> Any:
        return options[random.integers(len(options))]

    setting: dict[str, Any] = {"binWidth": some(5, 10.0, 17), "additionalInfo": False}
    drawn = {
        "binCount": (None, None, 8),
        "force2D": (False, False, True),
        "force2Ddimension": (0, 1, 2),
        "distances": ([1], [1], [1, 2], [2]),
        "symmetricalGLCM": (True, False),
        "weightingNorm": (None, None, "manhattan", "euclidean", "infinity", "no_weighting"),
        "gldm_a": (0, 1, 3),
        "voxelArrayShift": (0, 100),
        "normalize": (False, False, True),
        "normalizeScale": (1, 50),
        "removeOutliers": (None, 2),
        "resampledPixelSpacing": (None, None, [1, 1, 1], [0, 0, 2], [1.5, 2, 0]),
        "interpolator": ("sitkBSpline", "sitkLinear", "sitkNearestNeighbor"),
        "padDistance": (0, 3, 5),
        "preCrop": (False, True),
        "resegmentRange": (None, None, [60, 140], [-1.5, 2], [0.3]),
        "resegmentMode": ("absolute", "relative", "sigma"),
        "resegmentShape": (False, True),
    }
    setting |= {name: some(*options) for name, options in drawn.items()}
    types = {
        "Original": {},
        "LoG": {"sigma": [1.5, 2]},
        "Wavelet": {"wavelet": some("haar", "coif1", "db3", "bior2.2"), "level": some(1, 2)},
        "Square": {},
        "SquareRoot": {},
        "Logarithm": {"binWidth": 4},
        "Exponential": {},
        "Gradient": {"gradientUseSpacing": some(True, False)},
    }
    chosen = {"Original", *random.choice(list(types), 2)}
    classes = "firstorder glcm glrlm glszm gldm ngtdm shape".split()
    return {
        "setting": setting,
        "imageType": {name: own for name, own in types.items() if name in chosen},
        "featureClass": {name: [] for name in random.permutation(classes).tolist()},
    }


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any], list[Any]]:
    """The folder, the jobs, and what PyRadiomics found."""
    folder = tmp_path_factory.mktemp("theirs")
    jobs = [job(seed, folder) for seed in range(JOBS)]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    subprocess.run([str(PYTHON), str(SCRIPT), str(folder)], check=True, timeout=600)
    return folder, jobs, json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("number", range(JOBS))
def test_random_images_and_parameters(
    number: int, theirs: tuple[Path, list[Any], list[Any]]
) -> None:
    folder, jobs, found = theirs
    wanted, chosen = found[number], jobs[number]
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(chosen["parameters"])
    paths = [folder / chosen[k] for k in ("image", "mask")]
    if "ERROR" in wanted:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the type is what is compared
            extractor.execute(*paths)
        assert type(caught.value).__name__ == wanted["ERROR"]
        return
    maps_agree(number, folder, extractor, [sitk.ReadImage(path) for path in paths])
    ours = extractor.execute(*paths)
    assert list(ours) == list(wanted)
    problems = [
        f"{name}: {float(ours[name])!r} instead of {value}"
        for name, value in wanted.items()
        if not np.isclose(float(ours[name]), float(value), rtol=RTOL, atol=RTOL * SCALE,
                          equal_nan=True)
    ]  # fmt: skip
    assert not problems, "\n".join([str(chosen["parameters"]), *problems])


def maps_agree(number: int, folder: Path, extractor: Any, images: list[Any]) -> None:
    for kind, own in extractor.enabledImagetypes.items():
        make = getattr(radiomics.imageoperations, f"get{kind}Image")
        for made, name, _ in make(*images, **{**extractor.settings, **own}):
            expected = np.load(folder / f"map-{number}-{name}.npy")
            values = sitk.GetArrayFromImage(made)
            assert values.dtype == expected.dtype, name
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6 * np.ptp(expected))
