"""The number of threads changes no bit of a response map, whoever else is at work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ferromics import filters as f

# Large enough that every filter splits its work, and of no size that seven threads share evenly.
IMAGE = np.random.default_rng(12).normal(size=(26, 45, 53)) * 300
MM = (2.0, 1.0, 1.0)

CALLS: dict[str, Callable[..., np.ndarray | dict[str, np.ndarray]]] = {
    "mean": lambda **k: f.mean(IMAGE, 7, boundary="zero", **k),
    "log": lambda **k: f.log(IMAGE, MM, 2.5, boundary="periodic", **k),
    "log_slices": lambda **k: f.log(IMAGE, MM, 1.5, dimension=2, boundary=-1000, **k),
    "laws": lambda **k: f.laws(IMAGE, "E5W5R5", boundary="nearest", **k),
    "laws_mean": lambda **k: f.laws(IMAGE, "L5S5E5", pooling="mean", energy=7, **k),
    "laws_slices": lambda **k: f.laws(IMAGE, "L3S5", pooling="sum", energy=3, **k),
    "wavelet": lambda **k: f.wavelet(IMAGE, "coif2", **k),
    "wavelet_pooled": lambda **k: f.wavelet(IMAGE, "db4", ["LLH", "HHH"], pooling="sum", **k),
    "wavelet_deep": lambda **k: f.wavelet(IMAGE, "bior2.2", "LLH", level=3, pooling="min", **k),
    "gabor": lambda **k: f.gabor(IMAGE, MM, 3, 5, gamma=0.7, boundary="zero", **k),
    "gabor_orthogonal": lambda **k: f.gabor(
        IMAGE, MM, 3, 5, theta_step=60, orthogonal=True, pooling="sum", **k
    ),
    "simoncelli": lambda **k: f.simoncelli(IMAGE, 3, boundary="mirror", **k),
    "shannon": lambda **k: f.shannon(IMAGE, 2, **k),
    "riesz": lambda **k: f.riesz(IMAGE, MM, (1, 2, 1), sigma=2, **k),
    "riesz_steered": lambda **k: f.riesz(
        IMAGE, MM, (0, 1, 1), base="shannon", level=2, sigma_tensor=2, **k
    ),
    "square": lambda **k: f.square(IMAGE, **k),
    "square_root": lambda **k: f.square_root(IMAGE, **k),
    "logarithm": lambda **k: f.logarithm(IMAGE, **k),
    "exponential": lambda **k: f.exponential(IMAGE, **k),
    "gradient": lambda **k: f.gradient(IMAGE, MM, **k),
    "lbp_2d": lambda **k: f.lbp_2d(IMAGE, radius=2, samples=16, code="rotation_minimum", **k),
    "lbp_3d": lambda **k: f.lbp_3d(IMAGE, radius=1.5, **k),
}


def bits(name: str, threads: int, dtype: type | None = None) -> bytes:
    options = {} if dtype is None else {"dtype": dtype}
    found = CALLS[name](threads=threads, **options)
    maps = found.values() if isinstance(found, dict) else [found]
    return b"".join(response.tobytes() for response in maps)


def test_every_filter_is_here() -> None:
    assert {name.split("_")[0] for name in CALLS if name.split("_")[0] in f.__all__} | {
        name for name in CALLS if name in f.__all__
    } == set(f.__all__) - {"wavelets"}


@pytest.mark.parametrize("name", CALLS)
def test_one_two_and_seven_threads_agree_to_the_bit(name: str) -> None:
    expected = bits(name, 1)
    assert bits(name, 2) == expected
    assert bits(name, 7) == expected


@pytest.mark.parametrize(
    "name", ["mean", "log", "laws_mean", "wavelet_deep", "gradient", "logarithm", "lbp_3d"]
)
def test_so_they_do_in_single_precision(name: str) -> None:
    expected = bits(name, 1, np.float32)
    assert bits(name, 2, np.float32) == expected
    assert bits(name, 7, np.float32) == expected


def test_filters_that_run_at_once_agree_to_the_bit() -> None:
    names = ["laws_mean", "gabor_orthogonal", "wavelet", "riesz_steered", "simoncelli", "lbp_2d"]
    expected = [bits(name, 1) for name in names]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda name: bits(name, 2), names)) == expected
