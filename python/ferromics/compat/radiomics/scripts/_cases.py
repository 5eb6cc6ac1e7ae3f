"""Cases of the command line: read from a CSV file, checked, run."""

from __future__ import annotations

import csv
import io
import logging
import os
import time
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import SimpleITK as sitk

from ferromics.compat import radiomics
from ferromics.compat.radiomics import _schema

logger = logging.getLogger("radiomics.script")

Case: TypeAlias = dict[str, Any]
"""Columns of the input, then diagnostics and features."""


class Job(NamedTuple):
    """One case and what to do with it; numbers are from 1."""

    number: int
    case: Case
    extractor: Any
    voxel: bool
    out_dir: str | None
    unix_path: bool


def read(source: str, mask: str | None) -> list[Case] | None:
    """Return the cases of a CSV file, or the one of image and mask; None if there is no input."""
    if not source.endswith(".csv"):
        if mask is not None:
            return [{"Image": source, "Mask": mask}]
        logger.error("Input is not recognized as batch, no mask specified, cannot compute result!")
        return None
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{source} is no text in UTF-8: {error}"
        raise ValueError(msg) from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    for column in ("Image", "Mask"):
        if column not in (rows.fieldnames or ()):
            told = 'Required column "%s" not present in input, unable to extract features...'
            logger.error(told, column)
            return None
    folder = Path(source).parent
    out = []
    for number, row in enumerate(rows, start=2):
        if not row["Image"] or not row["Mask"]:
            logger.warning("Batch L%d: Missing required Image or Mask, skipping...", number)
            continue
        for column in ("Image", "Mask"):
            row[column] = os.path.abspath(folder / row[column])  # noqa: PTH100 - keeps links
        out.append(dict(row))
    return out


def validate(cases: list[Case], parameters: str | None) -> None:
    """Log what is wrong with parameters and paths; raise if the parameter file is unreadable."""
    if parameters is not None and not Path(parameters).is_file():
        logger.error("Path for specified parameter file does not exist! %s", parameters)
    elif parameters is not None:
        given = _schema.read(parameters)  # what cannot be read ends the command
        try:
            _schema.check(given, radiomics.getImageTypes())
        except (ValueError, TypeError) as error:
            logger.error("Parameter validation failed! %s", error)
    bad = 0
    for number, case in enumerate(cases, start=1):
        missing = [column for column in ("Image", "Mask") if not Path(case[column]).is_file()]
        for column in missing:
            told = "%s path for case (%i/%i) does not exist!"
            logger.error(told, column, number, len(cases))
        bad += bool(missing)
    logger.info("Validation complete, errors found in %i case(s)", bad)


def run(job: Job) -> Case:
    """Return the case with its features; without them, and an error in the log, if it fails."""
    kept = None
    if job.out_dir is not None and not job.voxel:
        kept = Path(job.out_dir) / f"features_{job.number}.csv"
        if kept.is_file():
            logger.info("Patient %s already processed, reading results...", job.number)
            with kept.open(newline="", encoding="utf-8") as file:
                return next(iter(csv.DictReader(file)))
    out = dict(job.case)
    started = time.monotonic()
    try:
        logger.info("Processing case %s", job.number)
        label, channel = (_whole(job.case.get(column)) for column in ("Label", "Label_channel"))
        found = job.extractor.execute(
            job.case["Image"], job.case["Mask"], label, channel, voxelBased=job.voxel
        )
        out.update(_with_maps_written(found, job) if job.voxel else found)
        logger.info("Case %s processed in %.1f s", job.number, time.monotonic() - started)
    except SystemError as error:  # what Ctrl-C becomes within SimpleITK
        raise KeyboardInterrupt from error
    except Exception as error:
        # What the user can mend is one line; where something else happened is worth knowing.
        foreseen = isinstance(error, ValueError | OSError)
        logger.error("Feature extraction failed! : %s", error, exc_info=not foreseen)
        return out
    if kept is not None:
        part = kept.with_suffix(".csv.part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(out), lineterminator="\n")
            writer.writeheader()
            writer.writerow(out)
        part.replace(kept)
    return out


def _whole(text: Any) -> int | None:
    """Return the whole number of a cell, which a spreadsheet may write as 1.0; empty is none."""
    if text in (None, ""):
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not number.is_integer():
        msg = f"Label and Label_channel must be whole numbers, got {text!r}"
        raise ValueError(msg)
    return int(number)


def _with_maps_written(found: dict[str, Any], job: Job) -> dict[str, Any]:
    """Return the results with paths in the place of maps, which are written."""
    out = {}
    for name, value in found.items():
        if isinstance(value, sitk.Image):
            target = os.path.join(job.out_dir or ".", f"Case-{job.number}_{name}.nrrd")  # noqa: PTH118
            sitk.WriteImage(value, target, True)
            out[name] = target.replace(os.path.sep, "/") if job.unix_path else target
        else:
            out[name] = value
    return out
