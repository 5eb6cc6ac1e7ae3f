"""Filters in settings: the core's names, defaults and limits; forms, errors, maps, hash."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import jsonschema
import pytest

import ferromics as fm
from ferromics import _core, filter_settings
from ferromics.extractor import plan
from ferromics.settings import Settings

FILTERS = {f.model_fields["type"].default: f for f in filter_settings.FILTERS}
# What a filter cannot do without, as the shortest block that is allowed.
NEEDED = {
    "mean": {"support": 3},
    "log": {"sigma": [2.0]},
    "laws": {"kernels": ["L5E5"]},
    "gabor": {"sigma": 3.0, "wavelength": 2.0},
    "wavelet": {"wavelet": "db2"},
    "riesz": {"order": [1, 0, 0], "sigma": 2.0},
}


def block(kind: str, **keys: object) -> dict:
    return {"type": kind, **NEEDED.get(kind, {}), **keys}


@pytest.mark.parametrize("kind", FILTERS)
def test_a_filters_defaults_are_the_cores(kind) -> None:
    settings = {"filters": [block(kind)], "features": [{"type": "stat"}]}
    bare, full = _core.Plan(json.dumps(settings)), _core.Plan(Settings(**settings).core_json())
    assert bare.maps == full.maps
    assert bare.columns == full.columns
    # No default is part of a name, so equal names are equal filters; and the core knows all keys.
    assert not [name for name in bare.maps if "None" in name or name.endswith(("mirror", "double"))]


@pytest.mark.parametrize("kind", FILTERS)
def test_a_filters_parameters_and_defaults_are_those_of_its_function(kind) -> None:
    function = inspect.signature(getattr(fm.filters, kind)).parameters
    fields = FILTERS[kind].model_fields
    rules = set(filter_settings.Filter.model_fields)
    known = {"sub_bands": "sub_band"}  # several in a block
    for name in set(fields) - rules:
        parameter = function[known.get(name, name)]
        if name in ("sub_bands", "level") or parameter.default is parameter.empty:
            continue
        assert fields[name].default == parameter.default, (kind, name)
    # What a function takes that a block does not is of arrays.
    extra = set(function) - {known.get(name, name) for name in fields}
    assert extra <= {"image", "spacing", "dtype", "threads"}


REFUSED = [
    (block("mean", support=4), r"^filters\[0\]\.support: 4 is not allowed; it must be odd"),
    (block("log", sigma=0), r"^filters\[0\]\.sigma\[0\]: 0 is not allowed"),
    (block("log", sigma=[]), r"^filters\[0\]\.sigma: \[\] is not allowed"),
    (block("log", truncate=-1), r"^filters\[0\]\.truncate: -1"),
    ({"type": "log"}, r"^filters\[0\]\.sigma is missing"),
    (block("log", dimension=4), r"^filters\[0\]\.dimension: 4 is not known.*Allowed: 2, 3"),
    (block("log", boundary="miror"), r"^filters\[0\]\.boundary: 'miror'.*did you mean 'mirror'\?"),
    (block("laws", kernels="L5X5"), r"^filters\[0\]\.kernels: 'L5X5'"),
    (block("laws", energy=-1), r"^filters\[0\]\.energy: -1"),
    (block("laws", pooling="average"), r"^filters\[0\]\.pooling: 'average'"),
    (block("gabor", theta_step=50), r"^filters\[0\]\.theta_step: 50"),
    (block("gabor", wavelength=0), r"^filters\[0\]\.wavelength: 0"),
    (block("wavelet", wavelet="cof1"), r"^filters\[0\]\.wavelet: 'cof1'.*did you mean 'coif1'\?"),
    (block("wavelet", sub_bands="LX"), r"^filters\[0\]\.sub_bands: 'LX' is not allowed"),
    (block("wavelet", sub_bands=[]), r"^filters\[0\]\.sub_bands: \[\] is not allowed"),
    (block("wavelet", level=0), r"^filters\[0\]\.level\[0\]: 0"),
    (block("simoncelli", level=[1, 0]), r"^filters\[0\]\.level\[1\]: 0"),
    (block("riesz", order=[0, 0, 0]), r"^filters\[0\]\.order: \[0, 0, 0\] is not allowed"),
    (block("riesz", order=[9, 9, 0]), r"^filters\[0\]\.order: \[9, 9, 0\] is not allowed"),
    (block("riesz", sigma=None), r"^filters\[0\]\.sigma: None is not allowed; a base of 'log'"),
    (
        block("riesz", base="shannon"),
        r"^filters\[0\]\.sigma: 2\.0 is not .* takes a level",
    ),
    (block("riesz", level=2), r"^filters\[0\]\.level: 2 is not allowed; only a wavelet"),
    (
        {"type": "riesz", "order": [1, 0, 0], "base": "shannon", "truncate": 3},
        r"^filters\[0\]\.truncate: 3\.0 is not allowed",
    ),
    (block("wavelet", sub_bands="LLH", dimension=2), r"^filters\[0\]\.sub_bands: 'LLH' is not"),
    (block("riesz", order=[0, 0, 1], dimension=2), r"^filters\[0\]\.dimension: 2 is not allowed"),
    (block("square", largest=0), r"^filters\[0\]\.largest: 0"),
    (block("lbp_2d", samples=25), r"^filters\[0\]\.samples: 25"),
    (block("lbp_3d", radius=0.5), r"^filters\[0\]\.radius: 0\.5"),
    (block("square", precision="half"), r"^filters\[0\]\.precision: 'half'"),
    (block("square", sigma=3), r"^filters\[0\]\.sigma is not known"),
    (block("square", name="a b"), r"^filters\[0\]\.name: 'a b'"),
    (
        block("square", resegment={"range": [2, 1]}),
        r"^filters\[0\]\.resegment\.range: \[2\.0, 1\.0\]",
    ),
    (block("square", discretise="fbx3"), r"^filters\[0\]\.discretise\[0\]: 'fbx3'"),
    (block("square", features=["gclm"]), r"^filters\[0\]\.features\[0\]: 'gclm'.*'glcm'"),
    ({"type": "lgo"}, r"^filters\[0\]: 'lgo' is not known, did you mean 'log'\?"),
    ({"sigma": 1}, r"^filters\[0\]: .*needs a `type`"),
]


@pytest.mark.parametrize(("wrong", "told"), REFUSED, ids=lambda v: None)
def test_what_settings_refuse_the_core_refuses(wrong, told) -> None:
    with pytest.raises(fm.SettingsError, match=told):
        Settings(filters=[wrong])
    with pytest.raises(fm.SettingsError):
        _core.Plan(json.dumps({"filters": [wrong]}))


def test_settings_without_filters_build_no_models_of_them() -> None:
    code = (
        "import sys; from ferromics.settings import Settings; "
        "Settings.preset('ct'), Settings(filters=None), Settings(filters=[]); "
        "assert 'ferromics.filter_settings' not in sys.modules; "
        "Settings(filters='gradient'); assert 'ferromics.filter_settings' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"filters": [block("log", sigma=[1, 2], name="a")]},
            r"\.name: 'a' for 2 maps",
        ),
        ({"filters": ["square", "square"]}, r"filters\[1\]\.name: 'square' is not allowed"),
        (
            {"filters": [block("log", features="stat"), block("log", features="ih")]},
            r"filters\[1\]\.name: 'log-sigma2mm' is not allowed; an earlier filter",
        ),
        ({"filters": [block("log", name="original")]}, r"\.name: 'original' .* the image itself"),
        ({"filters": [block("log", name="gradient"), "gradient"]}, r"\[1\]\.name: 'gradient'"),
        ({"original": False}, r"original: false is not allowed"),
        ({"filters": [block("square", features=["diag"])]}, r"filters\[0\]\.features\[0\]: diag"),
        ({"filters": ["square"], "features": ["morph"]}, r"filters\[0\]\.features: nothing"),
        ({"filters": [block("wavelet", sub_bands=["LL", "LLH"])]}, None),
    ],
)
def test_what_only_the_plan_can_tell(settings, told) -> None:
    if told is None:  # slices and volume side by side are two kinds of maps
        assert len(plan(settings).core.maps) == 2
        return
    with pytest.raises(fm.SettingsError, match=told):
        plan(settings)


def test_short_forms() -> None:
    short = {"type": "log", "sigma": 2, "features": "stat", "discretise": "fbn16"}
    full = {
        "type": "log",
        "sigma": [2.0],
        "features": [{"type": "stat"}],
        "discretise": [{"type": "fbn", "bins": 16}],
    }
    assert Settings(filters=short) == Settings(filters=[full])
    assert Settings(filters="gradient") == Settings(filters=[{"type": "gradient"}])
    band = Settings(filters=[block("wavelet", sub_bands="LLH")]).filters[0]
    assert band.sub_bands == ("LLH",)
    one = Settings(filters=[block("log", sigma="1e0", boundary="2.5", dimension="2")]).filters[0]
    assert (one.sigma, one.boundary, one.dimension) == ((1.0,), 2.5, 2)
    assert Settings(filters=None) == Settings()


@pytest.mark.parametrize("kind", FILTERS)
def test_a_block_round_trips_and_the_json_schema_takes_it(kind, tmp_path) -> None:
    settings = Settings(filters=[block(kind, boundary=0) if kind == "mean" else block(kind)])
    for name in ("settings.yaml", "settings.json"):
        settings.save(tmp_path / name)
        assert Settings.load(tmp_path / name) == settings
    schema = jsonschema.Draft202012Validator(Settings.json_schema())
    schema.validate(json.loads(settings.to_json()))
    schema.validate({"filters": [block(kind)]})
    assert not schema.is_valid({"filters": [block(kind, widht=3)]})


def test_the_hash_knows_what_differs_from_a_filters_defaults() -> None:
    plain = Settings(filters=[block("log")]).hash
    assert plain != Settings().hash
    same = [block("log", truncate=4), block("log", features=None, name=None, precision="double")]
    assert {Settings(filters=[b]).hash for b in same} == {plain}
    other = [block("log", truncate=3), block("log", features="stat"), block("log", boundary=0)]
    hashes = {Settings(filters=[b]).hash for b in [*other, block("gradient"), block("shannon")]}
    assert len(hashes | {plain}) == 6
    assert Settings(original=False, filters=[block("log")]).hash not in hashes | {plain}


def test_bins_of_a_fixed_size_on_a_map_are_remarked_on() -> None:
    def notes(**settings: object) -> list[str]:
        range_ = {"range": [-500, 400]}
        return list(Settings(resegment=range_, discretise="fbs25", **settings).notes())

    assert notes() == []
    assert notes(filters=[block("mean")]) == []  # still in the image's unit
    assert notes(filters=[block("lbp_2d", discretise="fbs1")]) == []  # codes
    assert notes(filters=[block("log", discretise="fbn32")]) == []
    assert ["filters[0] (log)" in note for note in notes(filters=[block("log")])] == [True]
