"""Features on response maps: those of the filter's map of the whole image, on the same region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ferromics as fm
from ferromics import _core

SPACING = (2.0, 1.0, 0.8)

# A block, and the map of the whole image by the public function on arrays.
FILTERS = [
    ({"type": "mean", "support": 3}, lambda a: fm.filters.mean(a, 3)),
    (
        {"type": "log", "sigma": 1.2, "dimension": 2, "boundary": "nearest"},
        lambda a: fm.filters.log(a, SPACING, 1.2, dimension=2, boundary="nearest"),
    ),
    (
        {"type": "laws", "kernels": "E3L3S3", "pooling": "max", "energy": 2, "boundary": 3},
        lambda a: fm.filters.laws(a, "E3L3S3", pooling="max", energy=2, boundary=3),
    ),
    (
        {"type": "gabor", "sigma": 1, "wavelength": 2, "theta_step": 45, "orthogonal": True},
        lambda a: fm.filters.gabor(a, SPACING, 1, 2, theta_step=45, orthogonal=True),
    ),
    (
        {"type": "wavelet", "wavelet": "db2", "sub_bands": "HLL", "boundary": "periodic"},
        lambda a: fm.filters.wavelet(a, "db2", "HLL", boundary="periodic"),
    ),
    (
        {"type": "wavelet", "wavelet": "haar", "sub_bands": "LH", "level": 2, "pooling": "mean"},
        lambda a: fm.filters.wavelet(a, "haar", "LH", level=2, pooling="mean"),
    ),
    ({"type": "simoncelli"}, lambda a: fm.filters.simoncelli(a)),
    (
        {"type": "shannon", "dimension": 2, "boundary": "mirror"},
        lambda a: fm.filters.shannon(a, dimension=2, boundary="mirror"),
    ),
    (
        {"type": "riesz", "order": [1, 0, 0], "sigma": 1.2},
        lambda a: fm.filters.riesz(a, SPACING, (1, 0, 0), sigma=1.2),
    ),
    ({"type": "square"}, fm.filters.square),
    ({"type": "square_root"}, fm.filters.square_root),
    ({"type": "logarithm"}, fm.filters.logarithm),
    ({"type": "exponential", "largest": 50}, lambda a: fm.filters.exponential(a, largest=50)),
    ({"type": "gradient", "dimension": 2}, lambda a: fm.filters.gradient(a, SPACING, dimension=2)),
    ({"type": "lbp_2d", "radius": 2}, lambda a: fm.filters.lbp_2d(a, radius=2)),
    ({"type": "lbp_3d"}, fm.filters.lbp_3d),
]
IDS = [block["type"] + str(k) for k, (block, _) in enumerate(FILTERS)]


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-40, 60, shape).astype(float)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """An image and a region somewhere in it, often at its edge."""
    shape = draw(st.tuples(st.integers(8, 14), st.integers(8, 14), st.integers(8, 14)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    start = [draw(st.integers(0, n - 2)) for n in shape]
    box = tuple(slice(s, s + draw(st.integers(2, 5))) for s in start)
    mask[box] = rng.random(mask[box].shape) < 0.8
    mask[tuple(start)] = True
    return noise(shape, seed), mask


def on_map(
    image: np.ndarray, mask: np.ndarray, block: dict, features: list, **more: object
) -> dict:
    """Values on the block's map, by the part of the column's name after the image's."""
    given_ = {
        "original": False,
        "filters": [{**block, "name": "map"}],
        "features": features,
        **more,
    }
    result = fm.extract(image, mask, given_, spacing=SPACING)
    return {name.removeprefix("map_"): value for name, value in result.items()}


def of_array(image: np.ndarray, mask: np.ndarray, features: list, **more: object) -> dict:
    result = fm.extract(image, mask, {"features": features, **more}, spacing=SPACING)
    return {name.removeprefix("original_"): value for name, value in result.items()}


@pytest.mark.parametrize(("block", "whole"), FILTERS, ids=IDS)
@settings(max_examples=12, deadline=None)
@given(case=cases())
def test_values_are_those_on_the_map_of_the_whole_image(block, whole, case) -> None:
    image, mask = case
    array = whole(image)
    # Shape-like features too: the centre of mass and others weigh with intensities.
    found = on_map(image, mask, block, ["stat", "loc"])
    expected = of_array(array, mask, ["stat", "loc"])
    assert found.keys() == expected.keys()
    # The map is within 1e-12 of its range; moments and quotients of what nearly cancels lose some.
    scale = np.ptp(array) + np.abs(array).max()
    for name in ("stat_mean_intensity", "stat_minimum_intensity", "stat_median_intensity"):
        assert abs(found[name] - expected[name]) <= 2e-12 * scale, name
    for name in ("loc_local_intensity_peak", "loc_global_intensity_peak"):
        assert abs(found[name] - expected[name]) <= 2e-12 * scale, name
    for name in ("stat_intensity_variance", "stat_intensity_based_energy"):
        assert abs(found[name] - expected[name]) <= 1e-10 * scale**2 * mask.sum(), name


@pytest.mark.parametrize(("block", "whole"), FILTERS, ids=IDS)
def test_peaks_on_a_map_look_around_a_region_that_touches_every_edge(block, whole) -> None:
    image = noise((7, 8, 9))
    z, y, x = (np.linspace(-1, 1, n) ** 2 for n in image.shape)
    mask = z[:, None, None] + y[:, None] + x < 1.2
    found, expected = (on_map(image, mask, block, ["loc"]), of_array(whole(image), mask, ["loc"]))
    scale = np.ptp(whole(image)) + np.abs(whole(image)).max()
    assert found == pytest.approx(expected, rel=0, abs=2e-12 * scale)  # as above


@pytest.mark.parametrize(("block", "whole"), FILTERS, ids=IDS)
def test_texture_on_a_map_is_that_of_the_map(block, whole) -> None:
    image = noise((12, 13, 14))
    mask = np.zeros(image.shape, bool)
    mask[2:9, 3:12, 4:11] = True
    mask[2, 3, 4] = False
    families = ["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm", "ih", "ivh"]
    # Bins so wide that no rounding moves a voxel across an edge, but for maps of whole numbers.
    array = whole(image)
    more = {"discretise": {"type": "none"} if "lbp" in block["type"] else "fbn4"}
    if "lbp" in block["type"]:
        more = {"discretise": "fbs1"}
    found, expected = (
        on_map(image, mask, block, families, **more),
        of_array(array, mask, families, **more),
    )
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_the_mask_is_untouched_by_filtering(block) -> None:
    image, mask = block
    filters = [{"type": "log", "sigma": 3, "features": ["morph"]}, "gradient"]
    result = fm.extract(
        image, mask, {"filters": filters, "features": ["morph", "stat"]}, spacing=(3, 1, 1)
    )
    weighs = ("centre_of_mass", "integrated", "morans", "gearys")
    names = [n for n in result if n.startswith("original_morph")]
    shape = [n for n in names if not any(w in n for w in weighs)]
    assert len(shape) > 15
    for name in shape:
        assert result[name] == result[name.replace("original", "log-sigma3mm")]
    assert result.provenance["voxels"]["intensity_mask"] == mask.sum()


def test_the_image_is_resegmented_first_then_the_map_by_its_own_range() -> None:
    image = noise((6, 20, 20))
    mask = np.zeros(image.shape, bool)
    mask[1:5, 3:17, 3:17] = True
    array = fm.filters.mean(image, 3)
    kept = mask & (image >= 0)
    assert 0 < kept.sum() < mask.sum()
    block = {"type": "mean", "support": 3}
    found = on_map(image, mask, block, ["stat"], resegment={"range": [0, None]})
    assert found == pytest.approx(of_array(array, kept, ["stat"]), rel=1e-12)
    own = {**block, "resegment": {"range": [5, 40], "outlier_sigma": 2}}
    found = on_map(image, mask, own, ["stat"], resegment={"range": [0, None]})
    expected = of_array(array, kept, ["stat"], resegment=own["resegment"])
    assert found == pytest.approx(expected, rel=1e-12)
    assert found["stat_minimum_intensity"] >= 5


def test_a_map_has_its_own_discretisation_anchored_at_its_own_range() -> None:
    image = noise((8, 9, 10))
    mask = np.ones(image.shape, bool)
    block = {
        "type": "gradient",
        "discretise": ["fbs4", "fbn8"],
        "resegment": {"range": [1, None]},
        "features": ["ih", "glcm"],
    }
    result = fm.extract(image, mask, {"filters": [block], "features": ["ih"]}, spacing=SPACING)
    assert {c[6] for c in result.columns if c[1] == "original"} == {"fbn32"}
    assert {c[6] for c in result.columns if c[1] == "gradient"} == {"fbs4", "fbn8"}
    array = fm.filters.gradient(image, SPACING)
    own = {key: block[key] for key in ("discretise", "resegment")}
    expected = of_array(array, mask, ["ih", "glcm"], **own)
    found = {n.removeprefix("gradient_"): v for n, v in result.items() if n.startswith("gradient")}
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_filters_work_on_the_resampled_image(method) -> None:
    image = noise((10, 30, 30))
    mask = np.zeros(image.shape, bool)
    mask[3:8, 9:20, 11:23] = True
    resample = {"spacing": 1.0, "method": method, "round": True}
    array, spacing = fm.resample(image, SPACING, 1.0, method=method, round=True)
    region, _ = fm.resample_mask(mask, SPACING, 1.0)
    block = {"type": "log", "sigma": 1.5}
    found = on_map(image, mask, block, ["stat"], resample=resample)
    expected = of_array(fm.filters.log(array, spacing, 1.5), region, ["stat"])
    for name in ("stat_mean_intensity", "stat_minimum_intensity", "stat_maximum_intensity"):
        assert found[name] == pytest.approx(expected[name], rel=1e-10, abs=1e-10)


def test_point_transforms_take_the_largest_intensity_of_the_whole_image() -> None:
    image = noise((8, 8, 8))
    mask = np.zeros(image.shape, bool)
    mask[2:5, 2:5, 2:5] = True
    image[7, 7, 7] = -1000
    found = on_map(image, mask, {"type": "square"}, ["stat"])
    expected = np.square(image)[mask].mean() / 1000
    assert found["stat_mean_intensity"] == pytest.approx(expected, rel=1e-12)
    image[0, 0, 0] = np.nan  # not in the region, and no number
    assert on_map(image, mask, {"type": "square"}, ["stat"]) == pytest.approx(found)


def test_values_do_not_depend_on_threads_nor_on_the_other_filters() -> None:
    image = noise((20, 30, 30))
    mask = np.zeros(image.shape, bool)
    mask[5:15, 8:20, 9:22] = True
    blocks = [block for block, _ in FILTERS]
    alone = {}
    for k, block in enumerate(blocks):
        alone |= {f"m{k}_{n}": v for n, v in on_map(image, mask, block, ["stat", "glcm"]).items()}
    named = [{**block, "name": f"m{k}"} for k, block in enumerate(blocks)]
    together = {"filters": named, "features": ["stat", "glcm"], "original": False}
    for threads in (1, 2, 7):
        result = fm.extract(image, mask, together, spacing=SPACING, threads=threads)
        assert dict(result) == alone


@pytest.mark.parametrize("over", ["image", "mask"])
def test_regions_of_one_image_have_the_values_that_each_has_alone(over) -> None:
    image = noise((14, 20, 22))
    labels = np.zeros(image.shape, np.uint8)
    labels[2:6, 3:9, 4:10], labels[8:13, 10:18, 9:20], labels[0:2, 0:3, 0:3] = 1, 2, 7
    named = [{**block, "name": f"m{k}"} for k, (block, _) in enumerate(FILTERS)]
    settings_ = {
        "normalise": {"type": "zscore", "over": over},
        "filters": named,
        "features": ["stat", "loc"],
    }
    together = fm.extract(image, labels, settings_, label="all", spacing=SPACING)
    for label in (1, 2, 7):
        alone = fm.extract(image, labels == label, settings_, spacing=SPACING)
        found = np.array(list(together[label].values()))
        # Maps that take the whole image are the same bits; crops are, too.
        np.testing.assert_array_equal(found, list(alone.values()))


def test_a_map_of_the_whole_image_is_made_once_for_all_regions() -> None:
    image = noise((12, 14, 16))
    settings_ = {"filters": ["simoncelli"], "features": ["stat"]}
    plan = _core.Plan(fm.Settings.of(settings_).core_json())
    prepared = plan.prepare(image, several_regions=True)
    mask = np.zeros(image.shape, bool)
    mask[3:6, 3:6, 3:6] = True
    first = plan.run(prepared, image, mask, SPACING)[0]
    assert prepared.done == 2
    # The map is that of the first image, whatever the second call is given.
    again = plan.run(prepared, np.zeros_like(image), mask, SPACING)[0]
    assert prepared.done == 4
    np.testing.assert_array_equal(first[18:], again[18:])
    assert first[0] != again[0] == 0


def test_watching_tells_how_many_images_are_done() -> None:
    image = noise((12, 14, 16))
    labels = np.zeros(image.shape, np.uint8)
    labels[3:6, 3:6, 3:6], labels[7:10, 7:10, 7:10] = 1, 2
    for filters, images in ([{"type": "log", "sigma": [2, 3]}], 3), ([], 1):
        settings_ = {"filters": filters, "features": ["stat"]}
        asked = []
        fm.extract(image, labels, settings_, label="all", spacing=SPACING, watch=asked.append)
        assert [done() for done in asked] == [(2 * images, 2 * images)]


def test_single_precision_is_near_and_says_so() -> None:
    image = noise((10, 12, 12))
    mask = np.ones(image.shape, bool)
    blocks = [{"type": "log", "sigma": 2}, {"type": "log", "sigma": 2, "precision": "single"}]
    result = fm.extract(image, mask, {"filters": blocks, "features": ["stat"]}, spacing=SPACING)
    names = [n for n in result if n.startswith("log-sigma2mm-single_")]
    assert names
    for name in names:
        double = result[name.replace("-single", "")]
        assert result[name] == pytest.approx(double, rel=1e-3, abs=1e-4)
    assert any(result[n] != result[n.replace("-single", "")] for n in names)


def test_a_2d_image_of_one_slice_has_maps() -> None:
    image = noise((1, 20, 20))
    mask = np.zeros(image.shape, bool)
    mask[0, 5:15, 6:16] = True
    for block, whole in FILTERS:
        if block.get("level") == 2 or block["type"] in ("wavelet", "simoncelli", "shannon"):
            continue
        found = on_map(image, mask, block, ["stat"])
        expected = of_array(whole(image), mask, ["stat"])
        key = "stat_mean_intensity"
        assert found[key] == pytest.approx(expected[key], rel=1e-9, abs=1e-9), block


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (
            {"type": "log", "sigma": 0.3},
            r"^filter 'log-sigma0\.3mm': sigma is 0\.3 mm.*half a voxel",
        ),
        (
            {"type": "wavelet", "wavelet": "haar", "sub_bands": "LLH", "level": 9},
            r"^filter 'wavelet-haar-LLH-level9': level is 9; it must be from 1 to 4",
        ),
        ({"type": "simoncelli", "level": 8}, r"^filter 'simoncelli-level8': level is 8"),
        (
            {"type": "gradient", "resegment": {"range": [1e6, None]}},
            r"^filter 'gradient': re-segmentation to \[1000000, inf\] leaves no voxel",
        ),
        (
            {"type": "log", "sigma": 2, "discretise": "none", "features": ["ih"]},
            r"^filter 'log-sigma2mm': discretise 'none' needs whole intensities",
        ),
    ],
)
def test_what_a_filter_cannot_do_is_told_with_its_name(block, told) -> None:
    image = noise((10, 12, 12))
    mask = np.zeros(image.shape, bool)
    mask[4:6, 4:6, 4:6] = True
    with pytest.raises(fm.InputError, match=told):
        fm.extract(image, mask, {"filters": [block], "features": ["stat"]}, spacing=(1, 1, 1))


def test_missing_voxels_within_reach_of_a_filter_are_told() -> None:
    image = noise((10, 12, 12))
    mask = np.zeros(image.shape, bool)
    mask[4:6, 4:6, 4:6] = True
    image[4, 4, 8] = np.nan
    settings_ = {"filters": [{"type": "mean", "support": 5}], "features": ["stat"]}
    far = fm.extract(image, mask, settings_, spacing=(1, 1, 1))  # 3 voxels away
    assert np.isfinite(list(far.values())).all()
    image[4, 4, 7] = np.nan
    told = r"^filter 'mean-support5': .* of the region's voxels in the response map are not finite"
    with pytest.raises(fm.InputError, match=told):
        fm.extract(image, mask, settings_, spacing=(1, 1, 1))


def test_too_large_an_image_for_filters_that_take_all_of_it_is_refused_before_it_is_made() -> None:
    image = noise((10, 12, 12))
    mask = np.zeros(image.shape, bool)
    mask[4:6, 4:6, 4:6] = True
    resample = {"spacing": 0.1, "max_voxels": 100_000}
    for block in ("simoncelli", "square"):
        settings_ = {"resample": resample, "filters": [block], "features": ["stat"]}
        with pytest.raises(fm.InputError, match="max_voxels"):
            fm.extract(image, mask, settings_, spacing=(1, 1, 1))
    plain = {"resample": resample, "features": ["stat"]}
    assert fm.extract(image, mask, plain, spacing=(1, 1, 1))
