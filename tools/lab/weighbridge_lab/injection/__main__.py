"""The command `tools/inject`."""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from weighbridge_recorder import ToolError

from .bug import EQUIVALENCES, Bug
from .catalogue import BUGS
from .outcome import NONE, Outcome
from .report import HEADER, Results, markdown, rate_line, rows_by, text_table
from .runner import Clinic, chosen_sites, named_specifications, planned
from .subject import SPECIFICATIONS, Subject

ROOT = Path(__file__).resolve().parents[4]
# Models too slow for a quick run, unless nothing else has a place for a bug.
SLOW = ("se_inception3", "sknet50", "se_resnet50", "se_resnet18")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="tools/inject",
        description="Puts known bugs into models and checkpoints; does `validate` name them?",
    )
    made.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    made.add_argument("--rows", help="only these models, separated by commas")
    made.add_argument(
        "--bugs", help="only these, separated by commas: a cause, or cause/variant, or a pattern"
    )
    made.add_argument("--seed", type=int, default=1, help="of weights, inputs, places (1)")
    made.add_argument("--sites", type=int, help="places per bug and model; 1 to 3 by model")
    made.add_argument("--limit", type=int, help="stop after this many cases")
    made.add_argument("--quick", action="store_true", help="one place per bug, in small models")
    made.add_argument("--keep", type=Path, help="leave the files of imperfect cases here")
    made.add_argument("--markdown", type=Path, help="also write the tables to this file")
    made.add_argument("--list", action="store_true", help="print the bugs and stop")
    made.add_argument("--all", action="store_true", help="print the cases that are right, too")
    made.add_argument(
        "--no-diagnosis", dest="diagnosis", action="store_false",
        help="judge detection and the module's name alone",
    )
    return made


def chosen_bugs(patterns: str | None) -> list[Bug]:
    if patterns is None:
        return BUGS
    wanted = patterns.split(",")
    found = [
        bug for bug in BUGS
        if any(bug.cause == w or fnmatch.fnmatchcase(bug.name, w) for w in wanted)
    ]
    if not found:
        raise ToolError(f"no bug is called {patterns}; --list names them all")
    return found


def print_outcome(outcome: Outcome, everything: bool, diagnosis: bool) -> None:
    good = outcome.complete and outcome.fixed is not False
    good = good if diagnosis else outcome.module_right
    if good and not everything:
        return
    if not outcome.detected:
        status = f"exit {outcome.exit_status}, effect {outcome.effect:.3g}"
        print(f"MISSED  {outcome.case.label}: {status}: {outcome.note}")
    elif not outcome.module_right:
        right = outcome.case.site.paths[0]
        print(f"MODULE  {outcome.case.label}: named {outcome.module}, not {right}")
    if outcome.fixed is False:
        print(f"NOFIX   {outcome.case.label}: the rules do not make it pass")
    if outcome.detected and diagnosis and (everything or not outcome.complete):
        says = f"{outcome.named}: {outcome.note}" if outcome.naming != NONE else ""
        print(f"{outcome.naming:9} {outcome.case.label} (effect {outcome.effect:.3g}) {says}")


def check_vocabulary(binary: Path, bugs: list[Bug]) -> None:
    """Every bug is one that the command has a name for, or accepts one under another name."""
    done = subprocess.run(
        [str(binary), "validate", "--help"], capture_output=True, text=True, check=True)
    _, _, rest = done.stdout.partition('as "cause" in the JSON:')
    listed = rest.strip().split("\n\n")[0].strip().rstrip(".")
    known = {kind.strip() for kind in listed.split(",")}
    unknown = sorted({
        bug.cause for bug in bugs
        if bug.cause not in known
        and not any(bug.cause in pair and pair & known for pair in EQUIVALENCES)
    })
    if unknown:
        raise ToolError(f"`validate` has no name for {', '.join(unknown)}")


def run_cases(options: argparse.Namespace, bugs: list[Bug], folder: Path) -> Results:
    """Every case of every model."""
    results = Results()
    rows = options.rows.split(",") if options.rows else None
    left = set(bugs) if options.quick else None
    specifications = named_specifications(SPECIFICATIONS, rows)
    if not specifications:
        raise ToolError(f"no model {options.rows} takes bugs")
    if options.quick:
        specifications = sorted(specifications, key=lambda s: s.row in SLOW)
    for specification in specifications:
        if left is not None and not left:
            break
        subject = Subject(specification, options.seed)
        if left is None:
            cases = list(planned(subject, bugs, options.seed, options.sites))
        else:
            cases = [
                case for bug in bugs if bug in left
                for case in chosen_sites(subject, bug, 1, options.seed)
            ]
        if not cases:
            continue
        clinic = Clinic(subject, options.binary, folder / specification.name.replace(" ", "-"))
        results.healthy += 1
        if not clinic.is_healthy():
            results.false_alarms.append(specification.name)
        for case in cases:
            if options.limit is not None and len(results.outcomes) >= options.limit:
                return results
            outcome = clinic.examine(case, options.seed, options.keep)
            if outcome is None:
                results.invisible += 1
                continue
            if left is not None:
                left.discard(case.bug)
            results.outcomes.append(outcome)
            print_outcome(outcome, options.all, options.diagnosis)
        shutil.rmtree(clinic.folder)
    return results


def provenance(options: argparse.Namespace) -> list[str]:
    """Where the figures come from."""
    chosen = {"rows": options.rows, "bugs": options.bugs, "sites": options.sites,
              "limit": options.limit, "seed": options.seed}
    words = [f"--{name} {value}" for name, value in chosen.items() if value is not None]
    arguments = " ".join(words + ["--quick"] * options.quick + ["--markdown FILE"])
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()
    return [
        f"Written by `tools/inject {arguments}` on {time.strftime('%Y-%m-%d')}, "
        f"commit {commit or 'unknown'}, torch {torch.__version__}.",
    ]


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    started = time.monotonic()
    try:
        bugs = chosen_bugs(options.bugs)
        if options.list:
            for bug in bugs:
                print(f"{bug.name:40} in the {bug.place}")
            return 0
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        options.binary = options.binary.resolve()
        check_vocabulary(options.binary, bugs)
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory(prefix="weighbridge-inject-") as folder:
            results = run_cases(options, bugs, Path(folder))
    except (ToolError, OSError) as error:
        print(f"inject: {error}", file=sys.stderr)
        return 64
    print(text_table(HEADER, rows_by(results.outcomes, lambda o: o.case.bug.cause)))
    print(rate_line(results))
    if options.markdown is not None:
        options.markdown.parent.mkdir(parents=True, exist_ok=True)
        page = markdown(results, provenance(options))
        options.markdown.write_text(page)
    missed = results.missed_goals(options.diagnosis)
    for goal in missed:
        print(f"goal missed: {goal}")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if missed or not results.outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
