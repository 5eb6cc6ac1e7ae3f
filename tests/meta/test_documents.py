"""What the documents show runs as written."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import ferromics as fm

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [m.name for m in pkgutil.iter_modules(fm.__path__) if not m.name.startswith("__")]


@pytest.mark.parametrize("module", ["", *MODULES])
def test_examples_in_docstrings_hold(module: str) -> None:
    name = f"ferromics.{module}" if module else "ferromics"
    examples = importlib.import_module(name)
    assert doctest.testmod(examples, optionflags=doctest.ELLIPSIS).failed == 0


def test_the_public_functions_have_examples() -> None:
    functions = [n for n in fm.__all__ if n.islower() and not n.startswith("_")]
    core = {"aggregations", "build_info", "catalogue", "phantom", "presets"}
    lacking = [
        n for n in functions if n not in core and ">>>" not in (getattr(fm, n).__doc__ or "")
    ]
    assert not lacking


def test_the_readme_s_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_readme_shows_the_two_commands_at_the_top() -> None:
    head = README[:600]
    assert "make demo" in head
    assert "make test" in head


def test_links_within_the_documents_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
