"""Settings: forms, errors, files, hash, and agreement with the core."""

import json
from importlib import resources

import jsonschema
import numpy as np
import pytest
import yaml

import ferromics as fm
from ferromics import _core, compliance, families
from ferromics.settings import Settings


def core_part(settings):
    return json.loads(settings.core_json())


def test_defaults_are_the_cores():
    assert core_part(Settings()) == json.loads(_core.default_settings())


@pytest.mark.parametrize("family", families.default_families(), ids=lambda f: f.type)
def test_defaults_of_every_family_are_the_cores_when_left_out(family):
    _core.Plan(json.dumps({"features": [{"type": family.type}]}))
    bare = _core.Plan(json.dumps({"features": [{"type": family.type}]})).columns
    full = _core.Plan(Settings(features=[family]).core_json()).columns
    assert bare == full


@pytest.mark.parametrize("name", fm.presets())
def test_the_core_takes_every_preset(name):
    assert _core.Plan(Settings.preset(name).core_json()).columns


def test_presets_ask_for_every_aggregation_that_has_reference_values():
    names = {c: f"ibsi:{c}" for c in "ABCDE"} | {"digital_phantom": "ibsi:phantom"}
    for configuration, preset in names.items():
        asked = {
            (c[2], c[3], c[5]) for c in _core.Plan(Settings.preset(preset).core_json()).columns
        }
        rows = [r for r in compliance.references() if r.configuration == configuration]
        assert not {(r.family, r.feature, r.aggregation) for r in rows} - asked


SHORT = [
    ({"discretise": "fbn16"}, {"discretise": [{"type": "fbn", "bins": 16}]}),
    ({"discretise": ["FBS 2.5"]}, {"discretise": [{"type": "fbs", "width": 2.5}]}),
    ({"discretise": "none"}, {"discretise": [{"type": "none"}]}),
    ({"discretise": {"type": "none"}}, {"discretise": [{"type": "none"}]}),
    ({"features": "glcm"}, {"features": [{"type": "glcm"}]}),
    ({"features": "all"}, {}),
    (
        {"features": [{"type": "ngtdm", "aggregations": "all", "distances": 2}]},
        {"features": [{"type": "ngtdm", "aggregations": ["2d", "2.5d", "3d"], "distances": [2]}]},
    ),
    (
        {"features": [{"type": "ivh", "discretise": "fbs2.5"}]},
        {"features": [{"type": "ivh", "discretise": {"type": "fbs", "width": 2.5}}]},
    ),
    ({"image": {"slice_axis": 2}}, {"image": {"slice_axis": "x"}}),
    ({"resample": 2}, {"resample": {"spacing": [2, 2, 2]}}),
    ({"resample": [1, 1.5]}, {"resample": {"spacing": [None, 1, 1.5]}}),
    ({"resample": {"spacing": [None, 1, 1]}}, {"resample": {"spacing": (None, 1.0, 1.0)}}),
    ({"resample": None}, {}),
    (
        {"resample": {"method": "tricubic_spline", "mask_method": "trilinear"}},
        {"resample": {"method": "cubic", "mask_method": "linear"}},
    ),
    ({"normalise": "zscore"}, {"normalise": {"type": "zscore", "over": "image"}}),
    ({"normalise": "none"}, {}),
    (
        {"normalise": {"type": "range", "from": [None, 9], "to": [0, 255]}},
        {"normalise": {"type": "range", "from": [None, 9.0], "to": [0.0, 255.0], "clip": True}},
    ),
    ({"bias_correction": True}, {"bias_correction": {"shrink": 4}}),
    ({"bias_correction": False}, {}),
    ({"resegment": {"range": [float("-inf"), 400]}}, {"resegment": {"range": [None, 400.0]}}),
    (
        {"features": [{"type": "stat", "only": "mean_intensity"}]},
        {"features": [{"type": "stat", "only": ["mean_intensity"]}]},
    ),
]


@pytest.mark.parametrize(("short", "full"), SHORT)
def test_short_forms_mean_the_full_ones(short, full):
    assert Settings(**short) == Settings(**full)
    assert Settings(**short).hash == Settings(**full).hash


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"features": ["gclm"]},
            r"features\[0\]: 'gclm' is not known, did you mean 'glcm'\?",
        ),
        (
            {"features": ["stat", {"type": "glcm", "distance": [1]}]},
            r"^features\[1\]\.distance is not known, did you mean 'distances'\? Allowed: [^;]*$",
        ),
        ({"resample": {"spacng": 1}}, r"^resample\.spacng is not known, did you mean 'spacing'\?"),
        ({"resample": {"spacing": [1, 1, 1, 1]}}, r"resample\.spacing: .* two \(y, x\) or three"),
        ({"resample": -2}, r"^resample\.spacing: -2 is not allowed; a positive length in mm"),
        ({"resample": True}, r"^resample: True is not allowed; keys with values are needed$"),
        ({"normalise": {"type": "range", "from_": [0, 1]}}, r"^normalise\.from_ is not known"),
        ({"resample": {"spacing": [1, 0, 1]}}, r"^resample\.spacing\[1\]: 0 .* above 0$"),
        ({"resample": {"method": "cubc"}}, r"^resample\.method: 'cubc' .* did you mean 'cubic'\?"),
        ({"resample": {"mask_threshold": 0}}, r"^resample\.mask_threshold: 0 .* above 0$"),
        ({"resample": {"anti_alias": 1}}, r"^resample\.anti_alias: 1 .* below 1$"),
        ({"normalise": "z-score"}, r"^normalise: 'z-score' is not known, did you mean 'zscore'\?"),
        ({"normalise": {"type": "zscore", "clp": 3}}, r"^normalise\.clp is not known, .*'clip'\?"),
        (
            {"normalise": {"type": "percentile", "percentiles": [99, 1]}},
            r"^normalise\.percentiles: \[99\.0, 1\.0\] is not allowed; the lower one comes first$",
        ),
        (
            {"normalise": {"type": "range", "from": [5, 5]}},
            r"^normalise\.from: \[5\.0, 5\.0\] is not allowed; the lower one comes first$",
        ),
        ({"bias_correction": {"shrnk": 2}}, r"^bias_correction\.shrnk is not known, .*'shrink'\?"),
        ({"featurs": []}, r"featurs is not known, did you mean 'features'\?"),
        ({"resegment": {"rang": [0, 1]}}, r"resegment\.rang is not known, did you mean 'range'\?"),
        (
            {"features": [{"type": "glcm", "distances": [1, 0]}]},
            r"^features\[0\]\.distances\[1\]: 0 is not allowed; it must be at least 1$",
        ),
        (
            {"features": [{"type": "glcm", "aggregations": ["3d_mergd"]}]},
            r"aggregations\[0\]: '3d_mergd' is not known, did you mean '3d_merged'\?",
        ),
        ({"features": [{"distances": [1]}]}, r"features\[0\]: .* needs a `type`"),
        ({"features": []}, r"features: \[\] is not allowed; at least 1 entry is needed"),
        (
            {"features": [{"type": "glcm", "only": ["joint_entrpy"]}]},
            r"features\[0\]\.only: 'joint_entrpy' is not known, did you mean 'joint_entropy'\?",
        ),
        (
            {"features": [{"type": "ngldm", "alpha": 0.5}]},
            r"alpha: 0\.5 is not allowed; a whole number",
        ),
        ({"features": [{"type": "ngldm", "alpha": True}]}, r"alpha: True is not allowed; a number"),
        (
            {"features": [{"type": "glcm", "symmetric": "maybe"}]},
            r"symmetric: 'maybe' .* true or false",
        ),
        ({"discretise": ["fbn"]}, r"discretise\[0\]: 'fbn' is not allowed; write fbn<bins>"),
        ({"discretise": [{"type": "fbs"}]}, r"^discretise\[0\]\.width is missing$"),
        (
            {"discretise": [{"type": "fbs", "width": 0}]},
            r"width: 0 is not allowed; it must be above 0",
        ),
        (
            {"discretise": [{"type": "fbs", "width": float("nan")}]},
            r"width: nan is not allowed; a finite number",
        ),
        ({"resegment": {"range": [3, 1]}}, r"resegment\.range: .* the lower limit must not exceed"),
        ({"schema": 2}, r"schema: 2 is not allowed; this version of ferromics reads schema 1"),
        ({"image": {"slice_axis": "w"}}, r"image\.slice_axis: 'w' is not known"),
        (
            {"features": [{"type": "ivh", "discretise": "fbs-1"}]},
            r"features\[0\]\.discretise\.width",
        ),
        ({1: 2}, r"key 1 is not known"),
    ],
)
def test_errors_name_path_value_and_remedy_in_one_line(given, message):
    with pytest.raises(fm.SettingsError, match=message) as error:
        Settings.of(given)
    assert "\n" not in str(error.value)


def test_several_errors_are_all_told():
    with pytest.raises(fm.SettingsError, match=r"width is missing; .*widht is not known"):
        Settings(discretise=[{"type": "fbs", "widht": 3}])


def test_stages_raise_settings_errors_too():
    with pytest.raises(fm.SettingsError, match=r"^distances\[0\]: 0 is not allowed"):
        families.Glcm(distances=[0])


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Settings().discretise = ()


@pytest.mark.parametrize("name", [None, *fm.presets()])
@pytest.mark.parametrize("suffix", [".yaml", ".json", ".yml"])
def test_a_file_reads_back_equal(tmp_path, name, suffix):
    before = Settings.of(name)
    path = tmp_path / f"s{suffix}"
    before.save(path)
    assert Settings.load(path) == before == Settings.of(str(path))
    assert Settings.load(path).hash == before.hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("features: [glcm\n", r"s\.yaml, line 2, column 1: this is not readable as YAML"),
        ("features: [gclm]\n", r"s\.yaml: features\[0\]: 'gclm'"),
        ("[1, 2]\n", r"s\.yaml: settings must be keys with values"),
        ("schema: 1\nschema: 1\n", r"line 2, column 1: .*'schema' is given twice"),
        ("a: !!python/object:os.system {}\n", r"not readable as YAML"),
        ("\x00", "not readable as YAML"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, text, message):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(fm.SettingsError, match=message) as error:
        Settings.load(path)
    assert "\n" not in str(error.value)


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no settings file"):
        Settings.load(tmp_path / "none.yaml")
    with pytest.raises(fm.SettingsError, match="folder"):
        Settings.load(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(fm.SettingsError, match="not a text file"):
        Settings.load(tmp_path / "binary.yaml")
    with pytest.raises(fm.SettingsError, match="did you mean 'ibsi:A'"):
        Settings.of("ibsi:a")
    with pytest.raises(TypeError, match="settings must be"):
        Settings.of(3)


def test_an_empty_file_means_the_defaults(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("# nothing\n")
    assert Settings.load(path) == Settings()


def test_the_hash_depends_neither_on_order_nor_on_format():
    one = yaml.safe_load(
        "{resegment: {range: [-500, 4e+2]}, features: [{type: glcm, distances: [2]}]}"
    )
    two = yaml.safe_load(
        "features: [{distances: [2], norm: chebyshev, type: glcm}]\nschema: 1\n"
        "resegment: {outlier_sigma: null, range: [-500.0, 400]}\n"
    )
    assert Settings.of(one).hash == Settings.of(two).hash


def test_the_hash_tells_settings_apart():
    variants = [
        {},
        {"discretise": "fbn16"},
        {"discretise": "fbs16"},
        {"discretise": ["fbn16", "fbs16"]},
        {"features": ["glcm"]},
        {"features": ["glcm", "stat"]},
        {"resegment": {"range": [0, None]}},
        {"resegment": {"range": [None, 0]}},
        {"image": {"slice_axis": "z"}},
    ]
    assert len({Settings(**v).hash for v in variants}) == len(variants)


def test_the_hash_of_the_defaults_never_changes():
    # SHA-256 of {"schema":1}: an option that is off is not in it.
    assert Settings().hash == "67d6291b301412df4a6ca7808aeafac9d0587b06ece3c68e72bab0157cd9d52c"


SCHEMA = jsonschema.Draft202012Validator(Settings.json_schema())


def test_the_json_schema_describes_a_settings_file():
    SCHEMA.check_schema(SCHEMA.schema)
    stages = {"image", "bias_correction", "normalise", "resample", "resegment", "discretise"}
    assert set(SCHEMA.schema["properties"]) == {
        "schema",
        *stages,
        "original",
        "filters",
        "features",
    }


@pytest.mark.parametrize("name", fm.presets())
def test_the_json_schema_takes_presets_as_they_are_written_and_in_full(name):
    file = resources.files("ferromics") / "presets" / f"{name.replace(':', '_')}.yaml"
    SCHEMA.validate(yaml.safe_load(file.read_text("utf-8")))
    SCHEMA.validate(json.loads(Settings.preset(name).to_json()))


@pytest.mark.parametrize("short", [short for short, _ in SHORT])
def test_the_json_schema_takes_short_forms(short):
    if "range" not in short.get("resegment", {}):  # infinity is no JSON
        SCHEMA.validate(short)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resample": {"spacing": [0, 1, 1]}},
        {"resample": 0},
        {"resample": {"method": "sinc"}},
        {"features": ["gclm"]},
        {"discretise": "fbx3"},
        {"featurs": []},
        {"normalise": {"type": "zscore", "clip": -1}},
    ],
)
def test_the_json_schema_refuses_what_settings_refuse(wrong):
    assert not SCHEMA.is_valid(wrong)
    with pytest.raises(fm.SettingsError):
        Settings.of(wrong)


@pytest.mark.parametrize(
    ("settings", "remarked"),
    [
        ({"discretise": "fbs25"}, True),
        ({"discretise": "fbs25", "resegment": {"range": [None, 400]}}, True),
        ({"discretise": "fbs25", "resegment": {"range": [-500, None]}}, False),
        ({"discretise": {"type": "fbs", "width": 25, "minimum": 0}}, False),
        ({"discretise": "fbn32"}, False),
    ],
)
def test_a_bin_size_without_a_fixed_start_is_remarked_on(block, settings, remarked):
    image, mask = block
    image = abs(image)
    result = fm.extract(image, mask, settings, spacing=(1, 1, 1))
    assert any("lower re-segmentation limit" in w for w in result.warnings) == remarked


def test_numpy_numbers_serve_as_numbers():
    settings = Settings(resample=np.float32(2), discretise=[{"type": "fbn", "bins": np.int64(8)}])
    assert settings == Settings(resample=2, discretise="fbn8")
    assert Settings(resample=np.array([1, 2])) == Settings(resample=[1, 2])


def test_numbers_that_yaml_takes_for_text_serve_as_numbers(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("resample: {spacing: 1e0, max_voxels: 1e9}\n")
    stage = Settings.load(path).resample
    assert (stage.spacing, stage.max_voxels) == ((1.0, 1.0, 1.0), 10**9)


def test_a_changed_copy_is_described_anew() -> None:
    settings = Settings(features=["glcm"])
    before = settings.hash, settings.core_json(), settings.to_json()
    other = settings.model_copy(update={"original": False})
    after = other.hash, other.core_json(), other.to_json()
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert (settings.hash, settings.core_json(), settings.to_json()) == before
