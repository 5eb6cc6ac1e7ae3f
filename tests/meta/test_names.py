"""The maps to other tools' names are complete, and lead back to where they came from."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import ferromics as fm
from ferromics import compliance, names
from ferromics.names import Meaning, Reason

CATALOGUE = [row for row in fm.catalogue() if row["family"] != "diag"]
DIAGNOSTIC = [row["name"] for row in fm.catalogue() if row["family"] == "diag"]
VALUES = list(
    dict.fromkeys(
        (r.family, r.feature, r.aggregation) for r in compliance.references(standardised_only=False)
    )
)
DIAGNOSTICS = [("diag", feature, "") for feature in names.diagnostic_tags().values()]

# What PyRadiomics computes, by class; the deprecated ones after the bar.
PYRADIOMICS = {
    "firstorder": """10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum
        MeanAbsoluteDeviation Mean Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared
        Skewness TotalEnergy Uniformity Variance | StandardDeviation""",
    "shape": """Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn
        Maximum2DDiameterRow Maximum2DDiameterSlice Maximum3DDiameter MeshVolume MinorAxisLength
        Sphericity SurfaceArea SurfaceVolumeRatio VoxelVolume
        | Compactness1 Compactness2 SphericalDisproportion""",
    "shape2D": """Elongation MajorAxisLength MaximumDiameter MeshSurface MinorAxisLength Perimeter
        PerimeterSurfaceRatio PixelSurface Sphericity | SphericalDisproportion""",
    "glcm": """Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation
        DifferenceAverage DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2
        InverseVariance JointAverage JointEnergy JointEntropy MCC MaximumProbability SumAverage
        SumEntropy SumSquares | Dissimilarity Homogeneity1 Homogeneity2 SumVariance""",
    "glrlm": """GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance
        HighGrayLevelRunEmphasis LongRunEmphasis LongRunHighGrayLevelEmphasis
        LongRunLowGrayLevelEmphasis LowGrayLevelRunEmphasis RunEntropy RunLengthNonUniformity
        RunLengthNonUniformityNormalized RunPercentage RunVariance ShortRunEmphasis
        ShortRunHighGrayLevelEmphasis ShortRunLowGrayLevelEmphasis""",
    "glszm": """GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance
        HighGrayLevelZoneEmphasis LargeAreaEmphasis LargeAreaHighGrayLevelEmphasis
        LargeAreaLowGrayLevelEmphasis LowGrayLevelZoneEmphasis SizeZoneNonUniformity
        SizeZoneNonUniformityNormalized SmallAreaEmphasis SmallAreaHighGrayLevelEmphasis
        SmallAreaLowGrayLevelEmphasis ZoneEntropy ZonePercentage ZoneVariance""",
    "gldm": """DependenceEntropy DependenceNonUniformity DependenceNonUniformityNormalized
        DependenceVariance GrayLevelNonUniformity GrayLevelVariance HighGrayLevelEmphasis
        LargeDependenceEmphasis LargeDependenceHighGrayLevelEmphasis
        LargeDependenceLowGrayLevelEmphasis LowGrayLevelEmphasis SmallDependenceEmphasis
        SmallDependenceHighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis
        | DependencePercentage GrayLevelNonUniformityNormalized""",
    "ngtdm": "Busyness Coarseness Complexity Contrast Strength",
}
EVERY_PYRADIOMICS = [
    f"{group}_{feature}"
    for group, text in PYRADIOMICS.items()
    for feature in text.replace("|", " ").split()
]


def test_the_rows_are_the_catalogue() -> None:
    assert [(r.family, r.feature) for r in names.rows()] == [
        (r["family"], r["name"]) for r in CATALOGUE
    ]


@pytest.mark.parametrize("column", ["tag", "pyradiomics", "pictologics"])
def test_a_name_stands_for_one_feature(column: str) -> None:
    used = Counter(getattr(r, column) for r in names.rows() if getattr(r, column))
    assert [name for name, n in used.items() if n > 1] == []


def test_every_feature_has_a_tag_and_with_it_a_name_in_mirp_and_one_in_pictologics() -> None:
    assert [r for r in names.rows() if not (r.tag and r.pictologics)] == []


def test_tags_begin_with_the_family_of_the_spreadsheet() -> None:
    own = {"glcm": "cm", "glrlm": "rlm", "glszm": "szm", "gldzm": "dzm", "ngtdm": "ngt"}
    own["ngldm"] = "ngl"
    for row in names.rows():
        assert row.tag.startswith(own.get(row.family, row.family) + "_"), row


def test_pictologics_names_carry_the_code_of_ibsi_but_for_three() -> None:
    codes = {(r["family"], r["name"]): r["ibsi"] for r in CATALOGUE}
    others = [
        r.pictologics
        for r in names.rows()
        if not re.search(rf"_{codes[r.family, r.feature]}(_\d+)?$", r.pictologics)
    ]
    assert others == [
        "10th_discretised_intensity_percentile_1PR",
        "90th_discretised_intensity_percentile_GPMT",
        "small_zone_emphasis_P001",
    ]


@pytest.mark.parametrize("name", EVERY_PYRADIOMICS)
def test_each_feature_of_pyradiomics_is_mapped_or_has_a_reason(name: str) -> None:
    found = names.to_catalogue("pyradiomics", f"original_{name}")
    assert isinstance(found, Meaning | Reason)
    assert (name in names.PYRADIOMICS_WITHOUT) == isinstance(found, Reason)


def test_the_tables_name_no_feature_that_pyradiomics_lacks() -> None:
    known = {r.pyradiomics for r in names.rows() if r.pyradiomics} | set(names.PYRADIOMICS_WITHOUT)
    assert known == set(EVERY_PYRADIOMICS)
    assert set(names.PYRADIOMICS_CONVERTED) <= known


@pytest.mark.parametrize("tool", names.TOOLS)
def test_every_name_leads_back_to_its_feature(tool: str) -> None:
    written: dict[str, tuple[str, str, str]] = {}
    for key in [*VALUES, *DIAGNOSTICS]:
        name = names.from_catalogue(tool, *key)
        if name:
            assert name not in written, (name, key, written[name])
            written[name] = key
            found = names.to_catalogue(tool, name)
            assert isinstance(found, Meaning), (name, found)
            assert found[:3] == key
    assert (
        len(written)
        == {
            "ferromics": 547,
            "tags": 547,
            "mirp": 490,
            "pyradiomics": 141,
            "pictologics": 174,
        }[tool]
    )


def test_there_are_60_diagnostic_features() -> None:
    assert len(DIAGNOSTICS) == len(set(DIAGNOSTICS)) == 60
    stages = Counter(
        re.match(r"(initial|interpolated|resegmented)_(image|roi)", f)[0] for _, f, _ in DIAGNOSTICS
    )
    assert set(stages.values()) == {9, 14}


@pytest.mark.parametrize(
    ("tool", "name", "why"),
    [
        ("tags", "cm_joint_max", "does not say the aggregation"),
        ("tags", "szm_sze_3D_avg", "not aggregated as 3d_averaged"),
        ("tags", "stat_mean_2D", "not aggregated as 2d"),
        ("tags", "stat_mode", "no reference value"),
        ("mirp", "cm_joint_max_d2_3d_avg", "distance 2"),
        ("mirp", "ngl_lde_d1_a1.0_3d", "coarseness 1.0"),
        ("mirp", "cm_joint_max_d1_2d_range", "range over"),
        ("mirp", "ih_mean_fbsp_w25.0", "bins counted from 0"),
        ("mirp", "log_s_1.5_3D_stat_mean", "filtered image (log_s_1.5_3D)"),
        ("mirp", "cm_joint_max_d1", "does not say the aggregation"),
        ("mirp", "ivh_v25", "no reference value"),
        ("pyradiomics", "wavelet-LLH_glcm_Id", "filtered image (wavelet-LLH)"),
        ("pyradiomics", "log-sigma-1-0-mm-3D_firstorder_Mean", "filtered image"),
        ("pyradiomics", "original_glcm_Novelty", "no such feature"),
        ("pictologics", "volume_at_intensity_fraction_0.25_BC2M_25", "10 % and 90 %"),
        ("ferromics", "original_glcm_contrast_fbn32_3d_merged_d2", "d2 differs"),
        ("ferromics", "original_glcm_contrast_fbn32", "does not say the aggregation"),
        ("ferromics", "log-sigma2mm_stat_mean_intensity", "filtered image (log-sigma2mm)"),
        ("ferromics", "original_stat_novelty", "no reference value"),
    ],
)
def test_what_is_not_the_same_quantity_has_a_reason(tool: str, name: str, why: str) -> None:
    found = names.to_catalogue(tool, name)
    assert isinstance(found, Reason), found
    assert why in found.why


@pytest.mark.parametrize("tool", names.TOOLS)
def test_other_columns_are_no_names(tool: str) -> None:
    for text in ("", "PatientID", "label_1.0_lesion_1", "age at scan", "Case-1", "stat"):
        assert names.to_catalogue(tool, text) is None


def test_textures_of_pyradiomics_by_slice_are_merged_over_slices() -> None:
    for name, by_slice, merged, aggregation in [
        ("glcm_Id", True, False, "2.5d_direction_merged"),
        ("glrlm_RunEntropy", True, True, "2.5d_merged"),
        ("glcm_Id", False, True, "3d_merged"),
        ("gldm_DependenceVariance", True, False, "2.5d"),
        ("firstorder_Mean", True, True, ""),
    ]:
        found = names.to_catalogue(
            "pyradiomics", f"original_{name}", by_slice=by_slice, merged=merged
        )
        assert isinstance(found, Meaning)
        assert found.aggregation == aggregation


def test_a_code_speaks_for_a_name_that_is_spelt_otherwise() -> None:
    found = names.to_catalogue("pictologics", "centre_of_mass_shift_KLMA")
    assert found == Meaning("morph", "centre_of_mass_shift")
    shifted = names.to_catalogue("pictologics", "90th_discretised_intensity_percentile_GPMT")
    assert isinstance(shifted, Meaning)
    assert shifted.feature == "discretised_intensity_percentile_90"


def test_the_docs_page_holds_every_name() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "names.md").read_text(encoding="utf-8")
    shown = [name for row in names.rows() for name in row[1:] if name]
    shown += [*names.PYRADIOMICS_WITHOUT, *names.diagnostic_tags()]
    missing = [name for name in shown if f"`{name}`" not in page]
    assert not missing, "run `make docs`"


def test_the_diagnostic_tags_are_those_of_the_catalogue_s_diagnostic_features() -> None:
    assert sorted(names.diagnostic_tags().values()) == sorted(DIAGNOSTIC)
