"""Times PyRadiomics in its own interpreter; bench/README.md has the requests and the answers."""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import radiomics
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

CLASSES = ("firstorder", "shape", "glcm", "glrlm", "glszm", "ngtdm", "gldm")
BINS = 32


def extractor(case: dict[str, Any]) -> RadiomicsFeatureExtractor:
    """Return an extractor with the settings of the case; directions merged into one matrix."""
    by_number = {"binCount": BINS}
    settings: dict[str, Any] = {"binWidth": case["width"]} if case["width"] else by_number
    settings |= {"weightingNorm": "no_weighting", "additionalInfo": False}
    if case["spacing"]:
        settings |= {"resampledPixelSpacing": [case["spacing"]] * 3, "interpolator": "sitkLinear"}
    made = RadiomicsFeatureExtractor(**settings)
    made.disableAllFeatures()
    for name in CLASSES:
        made.enableFeatureClassByName(name)
    if case["wavelet"]:
        own = {"wavelet": case["wavelet"], **by_number}
        made.enableImageTypeByName("Wavelet", customArgs=own)
    if case["log"]:
        made.enableImageTypeByName("LoG", customArgs={"sigma": case["log"], **by_number})
    return made


def values(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return values by image and name."""
    found: dict[str, dict[str, float]] = {}
    for name, value in result.items():
        image = name.partition("_")[0]
        if image != "diagnostics":
            found.setdefault(image, {})[name] = float(value.real)
    return found


def fresh(case: dict[str, Any], path: Path) -> None:
    """Do a case from files to CSV and print the peak memory in KiB."""
    result = extractor(case).execute(case["image"], case["mask"])
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(result), list(result.values())])
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(json.dumps({"peak_kib": int(status.split("VmHWM:")[1].split()[0])}))


def main() -> None:
    """Serve requests until the input ends."""
    logging.getLogger("radiomics").setLevel(logging.ERROR)
    threads = int(os.environ.get("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1"))
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    if len(sys.argv) == 3:
        fresh(json.loads(sys.argv[1]), Path(sys.argv[2]))
        return
    made = image = mask = None

    def answer(**found: object) -> None:
        print(json.dumps(found), flush=True)

    answer(version=radiomics.__version__, one_thread=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "folder" in request:
            answer(families=[])
        elif "case" in request and request["case"]["set"] == "full":
            answer(cannot="it has not the full IBSI 1 set")
        elif "case" in request:
            case = request["case"]
            made = extractor(case)
            image, mask = sitk.ReadImage(case["image"]), sitk.ReadImage(case["mask"])
            answer(values=values(made.execute(image, mask)))
        else:
            start = time.perf_counter()
            made.execute(image, mask)
            answer(seconds=time.perf_counter() - start)


if __name__ == "__main__":
    main()
