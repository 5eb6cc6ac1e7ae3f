"""What the bench times under a family's name is that family."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.data import save, sphere
from bench.families import FAMILIES
from bench.tools import TEXTURE, Ours


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    folder: Path = tmp_path_factory.mktemp("sphere")
    save(folder, *sphere(10_000))
    tool = Ours(1)
    assert {*tool.load(folder)} == {*FAMILIES}
    return tool


@pytest.mark.parametrize(
    ("together", "single"),
    [("texture", TEXTURE), ("first_order", ["stat", "ih", "ivh"])],
)
def test_families_together_have_the_values_of_each(
    ours: Ours, together: str, single: list[str]
) -> None:
    apart = {key: value for family in single for key, value in ours.values(family).items()}
    assert ours.values(together) == apart


@pytest.mark.parametrize("family", ["glcm", "glrlm"])
def test_both_aggregations_are_the_merged_and_the_averaged_one(ours: Ours, family: str) -> None:
    merged, both = ours.values(family), ours.values(f"{family}_both")
    assert {key[3] for key in both} == {"3d_averaged", "3d_merged"}
    assert len(both) == 2 * len(merged)
    assert {key: both[key] for key in merged} == merged


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_values_under_names_of_the_catalogue(ours: Ours, family: str) -> None:
    found = ours.values(family)
    assert found
    assert {key[0] for key in found} == {"original"}
    assert ours.seconds(family) > 0
