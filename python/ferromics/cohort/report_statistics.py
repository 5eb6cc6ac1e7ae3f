"""What the report computes of a cohort's features: summaries, outliers, correlation clusters.

Values are matrices of shape (regions, features), NaN where undefined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME: Final = 1e-9
"""Values that differ by no more than this share of their size count as equal."""

NORMAL: Final = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal distribution."""

FEWEST_JUDGED: Final = 8
"""Regions are judged among at least so many."""

FEWEST_CORRELATED: Final = 5
MOST_CLUSTERED: Final = 4000
DEFINED_SHARE: Final = 0.9
"""Features that are undefined in more regions than this leaves are not correlated."""

CLOSE: Final = 0.9


@dataclass(frozen=True)
class Summary:
    """Of each feature: how many values are defined, and where they lie (NaN where none is)."""

    defined: NDArray[np.int64]
    low: Floats
    median: Floats
    high: Floats
    deviation: Floats
    constant: NDArray[np.bool_]


def summarise(values: Floats) -> Summary:
    """Summarise each column; ``deviation`` is the median absolute one, times :data:`NORMAL`.

    Examples
    --------
    >>> import numpy as np
    >>> from ferromics.cohort.report_statistics import summarise
    >>> found = summarise(np.array([[1.0, 3.0], [2.0, 3.0], [6.0, np.nan]]))
    >>> found.median.tolist(), found.defined.tolist(), found.constant.tolist()
    ([2.0, 3.0], [3, 2], [False, True])
    """
    n = values.shape[1]
    defined = np.isfinite(values).sum(axis=0)
    some = np.flatnonzero(defined)
    low, median, high, deviation = np.full((4, n), np.nan)
    if some.size:
        chosen = values[:, some]
        low[some], high[some] = np.nanmin(chosen, axis=0), np.nanmax(chosen, axis=0)
        median[some] = np.nanmedian(chosen, axis=0)
        deviation[some] = NORMAL * np.nanmedian(np.abs(chosen - median[some]), axis=0)
    size = np.fmax(np.abs(low), np.abs(high))
    constant = (defined > 0) & ((high - low) <= SAME * size)
    return Summary(defined, low, median, high, deviation, constant)


@dataclass(frozen=True)
class Outliers:
    """How far each value lies from its feature's median.

    Attributes
    ----------
    z
        Distance in robust standard deviations, of shape (regions, features); NaN where a value is
        undefined or not judged.
    limit
        Values further out are outlying.
    groups
        Names and sizes of the groups of regions that were judged among themselves; the name is
        empty for regions whose names are too rare for a group of their own.
    alone
        How many regions were not judged: too few, all names together.
    """

    z: NDArray[np.float32]
    limit: float
    groups: tuple[tuple[str, int], ...]
    alone: int

    @property
    def outlying(self) -> NDArray[np.bool_]:
        """Whether each value is outlying."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.z) > self.limit)

    @property
    def judged(self) -> NDArray[np.int64]:
        """How many values of each region were judged."""
        return np.asarray(np.isfinite(self.z).sum(axis=1))

    @property
    def share(self) -> Floats:
        """Share of each region's judged values that are outlying."""
        return np.asarray(self.outlying.sum(axis=1) / np.maximum(self.judged, 1))


def find_outliers(values: Floats, names: Sequence[str], limit: float) -> Outliers:
    """Robust z of each value, among regions of the same name where there are enough of them.

    A feature of which more than half of the values are equal is not judged.

    Examples
    --------
    >>> import numpy as np
    >>> from ferromics.cohort.report_statistics import find_outliers
    >>> values = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 99]], float).T
    >>> found = find_outliers(values, ["gtv"] * 9, 3.5)
    >>> np.flatnonzero(found.outlying[:, 0]).tolist(), found.groups
    ([8], (('gtv', 9),))
    """
    z = np.full(values.shape, np.nan, np.float32)
    members: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        members.setdefault(name, []).append(k)
    groups = {name: rows for name, rows in members.items() if len(rows) >= FEWEST_JUDGED}
    if rest := [k for name, rows in members.items() if name not in groups for k in rows]:
        groups[""] = rest
    judged = {name: rows for name, rows in groups.items() if len(rows) >= FEWEST_JUDGED}
    for rows in judged.values():
        part = values[rows]
        found = summarise(part)
        usable = (found.deviation > SAME * np.abs(found.median)) & (found.defined >= FEWEST_JUDGED)
        scale = np.where(usable, found.deviation, np.nan)
        z[rows] = (part - found.median) / scale
    sizes = tuple((name, len(rows)) for name, rows in judged.items())
    return Outliers(z, limit, sizes, len(values) - sum(n for _, n in sizes))


@dataclass(frozen=True)
class Clusters:
    """Features in the order of their dendrogram, and those that go together.

    Attributes
    ----------
    order
        Indices of the features that were clustered, in the order of the leaves.
    rho
        Spearman's rho between them, in that order.
    groups
        The clusters, in that order; each holds indices of features, its representative first.
    left_out
        Counts of features that were not clustered, by reason.
    """

    order: NDArray[np.intp]
    rho: NDArray[np.float32]
    groups: tuple[tuple[int, ...], ...]
    left_out: tuple[tuple[str, int], ...]


def find_clusters(values: Floats, summary: Summary) -> Clusters | str:
    """Cluster features by Spearman's ``|rho|``, average linkage; or why that cannot be done.

    An undefined value takes the middle rank.
    """
    regions = len(values)
    if regions < FEWEST_CORRELATED:
        return f"There are {regions} regions with features; a rank correlation needs at least " + (
            f"{FEWEST_CORRELATED}."
        )
    rare = summary.defined < max(DEFINED_SHARE * regions, FEWEST_CORRELATED)
    usable = np.flatnonzero(~rare & ~summary.constant)
    left_out = [
        ("constant", int((summary.constant & ~rare).sum())),
        (f"undefined in more than {1 - DEFINED_SHARE:.0%} of the regions", int(rare.sum())),
    ]
    if len(usable) > MOST_CLUSTERED:
        spread = np.linspace(0, len(usable) - 1, MOST_CLUSTERED).astype(int)
        left_out.append(
            (f"beyond {MOST_CLUSTERED:,}, which were taken evenly", len(usable) - MOST_CLUSTERED)
        )
        usable = usable[spread]
    if len(usable) < 2:
        return "Fewer than two features vary and are defined in enough regions."
    rho = spearman(values[:, usable])
    leaves, numbers = _linked(rho)
    rho = rho[np.ix_(leaves, leaves)]
    groups = _groups(rho, numbers[leaves])
    return Clusters(
        order=usable[leaves],
        rho=rho,
        groups=tuple(tuple(int(usable[leaves[k]]) for k in group) for group in groups),
        left_out=tuple((why, n) for why, n in left_out if n),
    )


def spearman(values: Floats) -> NDArray[np.float32]:
    """Spearman's rho between columns that vary; an undefined value takes the middle rank.

    Examples
    --------
    >>> import numpy as np
    >>> from ferromics.cohort.report_statistics import spearman
    >>> x = np.arange(6.0)
    >>> spearman(np.stack([x, x**3, -x], axis=1)).round(6).tolist()
    [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]
    """
    from scipy.stats import rankdata

    ranks = np.empty(values.shape, np.float32)
    whole = np.isfinite(values).all(axis=0)
    ranked = rankdata(values[:, whole], axis=0)
    ranks[:, whole] = ranked - ranked.mean(axis=0)
    for k in np.flatnonzero(~whole):
        defined = np.isfinite(values[:, k])
        ranked = rankdata(values[defined, k])
        ranks[:, k] = 0
        ranks[defined, k] = ranked - ranked.mean()
    ranks /= np.sqrt(np.einsum("ij,ij->j", ranks, ranks, dtype=np.float64)).astype(np.float32)
    return np.asarray(np.clip(ranks.T @ ranks, -1, 1))


def _linked(rho: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Order of the leaves, and the number of each feature's cluster."""
    from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

    n = len(rho)
    condensed = np.empty(n * (n - 1) // 2)
    start = 0
    for k in range(n - 1):
        condensed[start : start + n - 1 - k] = 1 - np.abs(rho[k, k + 1 :])
        start += n - 1 - k
    tree = linkage(condensed, "average")
    numbers = fcluster(tree, 1 - CLOSE, "distance")
    return leaves_list(tree).astype(np.intp), numbers


def _groups(rho: NDArray[np.float32], numbers: NDArray[np.int32]) -> list[list[int]]:
    """Clusters of places in the order of the leaves, each with its most central feature first."""
    members: dict[int, list[int]] = {}
    for place, number in enumerate(numbers.tolist()):
        members.setdefault(number, []).append(place)
    out = []
    for places in members.values():
        central = int(np.abs(rho[np.ix_(places, places)]).sum(axis=1).argmax())
        out.append([places[central], *places[:central], *places[central + 1 :]])
    return out
