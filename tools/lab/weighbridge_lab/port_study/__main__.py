"""Records each network of the study, validates it in Swift as recorded, and counts."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from ..record_study.networks import LIBRARIES
from ..torchvision_names import declare_operators
from . import silence
from .drawn import drawn
from .outcome import Results
from .study import Judge, Study
from .tables import markdown, said

ABOUT = (
    "Vision networks of timm, torchvision and transformers with random weights, recorded with "
    "`network=True` and run in Swift by `weighbridge validate --model recorded`: no Swift of them "
    "exists."
)
ABOUT_DRAWN = (
    "Entry points of timm, drawn at random (seed {seed}) from those that the study does not name, with "
    "random weights, recorded and run in Swift by `weighbridge validate --model recorded`."
)
# What `main` ends with when there was no time for all.
UNFINISHED = 75


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="tools/port-study", description=__doc__)
    made.add_argument("--library", choices=LIBRARIES, action="append", help="repeatable")
    made.add_argument("--only", metavar="NAME", action="append", help="repeatable")
    made.add_argument("--drawn", type=int, metavar="COUNT", help="networks of timm beside the list")
    made.add_argument(
        "--injected", action="store_true", help="small networks that hold for one input only")
    made.add_argument("--seed", type=int, default=14, help="of the drawn ones")
    made.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    made.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    made.add_argument("--keep", type=Path, metavar="FOLDER", help="where the last files stay")
    made.add_argument(
        "--results", type=Path, metavar="FILE",
        help="what is known (JSON): networks in it are not run again, each new one is added")
    made.add_argument(
        "--again", metavar="STATUS", action="append", default=[],
        help="run networks of this status again, or all; repeatable")
    made.add_argument(
        "--minutes", type=float, metavar="N", help=f"start no network after; then end with {UNFINISHED}")
    made.add_argument("--markdown", type=Path, metavar="FILE")
    return made


def networks(options: argparse.Namespace) -> dict[str, list[str]]:
    """Those that were asked for, by library."""
    if options.drawn is not None:
        chosen = {"timm": drawn(options.drawn, options.seed)}
    else:
        chosen = {library: LIBRARIES[library] for library in options.library or LIBRARIES}
    if options.only:
        chosen = {key: [n for n in names if n in options.only] for key, names in chosen.items()}
    return chosen


def load(library: str) -> None:
    """Imports it once, not in each network's process."""
    importlib.import_module(library)


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.injected:
        return injected(options)
    declare_operators()
    chosen = networks(options)
    # Networks that are asked for by name are run, whatever is known of them.
    again = {"all"} if options.only else set(options.again)
    results = Results(options.results)
    study = Study(Judge(options.binary, options.timeout), options.keep)
    started = time.monotonic()
    unfinished = False
    for library, names in chosen.items():
        waiting = [name for name in names if _is_due(results.status(library, name), again)]
        if waiting:
            load(library)
        for name in waiting:
            if options.minutes and time.monotonic() - started > 60 * options.minutes:
                unfinished = True
                break
            outcome = study.run(library, name)
            results.note(outcome)
            print(outcome.line(), flush=True)
    outcomes = results.ordered(chosen)
    if options.markdown is not None:
        title, about = "Recorded networks in Swift", ABOUT
        if options.drawn is not None:
            title, about = "Networks drawn at random", ABOUT_DRAWN.format(seed=options.seed)
        markdown(options.markdown, outcomes, said("tools/port-study", options), title, about)
    print(f"{len(outcomes)} networks, {sum(o.status == 'pass' for o in outcomes)} pass")
    if unfinished:
        return UNFINISHED
    return 1 if any(outcome.status == "fail" for outcome in outcomes) else 0


def injected(options: argparse.Namespace) -> int:
    """What becomes of networks that hold for one input only: 1 when one is wrong in silence."""
    findings = silence.examine_all(Judge(options.binary, options.timeout))
    if options.markdown is not None:
        silence.markdown(
            options.markdown, findings, f"tools/port-study --injected --markdown {options.markdown}")
    return 1 if any("silent" in finding.results.values() for finding in findings) else 0


def _is_due(status: str | None, again: set[str]) -> bool:
    return status is None or status in again or "all" in again


if __name__ == "__main__":
    sys.exit(main())
