"""The report's small plots: a histogram as SVG, the heat map of correlations as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferromics._html import Html
from ferromics.cohort.report_statistics import Clusters

BINS: Final = 32
HEIGHT: Final = 20

FAMILY_COLOURS: Final = (
    "#1f78b4", "#a6cee3", "#33a02c", "#b2df8a", "#6a3d9a", "#e31a1c",
    "#fb9a99", "#ff7f00", "#fdbf6f", "#b15928", "#cab2d6", "#8c8c8c",
)  # fmt: skip
"""ColorBrewer's Paired, for families in the catalogue's order."""

DIVERGING: Final = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7",
    "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip
"""ColorBrewer's RdBu, from rho = -1 to 1."""

SHADES: Final = 201
MOST_PIXELS: Final = 960
BAR: Final = 12
_DARK, _LIGHT, _PAPER = "#3d444d", "#9aa5b1", "#ffffff"


def histogram(values: NDArray[np.float64], far: NDArray[np.bool_]) -> Html:
    """A histogram as SVG: values that are ``far`` in a colour of their own.

    The axis reaches beyond the 5th and 95th percentile by at most their distance; what lies
    further out is counted in bars at its ends.
    """
    least, most = float(values.min()), float(values.max())
    low, high = (float(v) for v in np.percentile(values, (5, 95)))
    reach = high - low or most - least
    low, high = max(least, low - reach), min(most, high + reach)
    width = (high - low) / BINS or 1.0
    bins = np.clip(np.floor((values - low) / width), 0, BINS - 1).astype(int) + 2
    bins[values < low], bins[values > high] = 0, BINS + 3
    every = np.bincount(bins, minlength=BINS + 4)
    outlying = np.bincount(bins[far], minlength=BINS + 4)
    bars = _bars(every, int(every.max()))
    over = f'<path class="far" d="{_bars(outlying, int(every.max()))}"/>' if far.any() else ""
    return Html(
        f'<svg class="histogram" viewBox="0 0 {BINS + 4} {HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true"><path d="{bars}"/>{over}</svg>'
    )


def _bars(counts: NDArray[np.intp], most: int) -> str:
    """Bars as a path; one value is seen, too."""
    heights = np.where(counts > 0, np.maximum(1, np.rint(counts * (HEIGHT - 1) / most)), 0)
    return "".join(
        f"M{k} {HEIGHT}v-{height}h1v{height}"
        for k, height in enumerate(heights.astype(int).tolist())
        if height
    )


def heat_map(clusters: Clusters, families: Sequence[str], colours: Mapping[str, str]) -> bytes:
    """Rho between the clustered features as PNG, with bars of families and clusters beside it."""
    from PIL import Image

    shown, places = _reduced(clusters.rho)
    shades = np.rint((shown + 1) / 2 * (SHADES - 1)).astype(np.uint8)
    palette = [*_shades(), *colours.values(), _DARK, _LIGHT, _PAPER]
    index = {family: SHADES + k for k, family in enumerate(colours)}
    dark, light, paper = (len(palette) - k for k in (3, 2, 1))
    family = np.array([index[families[k]] for k in clusters.order], np.uint8)[places]
    cluster = np.array(_alternating(clusters, dark, light, paper), np.uint8)[places]
    n, edge = len(shades), 2 * BAR + 4
    pixels = np.full((n + edge, n + edge), paper, np.uint8)
    pixels[edge:, edge:] = shades
    for bar, start in ((family, 0), (cluster, BAR + 2)):
        pixels[start : start + BAR, edge:] = bar
        pixels[edge:, start : start + BAR] = bar[:, None]
    image = Image.fromarray(pixels)
    image.putpalette(b"".join(bytes.fromhex(colour[1:]) for colour in palette))
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _reduced(rho: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The matrix with whole pixels a feature, or means of blocks; and the feature of each pixel."""
    n = len(rho)
    step = -(-n // MOST_PIXELS)
    if step == 1:
        places = np.repeat(np.arange(n), max(1, MOST_PIXELS // 2 // n))
        return rho[np.ix_(places, places)], places
    starts = np.arange(0, n, step)
    sizes = np.diff(np.append(starts, n)).astype(np.float32)
    sums = np.add.reduceat(np.add.reduceat(rho, starts, axis=0), starts, axis=1)
    return (sums / np.outer(sizes, sizes)).astype(np.float32), starts


def _alternating(clusters: Clusters, dark: int, light: int, paper: int) -> list[int]:
    """A colour for each clustered feature: two by turns for clusters, none for single features."""
    at = dict.fromkeys(clusters.order.tolist(), paper)
    several = [group for group in clusters.groups if len(group) > 1]
    for k, group in enumerate(several):
        at.update(dict.fromkeys(group, (dark, light)[k % 2]))
    return [at[feature] for feature in clusters.order.tolist()]


def _shades() -> list[str]:
    """The diverging colours, interpolated."""
    anchors = np.array([list(bytes.fromhex(colour[1:])) for colour in DIVERGING], float)
    where = np.linspace(0, len(anchors) - 1, SHADES)
    mixed = [np.interp(where, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    rows = np.rint(np.stack(mixed, axis=1)).astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in rows.tolist()]
