"""Laws of what the cohort report computes: outliers, rank correlation, clusters, outlines."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from ferromics.cohort import report
from ferromics.cohort.report_slices import LONGEST_OUTLINE, outline
from ferromics.cohort.report_statistics import (
    find_clusters,
    find_outliers,
    spearman,
    summarise,
)
from ferromics.cohort.report_table import Row

WHOLE = st.integers(-50, 50).map(float)
MATRICES = arrays(np.float64, st.tuples(st.integers(8, 20), st.integers(1, 4)), elements=WHOLE)


def row(number=0, **given):
    texts = dict.fromkeys(
        ("error", "image", "image_sha256", "mask", "mask_sha256", "settings", "version"), ""
    )
    fields = {
        "number": number, "case": "P1", "roi": "", "status": "failed", "warnings": (),
        "label": None, "threshold": None, "slice_axis": "", "carried": {},
    }  # fmt: skip
    return Row(**(texts | fields | given))


@given(values=MATRICES, scale=st.sampled_from([-4.0, 0.5, 2.0]), shift=st.integers(-9, 9))
def test_outliers_do_not_depend_on_the_unit(values, scale, shift):
    names = [""] * len(values)
    first = find_outliers(values, names, 3.5)
    second = find_outliers(values * scale + shift, names, 3.5)
    np.testing.assert_array_equal(first.outlying, second.outlying)
    np.testing.assert_allclose(np.abs(first.z), np.abs(second.z), rtol=1e-5)


def test_regions_are_judged_among_those_of_their_name():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 20), rng.normal(1000, 1, 12), [5000.0]])[:, None]
    names = ["node"] * 20 + ["gtv"] * 12 + ["liver"]
    found = find_outliers(values, names, 5)
    assert not found.outlying.any()
    assert found.groups == (("node", 20), ("gtv", 12))
    assert (found.alone, found.judged[-1]) == (1, 0)
    assert find_outliers(values, ["x"] * 33, 5).outlying[:, 0].nonzero()[0].tolist() == [
        *range(20, 33)
    ]


def test_a_feature_that_is_mostly_one_value_is_not_judged():
    values = np.array([[1.0]] * 9 + [[7.0]])
    assert not np.isfinite(find_outliers(values, [""] * 10, 5).z).any()


@given(values=MATRICES)
def test_rank_correlation_is_spearmans(values):
    varied = values[:, np.ptp(values, axis=0) > 0]
    if varied.shape[1] < 2:
        return
    for i in range(varied.shape[1]):
        for j in range(varied.shape[1]):
            expected = spearmanr(varied[:, i], varied[:, j]).statistic
            assert spearman(varied)[i, j] == pytest.approx(expected, abs=1e-5)


def test_clusters_are_a_partition_with_a_central_feature_first():
    rng = np.random.default_rng(2)
    base = rng.normal(size=(60, 3))
    parts = [base[:, [k]] + s * rng.normal(size=(60, 4)) for k, s in enumerate((0.05, 0.05, 5))]
    values = np.concatenate([*parts, np.ones((60, 1)), np.full((60, 1), np.nan)], axis=1)
    values[:, 1] = np.exp(-values[:, 0])
    found = find_clusters(values, summarise(values))
    groups = [set(group) for group in found.groups]
    assert {0, 1, 2, 3} in groups
    assert {4, 5, 6, 7} in groups
    assert sorted(k for group in groups for k in group) == [*range(12)] == sorted(found.order)
    assert found.left_out == (
        ("constant", 1),
        ("undefined in more than 10% of the regions", 1),
    )
    place = {k: at for at, k in enumerate(found.order.tolist())}
    for group in found.groups:
        at = [place[k] for k in group]
        assert sorted(at) == [*range(min(at), max(at) + 1)]
        near = np.abs(found.rho[np.ix_(at, at)]).sum(axis=1)
        assert near[0] == near.max()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.ones((4, 3)), "There are 4 regions"),
        (np.ones((9, 3)), "Fewer than two features vary"),
        (np.empty((0, 3)), "There are 0 regions"),
    ],
)
def test_where_there_are_no_clusters_the_reason_is_told(values, why):
    assert find_clusters(values, summarise(values)).startswith(why)


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_an_outline_encloses_the_region_and_nothing_else(marked):
    path, step = outline(marked)
    assert step == 1
    filled = np.zeros(marked.shape, bool)
    for x, y, n in re.findall(r"M(\d+) (\d+)v(\d+)", path):
        filled[int(y) : int(y) + int(n), int(x) :] ^= True
    np.testing.assert_array_equal(filled, marked)


def test_a_ragged_outline_becomes_coarser_rather_than_long():
    marked = np.random.default_rng(0).random((300, 300)) > 0.5
    path, step = outline(marked)
    assert step > 1
    assert len(path) <= LONGEST_OUTLINE


def test_messages_that_differ_in_files_and_numbers_are_one_reason():
    texts = [
        (row(1, case="A", image="ct/A.nii.gz"), "image /data/x/ct/A.nii.gz: no such file"),
        (row(2, case="B", image="ct/B.nii.gz"), "image /data/x/ct/B.nii.gz: no such file"),
        (row(3, case="C"), "image C has size 4 x 5 and 3.5 mm"),
        (row(4, case="D"), "image D has size 5 x 6 and 2 mm"),
        (row(5, case="E"), "image D has size 5 x 6 and 2 mm; and more"),
    ]
    found = report.by_reason(texts)
    assert [(reason.text, len(reason.rows)) for reason in found] == [
        ("image …: no such file", 2),
        ("image … has size … mm", 2),
        ("image D has size 5 x 6 and 2 mm; and more", 1),
    ]
