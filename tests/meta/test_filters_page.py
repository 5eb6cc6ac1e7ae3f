"""docs/filters.md tells of every filter, every setting, its default, and the names of maps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ferromics.extractor import plan
from ferromics.filter_settings import FILTERS, Filter
from ferromics.response import map_names
from ferromics.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^##+ (.*?)\n(.*?)(?=^##|\Z)", PAGE, re.S | re.M))
BY_TYPE = {
    name: body
    for title, body in SECTIONS.items()
    for name in re.findall(r"`(\w+)`", title.partition(":")[0])
}
COMMON = {*Filter.model_fields} - {"type"}


def rows(body: str) -> dict[str, str]:
    """Default by setting of a section's table."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", body, re.M))


def defaults(model: type[Filter]) -> dict[str, object]:
    values = {}
    for name, field in model.model_fields.items():
        default = field.default
        if hasattr(default, "model_dump"):
            default = default.model_dump()
        values[name] = "required" if field.is_required() else default
    return values


def as_yaml(cell: str) -> object:
    text = cell.strip("`")
    return text if text == "required" else yaml.safe_load(text)


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("model", FILTERS, ids=lambda m: m.model_fields["type"].default)
def test_each_filter_has_its_settings_and_their_defaults(model: type[Filter]) -> None:
    expected = {k: v for k, v in defaults(model).items() if k not in {"type", *COMMON}}
    told = {k: as_yaml(v) for k, v in rows(BY_TYPE[model.model_fields["type"].default]).items()}
    assert told == {k: plain(v) for k, v in expected.items()}


def test_the_settings_of_all_filters_are_told_once() -> None:
    told = {k: as_yaml(v) for k, v in rows(SECTIONS["What all filters share"]).items()}
    assert told == {k: plain(v) for k, v in defaults(Filter).items() if k in COMMON}


def test_the_page_has_no_other_filter() -> None:
    assert set(BY_TYPE) == {m.model_fields["type"].default for m in FILTERS}


EXAMPLES = [
    (title, text)
    for title, body in SECTIONS.items()
    for text in re.findall(r"```yaml\n(.*?)```", body, re.S)
]


@pytest.mark.parametrize(("title", "text"), EXAMPLES, ids=[t for t, _ in EXAMPLES])
def test_examples_make_the_maps_that_the_page_names(title: str, text: str) -> None:
    settings = Settings.of(yaml.safe_load(text))
    assert plan(settings).columns
    lacking = [name for name in map_names(settings) if f"`{name}`" not in SECTIONS[title]]
    assert not lacking


def test_every_filter_has_an_example() -> None:
    shown = {title for title, _ in EXAMPLES}
    assert not [title for title in SECTIONS if title.startswith("`") and title not in shown]


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(compile(code, "filters.md", "exec"), {})
    assert "log-sigma2mm (4, 4, 5)" in capsys.readouterr().out
