"""Times pictologics in its own interpreter: reads one JSON request a line, answers seconds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pictologics
from pictologics.features import intensity, morphology, texture
from pictologics.loader import Image

BINS = 32


def works(folder: Path) -> dict[str, Callable[[], object]]:
    """Return one call a family on the arrays of `folder`."""
    image, mask, levels = (np.load(folder / f"{n}.npy") for n in ("image", "mask", "levels"))
    # pictologics keeps arrays as (x, y, z).
    image, levels = (np.ascontiguousarray(a.T) for a in (image, levels))
    mask = np.ascontiguousarray(mask.T.astype(np.uint8))
    geometry = {"spacing": (1.0, 1.0, 1.0), "origin": (0.0, 0.0, 0.0)}
    picture, region = Image(array=image, **geometry), Image(array=mask, **geometry)

    def features(family: str) -> object:
        extra = {"distance_mask": mask} if family == "gldzm" else {}
        return getattr(texture, f"calculate_{family}_features")(levels, mask, BINS, **extra)

    families = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
    calls: dict[str, Callable[[], object]] = {f: lambda f=f: features(f) for f in families}
    calls["morph"] = lambda: morphology.calculate_morphology_features(region, picture)
    calls["loc"] = lambda: intensity.calculate_local_intensity_features(picture, region)
    calls["stat"] = lambda: intensity.calculate_intensity_features(image[mask > 0])
    calls["ih"] = lambda: intensity.calculate_intensity_histogram_features(levels[mask > 0], BINS)
    calls["autocorrelation"] = lambda: intensity.calculate_spatial_intensity_features(
        picture, region
    )
    return calls


def main() -> None:
    """Serve requests until the input ends."""
    calls: dict[str, Callable[[], object]] = {}
    print(json.dumps({"version": pictologics.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "folder" in request:
            calls = works(Path(request["folder"]))
            print(json.dumps({"families": list(calls)}), flush=True)
            continue
        start = time.perf_counter()
        calls[request["family"]]()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()
