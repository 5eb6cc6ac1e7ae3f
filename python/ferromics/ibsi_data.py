"""IBSI's images and maps: where they are on this machine, where they come from, their licences.

The one place that knows the layout: a folder with one sub-folder a data set, as in
github.com/theibsi/data_sets (a clone of it will do). ``reference/ibsi_data.json`` lists each file
with its commit, size and SHA-256. Nothing of it is in the package: the CT phantom is not for
commercial use.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ferromics.errors import DownloadError, InputError

FOLDER_VARIABLE: Final = "FERROMICS_IBSI_DATA"
"""Environment variable: the folder with the data sets."""

MIRROR_VARIABLE: Final = "FERROMICS_IBSI_MIRROR"
"""Environment variable: a server with GitHub's layout, OWNER/REPOSITORY/COMMIT/PATH."""

SERVER: Final = "https://raw.githubusercontent.com"
TIMEOUT_S: Final = 30
CT_PHANTOM: Final = "ibsi_1_ct_radiomics_phantom"
DIGITAL_PHANTOMS: Final = "ibsi_2_digital_phantom"
RESPONSE_MAPS: Final = "ibsi_2_reference_response_maps"

HOW_TO_GET_IT: Final = (
    "run `ferromics ibsi --download`, or clone https://github.com/theibsi/data_sets and name the "
    f"clone with --data or {FOLDER_VARIABLE}"
)
HOW_TO_GET_MAPS: Final = (
    "run `ferromics ibsi --download`, or copy the maps of "
    f"https://github.com/theibsi/ibsi_2_reference_data into the folder {RESPONSE_MAPS} of the data"
)


@dataclass(frozen=True)
class File:
    """A published file: its path in the data set's folder and in the repository."""

    path: str
    source: str
    size: int
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """A folder of published files under one licence."""

    name: str
    title: str
    repository: str
    commit: str
    licence: str
    licence_url: str
    credit: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@functools.cache
def data_sets() -> tuple[DataSet, ...]:
    """Everything that can be downloaded, as published at pinned commits.

    Examples
    --------
    >>> from ferromics.ibsi_data import data_sets
    >>> [(s.name, s.licence) for s in data_sets()][1]
    ('ibsi_1_ct_radiomics_phantom', 'CC BY-NC 3.0')
    """
    text = (resources.files("ferromics") / "reference" / "ibsi_data.json").read_text("utf-8")
    return tuple(
        DataSet(**{**entry, "files": tuple(File(**file) for file in entry["files"])})
        for entry in json.loads(text)
    )


def data_set(name: str) -> DataSet:
    """One data set by its name."""
    return next(entry for entry in data_sets() if entry.name == name)


def how_to_get(name: str) -> str:
    """How the user comes by a data set."""
    return HOW_TO_GET_MAPS if name == RESPONSE_MAPS else HOW_TO_GET_IT


def cache_folder() -> Path:
    """Where downloads go: in the user's cache folder."""
    import pooch

    return Path(pooch.os_cache("ferromics")).expanduser() / "ibsi"


def find(
    named: Path | None = None,
    *,
    beside: Path | None = None,
    sets: Iterable[str] = (CT_PHANTOM,),
) -> Path | None:
    """The folder with the data sets, or ``None`` where there is none.

    Parameters
    ----------
    named
        A folder that the user names; else ``FERROMICS_IBSI_DATA``, else the download cache.
    beside
        A last place to look.
    sets
        Data sets of which the folder has to hold one.

    Raises
    ------
    InputError
        If a folder is named that holds none of them.
    """
    wanted = tuple(sets)
    source, folder = _named(named)
    if folder is not None:
        if not any(holds(folder, name) for name in wanted):
            first = next(p for p in _images(wanted[0]) if not (folder / p).is_file())
            why = f"no {first}" if folder.is_dir() else "no such folder"
            msg = f"{source} {folder} does not hold IBSI's data: {why}; {HOW_TO_GET_IT}"
            raise InputError(msg)
        return folder
    places = [cache_folder(), *([beside] if beside else [])]
    return next((p for p in places if any(holds(p, name) for name in wanted)), None)


def holds(folder: Path, name: str) -> bool:
    """Whether all images of a data set are in the folder, or any of the response maps."""
    if name == RESPONSE_MAPS:
        return any((folder / name).glob("*-ValidCRM.nii*"))
    return all((folder / path).is_file() for path in _images(name))


def _images(name: str) -> list[Path]:
    """Paths of a data set's images in the folder with the data sets."""
    return [Path(name, file.path) for file in data_set(name).files if ".nii" in file.path]


def download_folder(named: Path | None = None) -> Path:
    """Where :func:`find` will look first, and so where downloads belong."""
    _, folder = _named(named)
    return cache_folder() if folder is None else folder


def ct_phantom(folder: Path) -> tuple[Path, Path]:
    """Image and mask of the CT phantom in a folder with the data sets."""
    nifti = folder / CT_PHANTOM / "nifti"
    return nifti / "image" / "phantom.nii.gz", nifti / "mask" / "mask.nii.gz"


def digital_phantom(folder: Path, name: str) -> Path:
    """The image of one of IBSI 2's digital phantoms, as ``checkerboard``."""
    return folder / DIGITAL_PHANTOMS / "nifti" / name / "image" / f"{name}.nii.gz"


def response_map(folder: Path, test: str) -> Path:
    """IBSI 2's reference response map of a test, as ``3.a.1``; ``.nii``, or ``.nii.gz`` if so."""
    path = folder / RESPONSE_MAPS / f"{test.replace('.', '_')}-ValidCRM.nii"
    return next(iter(_stored(path)), path)


def differing(folder: Path, name: str, only: Path | None = None) -> list[Path]:
    """Files of a data set in the folder that are not as published (missing ones left out).

    A file that has been packed (``.nii.gz`` for ``.nii``) is compared as it unpacks. ``only`` one
    file is looked at if it is named.
    """
    return [
        path
        for file in data_set(name).files
        for path in _stored(folder / name / file.path)
        if only in (None, path)
        and _sha256(path, packed=path.name != Path(file.path).name) != file.sha256
    ]


def _stored(path: Path) -> list[Path]:
    """The file, else its packed form, else nothing."""
    forms = (path, path.with_name(f"{path.name}.gz"))
    return [form for form in forms if form.is_file()][:1]


def _sha256(path: Path, *, packed: bool) -> str:
    stored = path.read_bytes()
    try:
        content = gzip.decompress(stored) if packed else stored
    except (OSError, EOFError, zlib.error):
        content = b""  # no file as published is empty
    return hashlib.sha256(content).hexdigest()


def download(
    folder: Path,
    sets: Iterable[DataSet],
    *,
    mirror: str | None = None,
    tell: Callable[[int], None] = lambda size: None,
) -> None:
    """Fetch what is missing; files that are there as published stay as they are.

    A file comes under its name only when it is complete and its SHA-256 is the published one; a
    transfer that breaks is tried once more.

    Parameters
    ----------
    folder
        Where the data sets go; made if it is not there.
    sets
        Which of :func:`data_sets`.
    mirror
        A server with GitHub's layout; by default ``FERROMICS_IBSI_MIRROR``, else GitHub.
    tell
        Called after each file with its size in bytes.

    Raises
    ------
    DownloadError
        If a file could not be fetched, or is not the published one.
    """
    import pooch

    base = (mirror or os.environ.get(MIRROR_VARIABLE) or SERVER).rstrip("/")
    files = {f"{entry.name}/{file.path}": (entry, file) for entry in sets for file in entry.files}
    fetcher = pooch.create(
        path=folder,
        base_url="",
        registry={path: f"sha256:{file.sha256}" for path, (_, file) in files.items()},
        urls={
            path: f"{base}/{entry.repository}/{entry.commit}/{file.source}"
            for path, (entry, file) in files.items()
        },
        retry_if_failed=1,
    )
    http = pooch.HTTPDownloader(timeout=TIMEOUT_S, chunk_size=1 << 16)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("CRITICAL")  # we say what matters ourselves
    try:
        for path, (_, file) in files.items():
            _fetch(fetcher, path, http)
            tell(file.size)
    finally:
        logger.setLevel(level)


def _fetch(fetcher: Any, path: str, downloader: Any) -> None:
    from requests import exceptions as http

    url = fetcher.get_url(path)
    try:
        fetcher.fetch(path, downloader=downloader)
    except http.HTTPError as error:
        msg = f"{url}: the server answers {error.response.status_code} {error.response.reason}"
        raise DownloadError(msg) from None
    except http.ChunkedEncodingError:
        msg = (
            f"the transfer of {url} broke off, twice; run the same command again: it fetches only "
            "what is missing"
        )
        raise DownloadError(msg) from None
    except http.RequestException as error:
        msg = (
            f"cannot reach {urlsplit(url).netloc} ({_reason(error)}); without a network, bring a "
            "clone of https://github.com/theibsi/data_sets here and name it with --data or "
            f"{FOLDER_VARIABLE}"
        )
        raise DownloadError(msg) from None
    except ValueError as error:
        if "hash" not in str(error):
            raise
        msg = f"{url} is not the published file (its SHA-256 differs); it was not kept"
        raise DownloadError(msg) from None


def _named(named: Path | None) -> tuple[str, Path | None]:
    """The folder that the user names, and by what."""
    if named is not None:
        return "--data", named
    text = os.environ.get(FOLDER_VARIABLE)
    return FOLDER_VARIABLE, Path(text).expanduser() if text else None


def _reason(error: Exception) -> str:
    """What lies at the bottom of an error of requests, in a few words."""
    text = str(error)
    for mark, words in (
        ("refused", "connection refused"),
        ("resolve", "its name is not known: no network?"),
        ("timed out", f"no answer in {TIMEOUT_S} s"),
        ("CERTIFICATE", "its certificate is not trusted"),
        ("Proxy", "the proxy does not let it through"),
    ):
        if mark in text:
            return words
    return type(error).__name__
