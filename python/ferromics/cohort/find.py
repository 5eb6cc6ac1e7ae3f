"""Where a cohort comes from: a table of cases, a folder with patterns, or the layout of BIDS."""

from __future__ import annotations

import os
from pathlib import Path

from ferromics.cohort.cases import Cohort
from ferromics.errors import InputError
from ferromics.regions import Labels


def find_cases(
    source: str | os.PathLike[str],
    *,
    pattern: str | None = None,
    mask_pattern: str | None = None,
    modality: str | None = None,
    label: Labels = None,
    mask_threshold: float | None = None,
) -> Cohort:
    """Find the cases that a table or a folder names.

    Parameters
    ----------
    source
        A table of cases (``.csv``, ``.tsv``, ``.json``, ``.parquet``), one row a mask; or a folder.
    pattern
        For a folder: how its files are named, as ``"{case}/{modality}.nii.gz"``. By default a
        folder with ``dataset_description.json`` is read as BIDS, and another one as
        ``"{case}/{modality}"`` with any image suffix.
    mask_pattern
        How its masks are named, as ``"{case}/masks/{roi}.nii.gz"``. By default those files are
        masks whose name has a word such as mask, seg, label or gtv.
    modality
        For a folder: take only the images whose ``{modality}`` (in BIDS, suffix) is this.
    label, mask_threshold
        As for :func:`ferromics.extract`, where the table does not say.

    Returns
    -------
    Cohort
        Cases in the order of the table's rows, or in natural order of their names.

    Raises
    ------
    FileNotFoundError
        If there is neither such a file nor such a folder.
    InputError
        If no case is found, or the table cannot be understood.
    SettingsError
        If a row's settings are not allowed.

    Examples
    --------
    >>> import tempfile
    >>> from ferromics.cohort.find import find_cases
    >>> folder = Path(tempfile.mkdtemp())
    >>> for case in ("P1", "P2"):
    ...     (folder / case).mkdir()
    ...     for name in ("ct.nii.gz", "gtv.nii.gz"):
    ...         (folder / case / name).touch()
    >>> [(case.name, case.masks[0].roi) for case in find_cases(folder).cases]
    [('P1', 'gtv'), ('P2', 'gtv')]
    """
    path = Path(source).expanduser()
    if label is not None and mask_threshold is not None:
        msg = "label= and mask_threshold= exclude each other: a threshold leaves one region"
        raise InputError(msg)
    if not path.exists():
        msg = f"no file or folder {path}; give a table of cases (.csv, .tsv, .parquet) or a folder"
        raise FileNotFoundError(msg)
    if path.is_dir():
        folder = Path(os.path.normpath(path.absolute()))
        return _in_folder(folder, pattern, mask_pattern, modality, label, mask_threshold)
    for name, value in (
        ("pattern", pattern),
        ("mask_pattern", mask_pattern),
        ("modality", modality),
    ):
        if value is not None:
            msg = f"{name}= (--{name.replace('_', '-')}) is for a folder; {path} is a table"
            raise InputError(msg)
    from ferromics.cohort.case_tables import read_cases
    from ferromics.cohort.patterns import IMAGE_SUFFIXES

    if path.name.lower().endswith(IMAGE_SUFFIXES):
        msg = (
            f"{path} is an image; give a table of cases (.csv, .tsv, .parquet) or a folder, or run "
            "ferromics extract IMAGE MASK"
        )
        raise InputError(msg)
    return read_cases(path, label=label, mask_threshold=mask_threshold)


def _in_folder(
    folder: Path,
    pattern: str | None,
    mask_pattern: str | None,
    modality: str | None,
    label: Labels,
    mask_threshold: float | None,
) -> Cohort:
    from ferromics.cohort import bids, folders

    if pattern is None and mask_pattern is None and bids.is_bids(folder):
        return bids.find_in_bids(
            folder, modality=modality, label=label, mask_threshold=mask_threshold
        )
    return folders.find_by_pattern(
        folder,
        pattern,
        mask_pattern,
        modality=modality,
        label=label,
        mask_threshold=mask_threshold,
    )
