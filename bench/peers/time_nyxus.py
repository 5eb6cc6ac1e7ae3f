"""Times Nyxus in its own interpreter; bench/README.md has the requests and the answers.

It reads files in each call, so that it is timed in fresh processes alone. Its bins are a number of
bins, and its shape is in voxels, whatever the spacing; giving it the spacing (`anisotropy_z`) would
repeat each slice, which is another image.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nyxus import Nyxus3D

GROUPS = ["*3D_ALL_INTENSITY*", "*3D_ALL_MORPHOLOGY*", "*3D_GLCM*", "*3D_GLRLM*", "*3D_GLSZM*",
          "*3D_NGTDM*", "*3D_GLDM*"]  # fmt: skip
BINS = 70  # as many as W1's bins of 25 HU
# What its features are called in the catalogue; `count` is zone, run or dependence.
STAT = {
    "VARIANCE_BIASED": "intensity_variance",
    "SKEWNESS": "intensity_skewness",
    "EXCESS_KURTOSIS": "excess_intensity_kurtosis",
    "RANGE": "intensity_range",
    "MEAN_ABSOLUTE_DEVIATION": "intensity_based_mean_absolute_deviation",
}
GLCM = {
    "ACOR": "autocorrelation", "ASM": "angular_second_moment", "CLUPROM": "cluster_prominence",
    "CLUSHADE": "cluster_shade", "CLUTEND": "cluster_tendency", "CONTRAST": "contrast",
    "CORRELATION": "correlation", "DIFAVE": "difference_average", "DIFENTRO": "difference_entropy",
    "DIFVAR": "difference_variance", "DIS": "dissimilarity", "ID": "inverse_difference",
    "IDN": "normalised_inverse_difference", "IDM": "inverse_difference_moment",
    "IDMN": "normalised_inverse_difference_moment", "IV": "inverse_variance",
    "JAVE": "joint_average", "JE": "joint_entropy", "JMAX": "joint_maximum",
    "JVAR": "joint_variance", "INFOMEAS1": "information_correlation_1",
    "INFOMEAS2": "information_correlation_2", "SUMAVERAGE": "sum_average",
    "SUMENTROPY": "sum_entropy", "SUMVARIANCE": "sum_variance",
}  # fmt: skip
GLRLM = {
    "SRE": "short_runs_emphasis", "LRE": "long_runs_emphasis",
    "LGLRE": "low_grey_level_run_emphasis", "HGLRE": "high_grey_level_run_emphasis",
    "SRLGLE": "short_run_low_grey_level_emphasis", "SRHGLE": "short_run_high_grey_level_emphasis",
    "LRLGLE": "long_run_low_grey_level_emphasis", "LRHGLE": "long_run_high_grey_level_emphasis",
    "GLN": "grey_level_non_uniformity", "GLNN": "normalised_grey_level_non_uniformity",
    "RLN": "run_length_non_uniformity", "RLNN": "normalised_run_length_non_uniformity",
    "RP": "run_percentage", "GLV": "grey_level_variance", "RV": "run_length_variance",
    "RE": "run_entropy",
}  # fmt: skip
GLSZM = {
    "SAE": "small_zone_emphasis", "LAE": "large_zone_emphasis",
    "LGLZE": "low_grey_level_zone_emphasis", "HGLZE": "high_grey_level_zone_emphasis",
    "SALGLE": "small_zone_low_grey_level_emphasis", "SAHGLE": "small_zone_high_grey_level_emphasis",
    "LALGLE": "large_zone_low_grey_level_emphasis", "LAHGLE": "large_zone_high_grey_level_emphasis",
    "GLN": "grey_level_non_uniformity", "GLNN": "normalised_grey_level_non_uniformity",
    "SZN": "zone_size_non_uniformity", "SZNN": "normalised_zone_size_non_uniformity",
    "ZP": "zone_percentage", "GLV": "grey_level_variance", "ZV": "zone_size_variance",
    "ZE": "zone_size_entropy",
}  # fmt: skip
NGTDM = {n.upper(): n for n in ("coarseness", "contrast", "busyness", "complexity", "strength")}
GLDM = {
    "SDE": "low_dependence_emphasis", "LDE": "high_dependence_emphasis",
    "LGLE": "low_grey_level_count_emphasis", "HGLE": "high_grey_level_count_emphasis",
    "SDLGLE": "low_dependence_low_grey_level_emphasis",
    "SDHGLE": "low_dependence_high_grey_level_emphasis",
    "LDLGLE": "high_dependence_low_grey_level_emphasis",
    "LDHGLE": "high_dependence_high_grey_level_emphasis",
    "GLN": "grey_level_non_uniformity", "DN": "dependence_count_non_uniformity",
    "DNN": "normalised_dependence_count_non_uniformity", "GLV": "grey_level_variance",
    "DV": "dependence_count_variance", "DE": "dependence_count_entropy",
}  # fmt: skip
MORPH = {
    "MESH_VOLUME": "volume_mesh", "VOXEL_VOLUME": "volume_voxel_counting",
    "AREA": "surface_area_mesh", "SPHERICITY": "sphericity",
    "MAJOR_AXIS_LEN": "major_axis_length", "MINOR_AXIS_LEN": "minor_axis_length",
    "LEAST_AXIS_LEN": "least_axis_length", "ELONGATION": "elongation", "FLATNESS": "flatness",
}  # fmt: skip
CATALOGUE = {
    **{f"3{theirs}": f"stat/{ours}" for theirs, ours in STAT.items()},
    **{f"3{theirs}": f"morph/{ours}" for theirs, ours in MORPH.items()},
    **{f"3GLCM_{theirs}_AVE": f"glcm/{ours}/3d_averaged" for theirs, ours in GLCM.items()},
    **{f"3GLRLM_{theirs}_AVE": f"glrlm/{ours}/3d_averaged" for theirs, ours in GLRLM.items()},
    **{f"3GLSZM_{theirs}": f"glszm/{ours}/3d" for theirs, ours in GLSZM.items()},
    **{f"3NGTDM_{theirs}": f"ngtdm/{ours}/3d" for theirs, ours in NGTDM.items()},
    **{f"3GLDM_{theirs}": f"ngldm/{ours}/3d" for theirs, ours in GLDM.items()},
}


def featurize(files: list[list[str]]) -> Any:
    """Return the table of pairs of image and mask."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    made = Nyxus3D(GROUPS, n_feature_calc_threads=threads)
    for family in ("glcm", "glrlm", "glszm", "ngtdm", "gldm"):
        # Negative: so many bins of equal width, as IBSI's; positive: rounded to so many values.
        made.set_metaparam(f"3{family}/greydepth={-BINS}")
    images, masks = zip(*files, strict=True)
    return made.featurize_files(list(images), list(masks), single_roi=False)


def values(row: Any) -> dict[str, dict[str, float]]:
    """Return values by image and the catalogue's name."""
    return {"original": {ours: float(row[theirs]) for theirs, ours in CATALOGUE.items()}}


def fresh(case: dict[str, Any], path: Path) -> None:
    """Do a case from files to CSV and print the peak memory in KiB."""
    files = case.get("files") or [[case["image"], case["mask"]]]
    featurize(files).to_csv(path, index=False)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(json.dumps({"peak_kib": int(status.split("VmHWM:")[1].split()[0])}))


def main() -> None:
    """Serve requests until the input ends."""
    if len(sys.argv) == 3:
        fresh(json.loads(sys.argv[1]), Path(sys.argv[2]))
        return
    case: dict[str, Any] = {}

    def answer(**found: object) -> None:
        print(json.dumps(found), flush=True)

    answer(version=version("nyxus"), one_thread=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "folder" in request:
            answer(families=[])
        elif "cohort" in request:
            cohort = request["cohort"]
            start = time.perf_counter()
            table = featurize(cohort["files"])
            table.to_csv(cohort["output"], index=False)
            seconds = time.perf_counter() - start
            answer(seconds=seconds, values=[values(row) for _, row in table.iterrows()], bins=BINS)
        elif "case" in request:
            case = request["case"]
            if case["set"] == "full" or case["spacing"] or case["log"] or not case["width"]:
                answer(cannot="it has no such resampling, filters or features")
                continue
            answer(
                values=values(featurize([[case["image"], case["mask"]]]).iloc[0]),
                bins=BINS, untimed="it reads files in each call",
            )  # fmt: skip
        else:
            start = time.perf_counter()
            featurize([[case["image"], case["mask"]]])
            answer(seconds=time.perf_counter() - start)


if __name__ == "__main__":
    main()
