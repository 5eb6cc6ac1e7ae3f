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
from many import Kept, Workers
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


MADE: list[RadiomicsFeatureExtractor] = []


def extracted(files: list[str]) -> dict[str, Any]:
    """Return the row of an image and a mask, by the extractor made last."""
    return dict(MADE[-1].execute(*files))


def quiet() -> None:
    """Begin in a process."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


def workers(cohort: dict[str, Any]) -> Workers:
    """Return processes with the extractor; forked, so that nothing is imported again."""
    MADE.append(extractor(cohort["case"]))
    return Workers(cohort["workers"], extracted, "fork", quiet)


def tabled(cohort: dict[str, Any], by: Workers) -> list[dict[str, Any]]:
    """Do a cohort from files to CSV; return its rows."""
    rows = by.of(cohort["files"])
    with Path(cohort["output"]).open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return rows


def fresh(case: dict[str, Any], path: Path) -> None:
    """Do a case from files to CSV and print the peak memory in KiB."""
    if "files" in case:
        by = workers(case)
        tabled(case, by)
        by.close()
        return
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
    kept = Kept(workers)

    def answer(**found: object) -> None:
        print(json.dumps(found), flush=True)

    answer(version=radiomics.__version__, one_thread=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "folder" in request:
            answer(families=[])
        elif "cohort" in request:
            by = kept.of(request["cohort"])
            start = time.perf_counter()
            rows = tabled(request["cohort"], by)
            answer(seconds=time.perf_counter() - start, values=[values(row) for row in rows])
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
    kept.close()


if __name__ == "__main__":
    main()
