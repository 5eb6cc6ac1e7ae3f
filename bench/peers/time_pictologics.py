"""Times pictologics in its own interpreter; bench/README.md has the requests and the answers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pictologics
from many import Kept, Workers
from pictologics import preprocessing
from pictologics.features import intensity, morphology, texture
from pictologics.loader import Image

BINS = 32
IVH_BINS = 1000  # IBSI's for arbitrary units, our default
TEXTURE = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
BOTH = ("glcm_both", "glrlm_both")


def families(folder: Path, bins: int) -> dict[str, Callable[[], dict[str, float]]]:
    """Return one call a family on the arrays of `folder`."""
    image, mask, levels = (np.load(folder / f"{n}.npy") for n in ("image", "mask", "levels"))
    spacing = tuple(np.load(folder / "spacing.npy").tolist()[::-1])
    # pictologics keeps arrays as (x, y, z).
    image, levels = (np.ascontiguousarray(a.T) for a in (image, levels))
    mask = np.ascontiguousarray(mask.T.astype(np.uint8))
    geometry = {"spacing": spacing, "origin": (0.0, 0.0, 0.0)}
    picture, region = Image(array=image, **geometry), Image(array=mask, **geometry)

    def features(family: str) -> dict[str, float]:
        extra = {"distance_mask": mask} if family == "gldzm" else {}
        return getattr(texture, f"calculate_{family}_features")(levels, mask, bins, **extra)

    def discretised(number: int) -> Any:
        made = preprocessing.discretise_image(picture, "FBN", roi_mask=region, n_bins=number)
        return made.array[mask > 0]

    def ivh() -> dict[str, float]:
        return intensity.calculate_ivh_features(discretised(IVH_BINS))

    def first_order() -> dict[str, float]:
        found = intensity.calculate_intensity_features(image[mask > 0])
        found |= intensity.calculate_intensity_histogram_features(discretised(bins), bins)
        return found | ivh()

    # It has the merged aggregation only.
    calls = {f: lambda f=f: features(f.removesuffix("_both")) for f in (*TEXTURE, *BOTH)}
    return {
        **calls,
        "texture": lambda: texture.calculate_all_texture_features(levels, mask, bins),
        "morph": lambda: morphology.calculate_morphology_features(region, picture),
        "loc": lambda: intensity.calculate_local_intensity_features(picture, region),
        "stat": lambda: intensity.calculate_intensity_features(image[mask > 0]),
        "ih": lambda: intensity.calculate_intensity_histogram_features(levels[mask > 0], bins),
        "ivh": ivh,
        "first_order": first_order,
        "autocorrelation": lambda: intensity.calculate_spatial_intensity_features(picture, region),
    }


def pipeline(case: dict[str, Any]) -> pictologics.RadiomicsPipeline:
    """Return a pipeline with one configuration an image: the given one and each response map."""
    full = case["set"] == "full"
    textures = [f"texture_{f}" for f in TEXTURE if full or f != "gldzm"]
    steps: list[dict[str, Any]] = []
    if case["spacing"]:
        new = {"new_spacing": (float(case["spacing"]),) * 3, "interpolation": "linear"}
        new |= {"mask_interpolation": "linear", "mask_threshold": 0.5}
        steps.append({"step": "resample", "params": new})
    by_number = {"method": "FBN", "n_bins": BINS}
    bins = by_number
    if case["width"]:
        bins = {"method": "FBS", "bin_width": case["width"], "min_val": case["minimum"]}

    def features(*shape: str) -> dict[str, Any]:
        found = {
            "families": ["intensity", "histogram", *shape, *textures, *(["ivh"] if full else [])],
            "include_spatial_intensity": full,
            "include_local_intensity": full,
        }
        if full:  # as they are: whole HU
            found |= {"ivh_use_continuous": True, "ivh_params": {"bin_width": 1.0}}
        return {"step": "extract_features", "params": found}

    made = pictologics.RadiomicsPipeline()
    original = [*steps, {"step": "discretise", "params": bins}, features("morphology")]
    made.add_config("original", original)
    filters = {
        f"wavelet-{b}": {"type": "wavelet", "wavelet": case["wavelet"], "decomposition": b}
        for b in (["".join((i, j, k)) for i in "LH" for j in "LH" for k in "LH"])
        if case["wavelet"]
    }
    filters |= {f"log-{s:g}": {"type": "log", "sigma_mm": s, "truncate": 4.0} for s in case["log"]}
    for name, params in filters.items():
        maps = {"step": "filter", "params": {**params, "boundary": "mirror"}}
        binned = {"step": "discretise", "params": by_number}
        made.add_config(name, [*steps, maps, binned, features()])
    return made


class Case:
    """An extraction with image and mask in memory."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.names = ["original"]
        self.pipeline = pipeline(case)
        standard = set(pictologics.RadiomicsPipeline().get_all_standard_config_names())
        self.names = [n for n in self.pipeline._configs if n not in standard]
        self.image = pictologics.load_image(case["image"])
        self.mask = pictologics.load_image(case["mask"], stored_type=True)

    def run(self) -> Any:
        """Extract everything."""
        return self.pipeline.run(self.image, self.mask, config_names=self.names)


MADE: list[pictologics.RadiomicsPipeline] = []


def extracted(job: tuple[dict[str, Any], list[str]]) -> dict[str, Any]:
    """Return the row of an image and a mask, by the pipeline that this process made first."""
    case, files = job
    if not MADE:
        MADE.append(pipeline(case))
    return pictologics.format_results(MADE[0].run(*files, config_names=["original"]))


def workers(cohort: dict[str, Any]) -> Workers:
    """Return processes; spawned, since numba's threads are no good after a fork."""
    MADE.clear()
    return Workers(cohort["workers"], extracted, "spawn", int)


def tabled(cohort: dict[str, Any], by: Workers) -> list[dict[str, Any]]:
    """Do a cohort from files to CSV; return its rows."""
    rows = by.of([(cohort["case"], files) for files in cohort["files"]])
    pictologics.save_results(rows, cohort["output"])
    return rows


def values(row: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return values by image and name."""
    named = {key.partition("__")[2]: float(value) for key, value in row.items() if "__" in key}
    return {"original": named}


def fresh(case: dict[str, Any], path: Path) -> None:
    """Do a case from files to CSV and print the peak memory in KiB."""
    if "files" in case:
        by = workers(case)
        tabled(case, by)
        by.close()
        return
    made = pipeline(case)
    result = made.run(case["image"], case["mask"], config_names=["original"])
    pictologics.save_results(pictologics.format_results(result), path)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(json.dumps({"peak_kib": int(status.split("VmHWM:")[1].split()[0])}))


def main() -> None:
    """Serve requests until the input ends."""
    if len(sys.argv) == 3:
        fresh(json.loads(sys.argv[1]), Path(sys.argv[2]))
        return
    calls: dict[str, Callable[[], Any]] = {}
    kept = Kept(workers)

    def answer(**values: object) -> None:
        print(json.dumps(values), flush=True)

    answer(version=pictologics.__version__)
    for line in sys.stdin:
        request = json.loads(line)
        if "folder" in request:
            calls = families(Path(request["folder"]), request["bins"])
            answer(families=list(calls))
        elif "values" in request:
            answer(values={k: float(v) for k, v in calls[request["values"]]().items()})
        elif "cohort" in request:
            by = kept.of(request["cohort"])
            start = time.perf_counter()
            rows = tabled(request["cohort"], by)
            answer(seconds=time.perf_counter() - start, values=[values(row) for row in rows])
        elif "case" in request:
            case = Case(request["case"])
            calls["case"] = case.run
            found = case.run()
            answer(values={i: {k: float(v) for k, v in f.items()} for i, f in found.items()})
        else:
            start = time.perf_counter()
            calls[request["family"]]()
            answer(seconds=time.perf_counter() - start)
    kept.close()


if __name__ == "__main__":
    main()
