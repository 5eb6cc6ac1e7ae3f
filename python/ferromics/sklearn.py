"""Radiomics features as a step of a scikit-learn pipeline (needs ``ferromics[sklearn]``).

>>> import ferromics as fm
>>> from ferromics.sklearn import RadiomicsFeatures
>>> image, mask, spacing = fm.phantom()
>>> cases = [{"image": image, "mask": mask, "spacing": spacing}]
>>> step = RadiomicsFeatures(settings="ibsi:phantom", features="original_stat_m*")
>>> step.fit_transform(cases).round(2)
array([[2.15, 1.  , 1.  , 6.  ]])
>>> step.get_feature_names_out()[:2].tolist()
['original_stat_mean_intensity', 'original_stat_median_intensity']
"""

from __future__ import annotations

import difflib
import multiprocessing
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ferromics import _core
from ferromics._sklearn_rows import Row, at_row, is_table, read_rows
from ferromics.cohort.run import extract_many
from ferromics.errors import InputError
from ferromics.extractor import plan
from ferromics.settings import AnySettings, Settings

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError:
    msg = "ferromics.sklearn needs scikit-learn: pip install 'ferromics[sklearn]'"
    raise ImportError(msg) from None

if TYPE_CHECKING:
    from typing_extensions import Self

    from ferromics.cohort.cases import Case

__all__ = ["RadiomicsFeatures"]

SHOWN_FAILURES: Final = 3
"""How many failed rows a warning names."""


class RadiomicsFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transformer from images and masks to radiomics features, one region a row.

    Each row is computed from its own image and mask alone: nothing is learned from the others, so
    features that are computed once, outside a cross-validation, are those computed inside it.

    Parameters
    ----------
    settings
        As for :func:`ferromics.extract`: a :class:`~ferromics.Settings` object, a dict, a file or
        the name of a preset. Read when the transformer is fitted.
    features
        Which of the settings' columns to keep: a name or a pattern such as
        ``"original_glcm_*"``, or a list of these; by default all. Columns stay in catalogue order.
    jobs
        How many cores to use; by default ``FERROMICS_NUM_THREADS``, else ``OMP_NUM_THREADS``,
        which joblib and dask set in their worker processes, else all. Values do not depend on it.
    on_error
        What a row does that cannot be computed: ``"raise"`` an error that names it, or be
        ``"nan"`` throughout, with a warning.
    base
        Folder that relative paths in X start from; by default the working directory.

    Attributes
    ----------
    settings_ : Settings
        The settings that are computed with.
    feature_names_out_ : ndarray of str objects
        Names of the features.
    n_features_in_ : int
        Number of columns of X, where fitted to a data frame.
    feature_names_in_ : ndarray of str objects
        Names of the columns of X, where fitted to a data frame.

    Notes
    -----
    X is a data frame (pandas or polars) with the columns ``image`` and ``mask``, or a list of
    ``(image, mask)`` pairs, of dicts or of ``ferromics.Case`` objects. Columns or keys ``label``,
    ``mask_threshold`` and ``spacing`` (of image arrays, mm) are as for :func:`ferromics.extract`;
    ``case`` and ``roi`` name the row in messages; other columns are left alone.

    An undefined feature is NaN; let an imputer follow.

    Examples
    --------
    >>> import ferromics as fm
    >>> from ferromics.sklearn import RadiomicsFeatures
    >>> image, mask, spacing = fm.phantom()
    >>> rows = [{"image": image * k, "mask": mask, "spacing": spacing} for k in (1, 2)]
    >>> step = RadiomicsFeatures(features=["original_stat_mean_intensity"])
    >>> step.set_output(transform="pandas").fit_transform(rows).round(1)
       original_stat_mean_intensity
    0                           2.1
    1                           4.3
    """

    def __init__(
        self,
        settings: AnySettings = None,
        *,
        features: str | Sequence[str] | None = None,
        jobs: int | None = None,
        on_error: str = "raise",
        base: str | os.PathLike[str] | None = None,
    ) -> None:
        self.settings = settings
        self.features = features
        self.jobs = jobs
        self.on_error = on_error
        self.base = base

    def fit(self, X: Any, y: Any = None) -> Self:
        """Read the settings and check what X names; no image is read.

        Parameters
        ----------
        X
            Cases, see the notes of the class.
        y
            Not used.

        Raises
        ------
        InputError
            If X or a parameter cannot be used.
        SettingsError
            If the settings are not allowed.
        """
        _cores(self.jobs)
        if self.on_error not in ("raise", "nan"):
            msg = f"on_error must be 'raise' or 'nan', got {self.on_error!r}"
            raise InputError(msg)
        settings = Settings.of(self.settings)
        names = _selected(list(plan(settings).index), self.features)
        self._rows(X)
        for note in settings.notes():
            warnings.warn(note, UserWarning, stacklevel=2)
        self.settings_ = settings
        self.feature_names_out_ = np.array(names, dtype=object)
        self._remember_columns(X)
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Compute the features of the cases.

        Parameters
        ----------
        X
            Cases, see the notes of the class.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            In the order of X and of ``feature_names_out_``; a data frame where ``set_output``
            asks for one, with the index of X.

        Raises
        ------
        InputError
            If X cannot be used or, with ``on_error="raise"``, a row cannot be computed.
        """
        check_is_fitted(self)
        rows = self._rows(X)
        ready = [k for k, row in enumerate(rows) if row.case is not None]
        failed = {k: row.error for k, row in enumerate(rows) if row.case is None}
        index = plan(self.settings_).index
        columns = [index[name] for name in self.feature_names_out_]
        out = np.full((len(rows), len(columns)), np.nan)
        cases = [row.case for row in rows if row.case is not None]
        for k, values, error in _values(cases, self.settings_, _cores(self.jobs)):
            row = ready[k]
            if values is not None:
                out[row] = values[columns]
            elif self.on_error == "nan":
                failed[row] = error
            else:
                raise InputError(at_row(rows[row].name, error))
        if failed:
            told = [at_row(rows[k].name, failed[k]) for k in sorted(failed)]
            warnings.warn(_summary(told, len(rows)), UserWarning, stacklevel=2)
        return out

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Names of the features, as the columns of :func:`ferromics.extract`.

        Parameters
        ----------
        input_features
            Names of the columns of X; they do not change the features' names.

        Raises
        ------
        ValueError
            If these are not the columns that the transformer was fitted to.
        """
        check_is_fitted(self)
        if input_features is not None:
            self._check_columns(np.asarray(input_features, dtype=object))
        return self.feature_names_out_.copy()

    def __sklearn_tags__(self) -> Any:
        """X names images: it is not an array of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.input_tags.dict = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _rows(self, x: Any) -> list[Row]:
        if self.base is not None and not isinstance(self.base, str | os.PathLike):
            msg = f"base must be the path of a folder, got {self.base!r}"
            raise InputError(msg)
        return read_rows(x, self.base, tolerant=self.on_error == "nan")

    def _remember_columns(self, x: Any) -> None:
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if is_table(x):
            columns = list(x.columns)
            self.n_features_in_ = len(columns)
            if all(isinstance(c, str) for c in columns):
                self.feature_names_in_ = np.array(columns, dtype=object)

    def _check_columns(self, names: NDArray[np.object_]) -> None:
        seen = getattr(self, "feature_names_in_", None)
        if seen is not None and not np.array_equal(seen, names):
            msg = "input_features is not equal to feature_names_in_"
            raise ValueError(msg)
        count = getattr(self, "n_features_in_", len(names))
        if len(names) != count:
            msg = (
                "input_features should have length equal to number of features "
                f"({count}), got {len(names)}"
            )
            raise ValueError(msg)


def _values(
    cases: Sequence[Case], settings: Settings, cores: int | None
) -> Iterator[tuple[int, NDArray[np.float64] | None, str]]:
    """Place of a case, its values or ``None``, and why there are none; in any order."""
    for outcome in extract_many(cases, settings, threads=cores):
        (region,) = outcome.regions
        if region.failure is not None:
            yield outcome.index, None, region.failure.message
        elif region.result is not None:
            yield outcome.index, region.result.values_array, ""


def _selected(columns: list[str], wanted: str | Sequence[str] | None) -> list[str]:
    if wanted is None:
        return columns
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    if not patterns:
        msg = "features is empty; name columns, or leave it out for all"
        raise InputError(msg)
    keep: set[str] = set()
    for pattern in patterns:
        if not isinstance(pattern, str):
            msg = f"features must be names or patterns of columns, got {pattern!r}"
            raise InputError(msg)
        found = {column for column in columns if fnmatchcase(column, pattern)}
        if not found:
            families = dict.fromkeys("_".join(c.split("_")[:2]) + "_*" for c in columns)
            near = difflib.get_close_matches(pattern, [*families, *columns], n=1, cutoff=0.5)
            fix = f"did you mean {near[0]!r}?" if near else f"they are as {columns[0]!r}"
            msg = f"features: the settings give no column {pattern!r}; {fix}"
            raise InputError(msg)
        keep |= found
    return [column for column in columns if column in keep]


def _cores(jobs: Any) -> int | None:
    """Number of threads; ``None`` leaves it to the core."""
    if jobs is not None:
        if isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or jobs < 1:
            msg = f"jobs must be 1 or more, or None for all cores, got {jobs!r}"
            raise InputError(msg)
        return int(jobs)
    if os.environ.get("FERROMICS_NUM_THREADS"):
        return None
    limit = re.match(r"\s*([1-9]\d*)", os.environ.get("OMP_NUM_THREADS", ""))
    if limit is None:
        # A worker of a multiprocessing pool, which has others beside it, is told no limit.
        return 1 if multiprocessing.current_process().daemon else None
    return min(int(limit[1]), int(_core.build_info()["threads"]))


def _summary(failures: list[str], rows: int) -> str:
    shown = "; ".join(failures[:SHOWN_FAILURES])
    hidden = len(failures) - SHOWN_FAILURES
    more = f"; and {hidden} more" if hidden > 0 else ""
    return f"{len(failures)} of {rows} rows could not be computed and are NaN: {shown}{more}"
