"""Steps before the features: masks, grids, bins, filters, diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pywt
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.stats import kurtosis
from skimage.feature import local_binary_pattern

from ferromics.compat import radiomics

operations = radiomics.imageoperations
RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(-200, 800, size=(9, 14, 11)).astype(np.int16)


def image(values: NDArray[Any] = NOISE, spacing: tuple[float, ...] = (1.0, 1.5, 2.5)) -> Any:
    out = sitk.GetImageFromArray(values)
    out.SetSpacing(spacing)
    return out


def mask(label: int = 1, shape: tuple[int, ...] = NOISE.shape) -> Any:
    values = np.zeros(shape, dtype=np.uint8)
    values[2:7, 3:10, 2:8] = label
    return image(values)


@pytest.mark.parametrize(
    ("width", "levels"),
    [(25, [1, 1, 2, 5, 5]), (10, [1, 2, 3, 11, 12]), (200, [1, 1, 1, 1, 1])],
)
def test_bins_of_a_width_are_multiples_of_it_from_zero(width: int, levels: list[int]) -> None:
    values = np.array([50, 60, 75, 159, 166])
    found, edges = operations.binImage(values, np.ones(5, dtype=bool), binWidth=width)
    assert found.tolist() == levels
    assert (np.asarray(edges) % width == 0).all()


def test_bins_of_a_count_hold_the_greatest_intensity() -> None:
    found, _ = operations.binImage(np.array([0.0, 1, 5, 10]), binCount=5)
    assert found.tolist() == [1, 1, 3, 5]


def test_a_flat_region_has_one_bin() -> None:
    for value in (0, 25, 30):
        found, _ = operations.binImage(np.full(4, value, dtype=np.int16), binWidth=25)
        assert found.tolist() == [1] * 4


def test_bins_near_the_end_of_a_type_do_not_wrap() -> None:
    found, _ = operations.binImage(np.array([-32768, 32767], dtype=np.int16), binWidth=32768)
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m * 0, "No labels found"),
        (lambda m: m * 3, r"Label \(1\) not present in mask. Choose from \[3\]"),
    ],
)
def test_labels_that_are_not_there(change: Callable[[Any], Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        operations.getMask(change(mask()))


def test_a_channel_of_a_vector_mask() -> None:
    both = sitk.Compose(mask(), mask(2))
    found = operations.getMask(both, label=2, label_channel=1)
    assert found.GetPixelIDTypeAsString() == "32-bit unsigned integer"
    assert sitk.GetArrayFromImage(found).max() == 2
    with pytest.raises(AssertionError, match="only contains 2"):
        operations.getMask(both, label_channel=2)


def test_a_mask_on_another_grid_is_refused_or_corrected() -> None:
    other = mask()
    other.SetOrigin((0.01, 0, 0))
    with pytest.raises(ValueError, match="geometryTolerance"):
        operations.checkMask(image(), other)
    box, corrected = operations.checkMask(image(), other, geometryTolerance=0.1)
    assert corrected is None
    assert box.tolist() == [2, 7, 3, 9, 2, 6]
    box, corrected = operations.checkMask(image(), other, correctMask=True)
    assert corrected.GetOrigin() == (0, 0, 0)
    assert box.tolist() == [2, 7, 3, 9, 2, 6]
    small = sitk.RegionOfInterest(mask(), [9, 12, 8], [0, 0, 0])
    with pytest.raises(ValueError, match=r"size mismatch.*correctMask"):
        operations.checkMask(image(), small)
    assert operations.checkMask(image(), small, correctMask=True)[1].GetSize() == (11, 14, 9)
    small.SetOrigin((100, 0, 0))
    with pytest.raises(ValueError, match="larger than image space"):
        operations.checkMask(image(), small, correctMask=True)


def test_tolerance_is_of_the_call_and_not_of_the_process() -> None:
    before = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    radiomics.featureextractor.RadiomicsFeatureExtractor(geometryTolerance=0.5)
    assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == before


@pytest.mark.parametrize(
    ("region", "settings", "told"),
    [
        ((slice(2, 3),) * 3, {}, "only contains 1 segmented voxel"),
        ((slice(2, 6), 3, 3), {}, "too few dimensions .number of dimensions 1, minimum required 2"),
        ((slice(2, 6), slice(2, 6), 3), {"minimumROIDimensions": 3}, "dimensions 2, .*required 3"),
        ((slice(2, 4),) * 3, {"minimumROISize": 8}, "too small .minimum size: 8, ROI size: 8"),
    ],
)
def test_regions_that_are_too_small(region: Any, settings: dict[str, Any], told: str) -> None:
    values = np.zeros(NOISE.shape, dtype=np.uint8)
    values[region] = 1
    with pytest.raises(ValueError, match=told):
        operations.checkMask(image(), image(values), **settings)


def test_cropping_keeps_places() -> None:
    box, _ = operations.checkMask(image(), mask())
    cut, cut_mask = operations.cropToTumorMask(image(), mask(), box, padDistance=3)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(cut), NOISE[0:9, 0:13, 0:11])
    assert cut.GetOrigin() == (0.0, 0.0, 0.0)
    cut, cut_mask = operations.cropToTumorMask(image(), mask(), box)
    assert cut.GetSize() == cut_mask.GetSize() == (6, 7, 5)
    assert cut.GetOrigin() == (2.0, 4.5, 5.0)


def test_resampling_keeps_the_corner_of_the_mask() -> None:
    settings = {"resampledPixelSpacing": [2.0, 2.0, 0], "padDistance": 100}
    found, region = operations.resampleImage(image(), mask(), **settings)
    assert found.GetSpacing() == region.GetSpacing() == (2.0, 2.0, 2.5)
    assert found.GetOrigin() == (0.5, 0.25, 0.0)
    assert found.GetPixelID() == image().GetPixelID()


def test_resampling_onto_the_grid_as_it_is_only_crops() -> None:
    settings = {"resampledPixelSpacing": [1.0, 1.5, 2.5], "padDistance": 1}
    found, _ = operations.resampleImage(image(), mask(), **settings)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), NOISE[1:8, 2:11, 1:9])


def test_normalising_clips_before_it_scales() -> None:
    found = sitk.GetArrayFromImage(
        operations.normalizeImage(image(), normalizeScale=100, removeOutliers=1)
    )
    z = (NOISE - NOISE.mean()) / NOISE.std(ddof=1)
    np.testing.assert_allclose(found, 100 * np.clip(z, -1, 1), atol=1e-9)


@pytest.mark.parametrize(
    ("mode", "limits", "kept"),
    [
        ("absolute", [300, 0], lambda v: (v >= 0) & (v <= 300)),
        ("absolute", [100], lambda v: v >= 100),
        ("relative", [0.5], lambda v: v >= 0.5 * v.max()),
        ("sigma", [-1, 1], lambda v: np.abs(v - v.mean()) <= v.std()),
    ],
)
def test_resegmenting(
    mode: str, limits: list[float], kept: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> None:
    found = operations.resegmentMask(
        image(), mask(4), label=4, resegmentRange=limits, resegmentMode=mode
    )
    region = sitk.GetArrayFromImage(mask(4)) == 4
    expected = np.zeros(NOISE.shape, dtype=int)
    expected[region] = 4 * kept(NOISE[region].astype(float))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), expected)


@pytest.mark.parametrize("limits", [[], [1, 2, 3], None, [10**6]])
def test_resegmenting_that_leaves_nothing(limits: Any) -> None:
    with pytest.raises(ValueError, match=r"resegmentRange|retained 0"):
        operations.resegmentMask(image(), mask(), resegmentRange=limits)


def maps(kind: str, values: NDArray[Any] = NOISE, **settings: Any) -> dict[str, NDArray[Any]]:
    make = getattr(operations, f"get{kind}Image")
    found = make(image(values), mask(shape=values.shape), **settings)
    return {name: sitk.GetArrayFromImage(made) for made, name, _ in found}


@pytest.mark.parametrize("removed", [None, 0, 1, 2])
@pytest.mark.parametrize(("wavelet", "level", "start"), [("coif1", 1, 0), ("db4", 2, 1)])
def test_wavelets_are_those_of_pywavelets(
    removed: int | None, wavelet: str, level: int, start: int
) -> None:
    force = {} if removed is None else {"force2D": True, "force2Ddimension": removed}
    found = maps("Wavelet", wavelet=wavelet, level=level, start_level=start, **force)
    axes = [axis for axis in (2, 1, 0) if axis != removed]
    low = np.pad(NOISE, [(0, n % 2) for n in NOISE.shape], "wrap")
    inside = tuple(slice(0, n) for n in NOISE.shape)
    expected = {}
    for k in range(1, start + level + 1):
        bands = pywt.swtn(low, wavelet, 1, axes=axes)[0]
        low = bands.pop("a" * len(axes))
        if k > start:
            prefix = "wavelet-" if k == start + 1 else f"wavelet{k - start}-"
            letters = {band: band.replace("a", "L").replace("d", "H") for band in bands}
            expected.update({prefix + letters[band]: v[inside] for band, v in bands.items()})
    expected[prefix + "L" * len(axes)] = low[inside]
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name], values, rtol=0, atol=1e-12 * 8 * np.ptp(low), err_msg=name
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("wavelet", ["haar", "coif1", "coif3", "db4", "bior2.2", "dmey"])
def test_wavelets_are_equal_to_the_bit_but_at_the_far_end(wavelet: str, dtype: type) -> None:
    half = len(pywt.Wavelet(wavelet).dec_lo) // 2
    values = (RANDOM.normal(size=(24, 26, 68)) * 100).astype(dtype)
    found = maps("Wavelet", values, wavelet=wavelet)
    expected = pywt.swtn(values, wavelet, 1, axes=(2, 1, 0))[0]
    sure = tuple(slice(0, max(n - half, 1)) for n in values.shape)
    for band, theirs in expected.items():
        ours = found["wavelet-" + band.replace("a", "L").replace("d", "H")]
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours[sure], theirs[sure], err_msg=band)


@pytest.mark.parametrize("method", ["default", "ror", "uniform", "var"])
@pytest.mark.parametrize(("radius", "points"), [(1, 8), (1.5, 9), (2, 12), (3, 16)])
@pytest.mark.parametrize("greatest", [3, 1000])
def test_patterns_on_circles_are_those_of_scikit_image(
    method: str, radius: float, points: int, greatest: int
) -> None:
    values = RANDOM.integers(0, greatest, size=(2, 20, 17)).astype(float)
    settings = {"lbp2DMethod": method, "lbp2DRadius": radius, "lbp2DSamples": points}
    found = maps("LBP2D", values, **settings)["lbp-2D"]
    for ours, flat in zip(found, values.astype(int), strict=True):
        expected = local_binary_pattern(flat, points, radius, method)
        np.testing.assert_array_equal(ours, expected)


def test_patterns_of_whole_numbers_are_whole_numbers() -> None:
    for removed in (0, 1, 2):
        settings = {"force2D": True, "force2Ddimension": removed, "lbp2DMethod": "var"}
        found = maps("LBP2D", **settings)["lbp-2D"]
        assert found.dtype == np.int16
        flat = np.take(NOISE, 3, axis=removed) if removed == 0 else None
        if flat is not None:
            expected = np.trunc(local_binary_pattern(flat, 8, 1, "var"))
            np.testing.assert_array_equal(found[3], expected.astype(np.int16))


def test_patterns_of_a_single_slice_are_doubles() -> None:
    flat = operations.getLBP2DImage(image(NOISE[3], (1.0, 1.5)), None, lbp2DMethod="var")
    made, name, _ = next(flat)
    assert (name, made.GetDimension(), made.GetSpacing()) == ("lbp-2D", 2, (1.0, 1.5))
    expected = local_binary_pattern(NOISE[3], 8, 1, "var")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(made), expected)


@pytest.mark.parametrize("method", ["uniform", "var"])
def test_patterns_of_many_points_are_those_of_scikit_image(method: str) -> None:
    found = maps("LBP2D", NOISE.astype(float), lbp2DSamples=100, lbp2DRadius=3, lbp2DMethod=method)
    expected = local_binary_pattern(NOISE[4], 100, 3, method)
    np.testing.assert_array_equal(found["lbp-2D"][4], expected)


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("LBP2D", {"lbp2DSamples": 64, "lbp2DMethod": "default"}, "lbp2DSamples is 64.*1 to 63"),
        ("LBP2D", {"lbp2DSamples": 64, "lbp2DMethod": "ror"}, "lbp2DSamples is 64.*1 to 63"),
        ("LBP2D", {"lbp2DSamples": 65536}, "lbp2DSamples is 65536.*65535"),
        ("LBP2D", {"lbp2DMethod": "median"}, "lbp2DMethod is 'median'.*uniform"),
        ("LBP2D", {"lbp2DRadius": 0}, "lbp2DRadius is 0 voxels"),
        ("LBP3D", {"lbp3DLevels": 33}, "lbp3DLevels is 33"),
        ("LBP3D", {"lbp3DIcosphereRadius": -1}, "lbp3DIcosphereRadius is -1 voxels"),
        ("LBP3D", {"lbp3DIcosphereSubdivision": 7}, "lbp3DIcosphereSubdivision is 7"),
    ],
)
def test_patterns_that_cannot_be_made_name_the_setting(
    kind: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        maps(kind, **settings)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_patterns_on_spheres_are_those_of_scipy_s_splines(dtype: type) -> None:
    # Six of an icosphere's 42 points lie on the axes: where steps are whole, they are voxels.
    values = (RANDOM.normal(size=NOISE.shape) * 100).astype(dtype)
    inside = sitk.GetArrayFromImage(mask()) == 1
    samples = spheres(values, inside)
    ones = np.count_nonzero(samples >= values[inside], axis=0)
    found = {name: made[inside] for name, made in maps("LBP3D", values).items()}
    np.testing.assert_allclose(
        found["lbp-3D-m1"], ones / (4 * np.pi) * np.sqrt(len(samples)), rtol=1e-12
    )
    np.testing.assert_allclose(
        found["lbp-3D-k"], kurtosis(samples.astype(float), axis=0), rtol=1e-9, atol=1e-9
    )


def spheres(values: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[Any]:
    """The image at an icosphere's points around voxels, by SciPy: (points, voxels)."""
    t = (1 + np.sqrt(5)) / 2
    plane = np.array([(a, b * t, 0) for b in (1, -1) for a in (-1, 1)])
    corners = np.concatenate([np.roll(plane, turn, axis=1) for turn in range(3)])
    apart = np.linalg.norm(corners[:, np.newaxis] - corners, axis=2)
    first, second = np.nonzero(np.triu(np.isclose(apart, 2)))
    points = np.concatenate([corners, corners[first] + corners[second]])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    # By the cosine and sine of 36 degrees a point on an axis may be off it by a rounding.
    places = np.argwhere(inside)[np.newaxis] + np.round(points, 15)[:, np.newaxis]
    assert len(points) == 42
    return map_coordinates(values, places.reshape(-1, 3).T, order=3).reshape(42, -1)


def test_patterns_on_spheres() -> None:
    # A sphere of ones is what a flat image has everywhere: its part of degree 0 is all of it.
    found = maps("LBP3D", np.full((9, 14, 11), 7, dtype=np.int16))
    assert list(found) == ["lbp-3D-m1", "lbp-3D-m2", "lbp-3D-k"]
    inside = sitk.GetArrayFromImage(mask()) == 1
    points = 42
    np.testing.assert_allclose(
        found["lbp-3D-m1"][inside], points / (4 * np.pi) * np.sqrt(points), rtol=1e-12
    )
    assert np.isnan(found["lbp-3D-k"][inside]).all()
    assert not found["lbp-3D-k"][~inside].any()


def test_transforms_of_intensities() -> None:
    x = NOISE.astype(float)
    m = np.abs(x).max()
    sign = np.sign(x)
    expected = {
        "Square": x**2 / m,
        "SquareRoot": sign * np.sqrt(np.abs(x) * m),
        "Logarithm": sign * np.log(np.abs(x) + 1) * m / np.log(m + 1),
        "Exponential": np.exp(x * np.log(m) / m),
    }
    for kind, values in expected.items():
        np.testing.assert_allclose(maps(kind)[kind.lower()], values, rtol=1e-12, atol=1e-12 * m)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_transforms_are_equal_to_numpy_s_to_the_bit_or_to_the_last_place(dtype: type) -> None:
    values = NOISE.astype(dtype)
    x = values.astype(float)
    m = np.abs(x).max()
    logs = np.copysign(np.log(np.abs(x) + 1), x)
    exact = {
        "Square": ((1 / np.sqrt(m)) * x) ** 2,
        "SquareRoot": np.copysign(np.sqrt(np.abs(x) * m), x),
    }
    near = {
        "Logarithm": logs * (m / np.abs(logs).max()),
        "Exponential": np.exp((np.log(m) / m) * x),
    }
    for kind, expected in exact.items():
        np.testing.assert_array_equal(maps(kind, values)[kind.lower()], expected)
    for kind, expected in near.items():
        found = maps(kind, values)[kind.lower()]
        np.testing.assert_array_max_ulp(found, expected, 4)


def test_transforms_of_a_slice() -> None:
    made, _, _ = next(operations.getSquareRootImage(image(NOISE[3], (1.0, 1.5)), None))
    assert (made.GetDimension(), made.GetSpacing()) == (2, (1.0, 1.5))
    whole = image(np.concatenate([NOISE[3:4], NOISE[3:4]]))
    both = sitk.GetArrayFromImage(next(operations.getSquareRootImage(whole, None))[0])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(made), both[0])


def test_laplacians_of_gaussian_are_named_after_sigma_as_it_is_written() -> None:
    found = maps("LoG", sigma=[1, 2.0])
    assert list(found) == ["log-sigma-1-mm-3D", "log-sigma-2-0-mm-3D"]
    assert maps("LoG") == {}


def test_an_image_too_small_for_a_filter_yields_nothing_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert maps("LoG", sigma=[1, 100]).keys() == {"log-sigma-1-mm-3D"}
    assert "too small for sigma 100" in caplog.text


def test_gradient_by_length_or_by_voxel() -> None:
    ramp = np.tile(np.arange(11.0) * 3, (9, 14, 1))
    inner = (slice(2, -2),) * 3
    by_voxel = operations.getGradientImage(
        image(ramp, (2.0, 1.5, 2.5)), mask(), gradientUseSpacing=False
    )
    by_length = operations.getGradientImage(image(ramp, (2.0, 1.5, 2.5)), mask())
    for found, slope in ((by_voxel, 3), (by_length, 1.5)):
        values = sitk.GetArrayFromImage(next(found)[0])
        np.testing.assert_allclose(values[inner], slope, rtol=1e-6)


def test_diagnostics_of_a_region() -> None:
    values = np.zeros(NOISE.shape, dtype=np.uint8)
    values[1:3, 1:3, 1:3] = values[3, 3, 3] = values[7, 7, 7] = 1
    info = radiomics.generalinfo.GeneralInfo()
    info.addImageElements(image())
    info.addMaskElements(image(), image(values), 1)
    found = {k.removeprefix("diagnostics_"): v for k, v in info.getGeneralInfo().items()}
    assert found["Image-original_Hash"] == sitk.Hash(image())
    assert found["Mask-original_BoundingBox"] == (1, 1, 1, 7, 7, 7)
    assert (found["Mask-original_VoxelNum"], found["Mask-original_VolumeNum"]) == (10, 2)
    assert found["Mask-original_Mean"] == NOISE[values == 1].mean()
