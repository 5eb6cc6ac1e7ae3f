"""PyRadiomics' command line: ``ferromics pyradiomics IMAGE|CASES.csv [MASK] [options]``.

Exit status: 0 done (a case that fails is told on stderr and has no features), 1 unusable input,
2 unusable arguments, 3 an error, 4 an error before anything was done, -1 (255) interrupted.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from ferromics.compat import radiomics
from ferromics.compat.radiomics import _schema
from ferromics.compat.radiomics.scripts import _cases, _output

DONE, INPUT, ARGUMENTS, ERROR, FATAL, CANCELLED = 0, 1, 2, 3, 4, -1
FORMAT: Final = "[%(asctime)s] %(levelname)-.1s: %(name)s: %(message)s"

logger = logging.getLogger("radiomics.script")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    out = argparse.ArgumentParser(
        prog="ferromics pyradiomics",
        usage="%(prog)s image|batch [mask] [Options]",
        description="Extract features by PyRadiomics' parameter files, names and definitions.",
    )
    source = out.add_argument_group("Input")
    source.add_argument("input", metavar="{Image,Batch}FILE", help="image, or CSV file with cases")
    source.add_argument("mask", nargs="?", metavar="MaskFILE", help="mask, where input is an image")
    source.add_argument("--param", "-p", metavar="FILE", help="parameter file (YAML, JSON)")
    source.add_argument(
        "--setting", "-s", metavar='"SETTING_NAME:VALUE"', action="append", default=[],
        help="a setting that goes before the parameter file's; several possible, lists with commas",
    )  # fmt: skip
    source.add_argument(
        "--jobs", "-j", metavar="N", type=int, default=1, choices=range(1, _cores() + 1),
        help="cases that run at a time (batch only)",
    )  # fmt: skip
    source.add_argument("--validate", action="store_true", help="only check the input")
    source.add_argument("--label", "-l", metavar="N", type=int, help="(DEPRECATED) label value")

    target = out.add_argument_group("Output")
    target.add_argument(
        "--out", "-o", metavar="FILE", type=_writable, help="file to append to; else stdout"
    )
    target.add_argument(
        "--out-dir", "-od", metavar="DIR",
        help="segment mode: a CSV file a case, which is not computed again; voxel mode: the maps",
    )  # fmt: skip
    target.add_argument("--mode", "-m", choices=["segment", "voxel"], default="segment")
    target.add_argument("--skip-nans", action="store_true", help="leave out features that are NaN")
    target.add_argument("--format", "-f", choices=["csv", "json", "txt"], default="txt")
    target.add_argument(
        "--format-path", choices=["absolute", "relative", "basename"], default="absolute",
        help="how the paths of image and mask are written",
    )  # fmt: skip
    target.add_argument("--unix-path", "-up", action="store_true", help="paths with /")

    words = out.add_argument_group("Logging")
    levels = ["NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    words.add_argument("--logging-level", metavar="LEVEL", choices=levels, default="WARNING")
    words.add_argument("--log-file", metavar="FILE", help="file to append messages to")
    words.add_argument(
        "--verbosity", "-v", nargs="?", type=int, default=3, const=4, choices=range(1, 6),
        help="messages on stderr: 1 critical only, 3 warnings, 4 (or without number) all steps",
    )  # fmt: skip
    out.add_argument("--version", action="version", version=f"%(prog)s {radiomics.__version__}")
    return out


def _writable(path: str) -> str:
    """Make sure that a file can be written before hours of work."""
    try:
        Path(path).open("a", encoding="utf-8").close()
    except OSError as error:
        msg = f"can't open {path!r}: {error.strerror}"
        raise argparse.ArgumentTypeError(msg) from None
    return path


def parse_args(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    chosen = parser().parse_args(arguments)
    try:
        _set_up_logging(chosen)
        return _run(chosen)
    except (KeyboardInterrupt, SystemExit):
        logger.info("Cancelling Extraction")
        return CANCELLED
    except Exception as error:
        logger.exception("Error executing PyRadiomics command line!")
        sys.stderr.write(f"Error executing PyRadiomics command line!\n{error}\n")
        return FATAL


def _run(chosen: argparse.Namespace) -> int:
    try:
        logger.info("Starting PyRadiomics (version: %s)", radiomics.__version__)
        cases = _cases.read(chosen.input, chosen.mask)
        if cases is None:
            return INPUT
        if chosen.validate:
            _cases.validate(cases, chosen.param)
            return DONE
        if not cases:
            logger.error("No cases to process...")
            return ERROR
        results = list(_extract(cases, chosen))
        start = Path(chosen.input).parent if chosen.input.endswith(".csv") else Path.cwd()
        _output.write(results, chosen, start)
    except Exception as error:
        # What the user can mend is one line; where something else happened is worth knowing.
        foreseen = isinstance(error, ValueError | LookupError | OSError)
        logger.error("Error extracting features! %s", error, exc_info=not foreseen)
        return ERROR
    logger.info("Finished %s-based extraction successfully...", chosen.mode)
    return DONE


def _extract(cases: list[_cases.Case], chosen: argparse.Namespace) -> Iterator[_cases.Case]:
    """Yield the cases, in order, with their features."""
    given = () if chosen.param is None else (chosen.param,)
    extractor = radiomics.featureextractor.RadiomicsFeatureExtractor(*given, **_overrides(chosen))
    if chosen.out_dir is not None:
        Path(chosen.out_dir).mkdir(parents=True, exist_ok=True)
    jobs = [
        _cases.Job(index, case, extractor, chosen.mode == "voxel", chosen.out_dir, chosen.unix_path)
        for index, case in enumerate(cases, start=1)
    ]
    workers = min(chosen.jobs, len(jobs))
    if workers == 1:
        yield from map(_cases.run, jobs)
        return
    threads = max(1, _cores() // workers)
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _set_up_worker, (chosen, threads)
    )
    try:
        yield from pool.map(_cases.run, jobs)
    except KeyboardInterrupt:  # each worker would go on with the next case
        for process in set(multiprocessing.active_children()) - set(others):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    return os.cpu_count() or 1


def _set_up_worker(chosen: argparse.Namespace, threads: int) -> None:
    import SimpleITK as sitk

    os.environ["FERROMICS_NUM_THREADS"] = str(threads)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    _set_up_logging(chosen)


def _set_up_logging(chosen: argparse.Namespace) -> None:
    """Print and, where asked for, append messages to a file, each from its own level on."""
    shown, kept = (6 - chosen.verbosity) * 10, getattr(logging, chosen.logging_level)
    for handler in list(radiomics.logger.handlers):
        if handler is not radiomics.handler:
            radiomics.logger.removeHandler(handler)
    formatter = logging.Formatter(FORMAT, "%Y-%m-%d %H:%M:%S")
    radiomics.handler.setLevel(shown)
    radiomics.handler.setFormatter(formatter)
    radiomics.logger.setLevel(min(shown, kept))
    if chosen.log_file is not None:
        kept_in = logging.FileHandler(chosen.log_file, mode="a")
        kept_in.setLevel(kept)
        kept_in.setFormatter(formatter)
        radiomics.logger.addHandler(kept_in)


def _overrides(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the arguments; those that cannot be read are told and left out."""
    out: dict[str, Any] = {}
    for given in chosen.setting:
        name, colon, text = given.partition(":")
        if not colon:
            logger.warning('Incorrect format for override setting "%s", missing ":"', given)
        elif name not in _schema.SETTINGS:
            logger.warning('Did not recognize override "%s", skipping...', name)
        else:
            try:
                out[name] = _schema.from_text(name, text)
            except (ValueError, TypeError) as error:
                told = 'Could not parse value "%s" for setting "%s", skipping... (%s)'
                logger.warning(told, text, name, error)
    if chosen.label is not None:
        logger.warning('Argument "label" is deprecated; use "--setting=label:N"')
        out["label"] = chosen.label
    return out
