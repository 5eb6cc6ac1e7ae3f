"""The command line. Data goes to stdout, messages to stderr; heavy imports wait until needed.

Exit status: 0 done, 1 some regions failed (or a reference value is missed), 2 unusable input or
settings, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferromics._cli_batch import HELP as BATCH_HELP
from ferromics._cli_batch import batch
from ferromics._cli_filter import HELP as FILTER_HELP
from ferromics._cli_filter import filter_image
from ferromics._cli_ibsi import ibsi_app
from ferromics._cli_map import HELP as MAP_HELP
from ferromics._cli_map import map_features
from ferromics._cli_report import HELP as REPORT_HELP
from ferromics._cli_report import cohort_report
from ferromics._console import (
    BROKEN_PIPE,
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    UNUSABLE,
    Layout,
    Listing,
    SettingsOption,
    parse_labels,
    progress,
    tell,
)

if TYPE_CHECKING:
    from ferromics.extractor import Result

app = typer.Typer(
    name="ferromics",
    help="Standardised radiomics features (IBSI) of medical images.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
settings_app = typer.Typer(help="Write, check and describe settings files.")
app.add_typer(settings_app, name="settings")
app.add_typer(ibsi_app, name="ibsi")


@app.command()
def extract(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image file.")],
    mask: Annotated[
        list[str],
        typer.Argument(metavar="MASK...", help="Mask or label file; several, also as NAME=PATH."),
    ],
    settings: SettingsOption = None,
    label: Annotated[
        str | None, typer.Option(help="Label of the region: a number, N,M,... or all.")
    ] = None,
    mask_threshold: Annotated[
        float | None, typer.Option(help="Least mask value inside the region, for fractions.")
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="One row a region, or one row a value.")
    ] = Layout.wide,
    output: Annotated[
        str,
        typer.Option("--output", "-o", help=".csv, .json, .parquet, ... file; - for stdout."),
    ] = "-",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of CSV on stdout.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Number of threads.")] = None,
    case: Annotated[str | None, typer.Option(help="Case name in the table.")] = None,
) -> int:
    """Compute the features of one or more regions of an image."""
    from ferromics import table
    from ferromics._writers import check_path
    from ferromics.extractor import Results
    from ferromics.extractor import extract as run

    if output != "-":
        check_path(Path(output))
    with progress("reading the image") as say:

        def watch(done: Callable[[], tuple[int, int]]) -> None:
            def words() -> str:
                known, total = done()
                of = f": {known} of {total} images" if total > 1 else ""
                return f"computing features{of}"

            say(words)

        found = run(
            image,
            _masks(mask),
            settings,
            label=None if label is None else parse_labels(label),
            mask_threshold=mask_threshold,
            threads=threads,
            case=case,
            watch=watch,
        )
    results: list[Result] = list(found.values()) if isinstance(found, Results) else [found]
    failures = found.failures if isinstance(found, Results) else {}
    _tell_warnings(results)
    for name, error in failures.items():
        tell(f"region {name} failed: {error}")
    if not results:
        return UNUSABLE
    if output == "-":
        text = table.to_json if as_json else table.to_csv
        sys.stdout.write(text(table.records(results, layout.value)))
    else:
        table.write(results, Path(output), layout.value)
    return SOME_FAILED if failures else DONE


app.command("batch", help=BATCH_HELP)(batch)
app.command("filter", help=FILTER_HELP)(filter_image)
app.command("map", help=MAP_HELP)(map_features)
app.command("report", help=REPORT_HELP)(cohort_report)


@app.command(
    "pyradiomics",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def pyradiomics(context: typer.Context) -> int:
    """Extract features as PyRadiomics' command does, with its options."""
    from ferromics.compat.radiomics.scripts import parse_args

    return parse_args(context.args)


@app.command()
def features(
    family: Annotated[str | None, typer.Option(help="One family only, as glcm.")] = None,
    form: Annotated[Listing, typer.Option("--format", help="Form of the list.")] = Listing.table,
) -> None:
    """List every feature: family, name, IBSI code, unit, aggregations, formula."""
    from ferromics import table
    from ferromics._core import catalogue
    from ferromics.errors import InputError

    rows: list[dict[str, Any]] = [dict(row) for row in catalogue()]
    families = list(dict.fromkeys(row["family"] for row in rows))
    if family is not None and family not in families:
        msg = f"no family {family!r}; there are {', '.join(families)}"
        raise InputError(msg)
    rows = [row for row in rows if family in (None, row["family"])]
    if form is Listing.json:
        sys.stdout.write(table.to_json(rows))
        return
    keys = ("family", "name", "ibsi", "unit", "aggregations", "title", "formula")
    flat = [
        {k: " ".join(row[k]) if k == "aggregations" else str(row[k]) for k in keys} for row in rows
    ]
    if form is Listing.csv:
        sys.stdout.write(table.to_csv(flat))
    else:
        _print_features(flat)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files.")] = Path(
        "ferromics-demo"
    ),
) -> None:
    """Run on data that ferromics makes itself, and show what comes out."""
    from ferromics.demo import run

    run(out)


@settings_app.command("new")
def settings_new(
    preset: Annotated[str | None, typer.Argument(help="Preset to start from.")] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="File to write (.yaml, .json); - for stdout.")
    ] = "-",
) -> None:
    """Write a settings file with every option in it."""
    from ferromics.settings import Settings

    chosen = Settings.preset(preset) if preset else Settings()
    if output == "-":
        sys.stdout.write(chosen.to_yaml())
    else:
        chosen.save(output)


@settings_app.command("check")
def settings_check(
    settings: Annotated[str, typer.Argument(metavar="FILE|PRESET", help="Settings to check.")],
) -> None:
    """Say whether settings are usable, and what they ask for."""
    from ferromics.extractor import plan
    from ferromics.settings import Settings

    chosen = Settings.of(settings)
    columns = len(plan(chosen).columns)
    for note in chosen.notes():
        tell(f"warning: {note}")
    sys.stdout.write(f"{settings}: good; {columns} values a region; hash {chosen.hash}\n")


@settings_app.command("convert")
def settings_convert(
    parameters: Annotated[
        str, typer.Argument(metavar="PARAMS", help="Parameter file of PyRadiomics (YAML, JSON).")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="Settings file to write (.yaml); - for stdout.")
    ] = "-",
) -> None:
    """Write PyRadiomics' parameters as settings, with notes on what is equal and what differs."""
    from ferromics._files import write_atomically
    from ferromics.compat.convert import convert
    from ferromics.errors import SettingsError

    try:
        found = convert(parameters)
    except (ValueError, TypeError) as error:
        if isinstance(error, SettingsError):
            raise
        msg = f"{parameters}: {error}"
        raise SettingsError(msg) from error
    if output == "-":
        sys.stdout.write(found.to_yaml())
    else:
        write_atomically(Path(output), found.to_yaml().encode())
    counts = {v: sum(n.verdict == v for n in found.notes) for v in ("equal", "differs", "lost")}
    tell(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


@settings_app.command("schema")
def settings_schema() -> None:
    """Print the JSON Schema of settings files."""
    import json

    from ferromics.settings import Settings

    sys.stdout.write(json.dumps(Settings.json_schema(), indent=1) + "\n")


def _version(*, wanted: bool) -> None:
    if wanted:
        from ferromics._core import build_info

        sys.stdout.write(f"ferromics {build_info()['version']}\n")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda v: _version(wanted=v), help="The version."
        ),
    ] = False,
) -> None:
    """Standardised radiomics features (IBSI) of medical images."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help())
        raise typer.Exit(UNUSABLE)


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; every foreseen error is one line on stderr."""
    from ferromics.errors import RadiomicsError

    if hasattr(sys.stdout, "reconfigure"):
        # A file's name may have bytes that are no UTF-8.
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    try:
        status = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; keep the interpreter from flushing into nothing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (RadiomicsError, ImportError, MemoryError) as error:
        tell(str(error) or "out of memory")
        return UNUSABLE
    except OSError as error:
        named = error.filename is not None and error.strerror
        tell(f"{error.filename}: {error.strerror}" if named else str(error))
        return UNUSABLE
    except Exception as error:
        # Usage errors, whichever library typer takes its parser from.
        if not hasattr(error, "format_message"):
            raise
        tell(f"{error.format_message().rstrip('.')} (see ferromics --help)")
        return UNUSABLE
    if status == INTERRUPTED:  # newer versions of typer hand the signal over as a status
        tell("interrupted")
    return status if isinstance(status, int) else DONE


def _tell_warnings(results: list[Result]) -> None:
    """Each warning once; with the region's name where it is not about all of them."""
    shared = set(results[0].warnings if results else ())
    shared.intersection_update(*(r.warnings for r in results))
    for k, result in enumerate(results):
        for warning in result.warnings:
            if warning not in shared:
                tell(f"warning: {result.roi}: {warning}")
            elif k == 0:
                tell(f"warning: {warning}")


def _masks(arguments: list[str]) -> str | dict[str, str]:
    """One path, or paths by name."""
    from ferromics.errors import InputError
    from ferromics.io import stem

    named: dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or Path(argument).exists():
            if len(arguments) == 1:
                return argument
            name, path = stem(Path(argument)), argument
        if not name or not path:
            msg = f"mask {argument!r} must be a path or name=path"
            raise InputError(msg)
        if name in named:
            msg = f"two masks are named {name!r}; give names, as in {name}2={path}"
            raise InputError(msg)
        named[name] = path
    return named


def _print_features(rows: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    out = Table(box=None, pad_edge=False, header_style="bold")
    for key in ("family", "name", "IBSI", "unit", "aggregations"):
        out.add_column(key, overflow="fold")
    for row in rows:
        out.add_row(*(row[k] for k in ("family", "name", "ibsi", "unit", "aggregations")))
    width = None if sys.stdout.isatty() else 200  # a pipe does not wrap
    Console(width=width).print(out)
