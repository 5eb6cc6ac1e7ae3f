"""The number of threads changes no bit, from one thread or several, before and after a fork."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ferromics as fm


def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    # Large enough that every parallel part really splits.
    shape = (48, 56, 64)
    noise = rng.normal(size=shape)
    for axis in range(3):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    return noise, z * z + y * y + x * x < 0.9


ALL = fm.Settings(
    features=[
        "morph",
        "loc",
        "stat",
        "ih",
        "ivh",
        *[
            {"type": f["family"], "aggregations": f["aggregations"]}
            for f in {f["family"]: f for f in fm.catalogue() if f["aggregations"]}.values()
        ],
    ]
)


def bits(threads: int) -> bytes:
    image, mask = case()
    result = fm.extract(image, mask, spacing=(2.0, 0.9, 0.9), settings=ALL, threads=threads)
    return np.array(list(result.values())).tobytes()


def test_one_two_and_seven_threads_agree_to_the_bit() -> None:
    assert bits(1) == bits(2) == bits(7)


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic", "lanczos"])
def test_image_processing_agrees_to_the_bit_on_any_number_of_threads(method: str) -> None:
    image, mask = case()
    settings = fm.Settings(
        normalise={"type": "percentile", "over": "mask"},
        resample={"spacing": (1.1, 1.3, 0.7), "method": method, "anti_alias": 0.5},
        features=["diag", "loc", "stat", "morph"],
    )

    def run(threads: int) -> bytes:
        result = fm.extract(image, mask, settings, spacing=(2.0, 0.9, 0.9), threads=threads)
        return np.array(list(result.values())).tobytes()

    assert run(1) == run(2) == run(7)


def test_two_python_threads_at_once_agree_to_the_bit() -> None:
    expected = bits(1)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(bits, [2, 2, 3])) == [expected] * 3


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_work_after_the_parent_used_its_threads(method: str) -> None:
    if method == "fork" and sys.platform != "linux":
        pytest.skip("fork is a Linux matter")
    expected = bits(2)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(bits, [2, 1], chunksize=1) == [expected] * 2
