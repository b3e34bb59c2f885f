"""Ports each network of the study to Swift, compiles it, runs its test, and counts.

Every network is recorded, run as recorded, ported by `weighbridge port`, and compiled as a target of one
package, some at a time. What compiles is held against its reference as its own test does it, and against
the interpreter bit for bit.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from weighbridge_recorder import export, record

from .. import figures
from ..record_study.networks import LIBRARIES, make
from ..torchvision_names import declare_operators
from .drawn import drawn
from .outcome import Results
from .tables import said

ROOT = Path(__file__).resolve().parents[4]
FIXTURES = ["resnet", "vit", "unet", "assembled", "staged", "sequences", "functions", "limited"]


@dataclass
class Outcome:
    """What became of one network; `status` is the last thing that went well, or `pass`."""

    library: str
    name: str
    status: str = "not recorded"
    reason: str = ""
    interpreted: str = ""
    stubs: list[str] = field(default_factory=list)
    swift_lines: int = 0
    python_lines: int = 0
    long_lines: int = 0
    warnings: int = 0
    compared: int = 0
    different: int = 0
    batch: str = ""
    seconds: float = 0

    @property
    def key(self) -> str:
        return re.sub(r"\W", "_", f"{self.library}_{self.name}")

    def row(self) -> list[str]:
        bits = f"{self.compared - self.different}/{self.compared}" if self.compared else ""
        return [
            f"`{self.name}`", self.library, self.interpreted, self.status,
            str(self.swift_lines or ""), str(self.python_lines or ""), bits,
            self.batch if self.batch in ("", "pass") else "FAIL",
            self._why.replace("|", "\\|")[:160],
        ]

    @property
    def _why(self) -> str:
        other = "" if self.batch in ("", "pass") else f"other batch: {self.batch}"
        return "; ".join(part for part in (self.reason, other) if part)


class Study:
    """A package of ported networks, in a folder of its own.

    They are compiled without optimisation: what takes time to run is in the package that they use.
    """

    settings = ', swiftSettings: [.unsafeFlags(["-Onone"])]'

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary.resolve()
        self.folder = folder
        self.scratch = folder / "build"
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, outcome: Outcome) -> Path:
        return self.folder / "networks" / outcome.key

    def target(self, outcome: Outcome) -> str:
        return "".join(word[:1].upper() + word[1:] for word in outcome.key.split("_"))

    def size(self, outcome: Outcome) -> float:
        """The bytes of a network's weights, where they are known."""
        weights = self.place(outcome) / "net.npz"
        return weights.stat().st_size if weights.exists() else float("inf")

    def record(self, outcome: Outcome) -> bool:
        place = self.place(outcome)
        done = place / "recorded.json"
        if done.exists():
            kept = json.loads(done.read_text())
            outcome.python_lines = kept["python_lines"]
            outcome.reason = kept["reason"]
            return not kept["reason"]
        place.mkdir(parents=True, exist_ok=True)
        try:
            if outcome.library == "fixtures":
                base = ROOT / "fixtures/networks"
                shutil.copy(base / f"{outcome.name}.npz", place / "net.npz")
                shutil.copy(base / f"{outcome.name}_reference.npz", place / "reference.npz")
            else:
                torch.manual_seed(0)
                net, images = make(outcome.library, outcome.name, 1)
                export(net, place / "net.npz")
                record(net, [images], place / "reference.npz", network=True, sample=True)
                outcome.python_lines = python_lines(net)
        except Exception as error:  # whatever a library says to a configuration
            lines = str(error).strip().splitlines() or [""]
            outcome.reason = f"{type(error).__name__}: {lines[0][:120]}"
        done.write_text(
            json.dumps({"python_lines": outcome.python_lines, "reason": outcome.reason}))
        return not outcome.reason

    def interpret(self, outcome: Outcome) -> None:
        place = self.place(outcome)
        kept = place / "interpreted.txt"
        if not kept.exists():
            run = subprocess.run(
                [self.binary, "validate", "--model", "recorded", "--weights", place / "net.npz",
                 "--reference", place / "reference.npz", "--reach", "never"],
                capture_output=True, text=True, timeout=900)
            kept.write_text({0: "pass", 1: "fail"}.get(run.returncode, "refused"))
        outcome.interpreted = kept.read_text()

    def port(self, outcome: Outcome) -> bool:
        place = self.place(outcome)
        shutil.rmtree(place / "port", ignore_errors=True)
        started = time.monotonic()
        run = subprocess.run(
            [self.binary, "port", place / "reference.npz", "--weights", place / "net.npz",
             "--package", place / "port", "--name", self.target(outcome), "--weighbridge", ROOT],
            capture_output=True, text=True, timeout=900)
        outcome.seconds = time.monotonic() - started
        outcome.stubs = [
            line.removeprefix("not ported: ") for line in run.stdout.splitlines()
            if line.startswith("not ported: ")
        ]
        sources = place / "port/Sources" / self.target(outcome)
        if not sources.exists():
            outcome.status = "recorded"
            lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
            outcome.reason = lines[0].removeprefix("weighbridge: error: ")
            return False
        lines = [line for file in sources.glob("*.swift") for line in file.read_text().splitlines()]
        outcome.swift_lines = len(lines)
        outcome.long_lines = sum(len(line) > 100 for line in lines)
        outcome.status = "ported"
        if outcome.stubs:
            outcome.reason = f"{len(outcome.stubs)} stubs: {outcome.stubs[0]}"
        return True

    # Building

    def write(self, outcomes: list[Outcome]) -> None:
        """The package: a target for each network, and one that runs them."""
        names = [self.target(outcome) for outcome in outcomes]
        for outcome, name in zip(outcomes, names, strict=True):
            link = self.folder / "Sources" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(link, ignore_errors=True)
            shutil.copytree(self.place(outcome) / "port/Sources" / name, link)
        targets = "".join(
            f'    .target(name: "{name}", dependencies: [.product(name: "Weighbridge", '
            f'package: "{ROOT.name}")]{self.settings}),\n'
            for name in names)
        uses = ", ".join(f'"{name}"' for name in names)
        (self.folder / "Package.swift").write_text(
            "// swift-tools-version: 6.1\nimport PackageDescription\n\nlet package = Package(\n"
            '  name: "ported", platforms: [.macOS(.v15)],\n'
            f'  dependencies: [.package(path: "{ROOT}")],\n  targets: [\n{targets}'
            '    .executableTarget(name: "weighbridge-ported", dependencies: ['
            f'{uses}, .product(name: "Weighbridge", package: "{ROOT.name}"), '
            f'.product(name: "WeighbridgeTesting", package: "{ROOT.name}")]),\n  ])\n')
        main = self.folder / "Sources/weighbridge-ported"
        main.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tools/ported/main.swift", main / "main.swift")
        cases = "".join(self._case(outcome) for outcome in outcomes)
        imports = "".join(f"import {name}\n" for name in names)
        (main / "Cases.swift").write_text(
            f"{imports}import Weighbridge\nimport WeighbridgeTesting\n\n"
            "struct Ported {\n  let name, weights, reference: String\n"
            "  let subject: ParitySubject\n  let model: () throws -> any Module\n}\n\n"
            f"nonisolated(unsafe) let all: [Ported] = [\n{cases}]\n")
        for stale in (self.folder / "Sources").iterdir():
            if stale.name not in {*names, "weighbridge-ported"}:
                shutil.rmtree(stale)

    def _case(self, outcome: Outcome) -> str:
        place, target = self.place(outcome), self.target(outcome)
        tool = next(place.glob("port/Sources/*-tool/Tool.swift")).read_text()
        root = re.search(r"(\w+)\.self\b", tool)[1]
        native = next((place / "port").glob("*.safetensors"))
        return (
            f'  Ported(\n    name: "{outcome.key}", weights: "{place}/net.npz",\n'
            f'    reference: "{place}/reference.npz",\n'
            f'    subject: .weights("{native}") {{ try {target}.{root}($0) }},\n'
            f'    model: {{ try Weights.load("{native}") {{ try {target}.{root}($0) }} }}),\n')

    def build(self, *options: str) -> subprocess.CompletedProcess[str]:
        # A scratch folder of its own: what is built for one package is not the other's.
        return subprocess.run(
            ["swift", "build", "-c", "release", "--package-path", self.folder, "--scratch-path",
             self.scratch, *options], capture_output=True, text=True)

    def compile(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Compiles everything, taking out what does not compile until the rest does."""
        rest = list(outcomes)
        while rest:
            self.write(rest)
            run = self.build("--product", "weighbridge-ported")
            text = run.stdout + run.stderr
            failed = []
            for outcome in rest:
                name = re.escape(self.target(outcome))
                errors = re.findall(rf"Sources/{name}/(\S+: error: .*)", text)
                if errors:
                    outcome.reason = f"{errors[0][:200]}"
                    failed.append(outcome)
                else:
                    found = set(re.findall(rf"Sources/{name}/(\S+: warning: .*)", text))
                    outcome.warnings = max(outcome.warnings, len(found))
            if run.returncode == 0:
                for outcome in rest:
                    outcome.status = "compiled"
                return rest
            if not failed:
                raise RuntimeError(text[-4000:])
            print(f"{len(failed)} of {len(rest)} do not compile", flush=True)
            rest = [outcome for outcome in rest if outcome not in failed]
        return []

    def judge(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            run = subprocess.run(
                [self.scratch / "release/weighbridge-ported", outcome.key], capture_output=True,
                text=True, timeout=900)
            if not run.stdout.startswith("{"):
                outcome.reason = f"ends with {run.returncode}: {run.stderr[-120:].strip()}"
                continue
            found = json.loads(run.stdout.splitlines()[0])
            outcome.compared, outcome.different = found["compared"], len(found["different"])
            outcome.batch = found["batch"]
            if found["passed"]:
                outcome.status = "pass" if not outcome.different else "other bits"
            if not outcome.stubs or not found["passed"]:
                outcome.reason = found["reason"] or (
                    f"differs from the interpreter: {found['different'][0]}"
                    if found["different"] else outcome.reason)


def python_lines(net: torch.nn.Module) -> int:
    """The lines of the classes that a network is made of, PyTorch's own left out."""
    import inspect

    classes = {type(module) for module in net.modules()}
    count = 0
    for kind in classes:
        if kind.__module__.startswith("torch.nn"):
            continue
        try:
            count += len(inspect.getsource(kind).splitlines())
        except (OSError, TypeError):
            continue
    return count


DRAWN = (
    "Entry points of timm drawn at random from those that the study does not name. ")


def markdown(path: Path, outcomes: list[Outcome], command: str, drawn: bool = False) -> None:
    libraries = [*LIBRARIES, "fixtures"]
    counts = [
        f"{sum(o.status == 'pass' for o in outcomes if o.library == library)} of "
        f"{sum(o.library == library for o in outcomes)} of {library}"
        for library in libraries if any(o.library == library for o in outcomes)
    ]
    ratios = [
        o.swift_lines / o.python_lines for o in outcomes if o.status == "pass" and o.python_lines]
    lines = [o.swift_lines for o in outcomes if o.status == "pass"]
    median = (
        f" Median {statistics.median(lines):.0f} lines of Swift, "
        f"{statistics.median(ratios):.2f} of the Python's." if ratios else "")
    figures.write(
        path,
        "# Ported networks drawn at random" if drawn else "# Ported networks",
        figures.provenance(command),
        (DRAWN if drawn else "")
        + "Vision networks with random weights, recorded with `network=True`, ported by `weighbridge port` "
        "without a line by hand, compiled, and held against their recording by the test that the package "
        "has. `interpreted` is the verdict of `--model recorded`; `bits` is how many results of modules "
        "and of the network are bit for bit those of the interpreter; `other batch` is that of twice as many "
        "images, of which every result must be bit for bit the interpreter's. The status is how far it came: "
        "recorded, ported, compiled, pass. Python counts the classes that the network is made of.",
        f"**{sum(o.status == 'pass' for o in outcomes)} of {len(outcomes)}** pass: {', '.join(counts)}."
        f" With another batch {sum(o.batch == 'pass' for o in outcomes)} of "
        f"{sum(o.status == 'pass' for o in outcomes)} compute what the interpreter does."
        f"{median} {sum(o.long_lines for o in outcomes)} lines over 100, "
        f"{sum(o.warnings for o in outcomes)} warnings; porting takes "
        f"{statistics.median([o.seconds for o in outcomes if o.seconds] or [0]):.1f} s in the median.",
        figures.table(
            ["network", "library", "interpreted", "status", "Swift", "Python", "bits",
             "other batch", "why"],
            [outcome.row() for outcome in outcomes]),
    )


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="tools/port-study --port", description=__doc__)
    made.add_argument("--library", choices=[*LIBRARIES, "fixtures"], action="append")
    made.add_argument("--only", metavar="NAME", action="append")
    made.add_argument("--drawn", type=int, metavar="COUNT", help="networks of timm beside the list")
    made.add_argument("--seed", type=int, default=14, help="of the drawn ones")
    made.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    made.add_argument("--folder", type=Path, default=ROOT / ".build/ported",
                      help="where recordings and ports stay; recordings are made once")
    made.add_argument("--record-only", action="store_true")
    made.add_argument("--no-interpreter", action="store_true")
    made.add_argument("--at-once", type=int, default=12, metavar="N", help="networks in one build")
    made.add_argument(
        "--results", type=Path, metavar="FILE",
        help="what is known (JSON): networks in it are not ported again, new ones are added")
    made.add_argument(
        "--again", metavar="STATUS", action="append", default=[],
        help="port networks of this status again, or all; repeatable")
    made.add_argument("--minutes", type=float, metavar="N", help="begin no build after")
    made.add_argument("--markdown", type=Path, metavar="FILE")
    return made


def chosen(options: argparse.Namespace) -> dict[str, list[str]]:
    """The networks that were asked for, by library."""
    if options.drawn is not None:
        return {"timm": drawn(options.drawn, options.seed)}
    names = {
        library: FIXTURES if library == "fixtures" else LIBRARIES[library]
        for library in options.library or ["fixtures", *LIBRARIES]
    }
    if options.only:
        names = {key: [n for n in all if n in options.only] for key, all in names.items()}
    return {key: all for key, all in names.items() if all}


def prepared(study: Study, options: argparse.Namespace, outcome: Outcome) -> None:
    """Records a network, runs it as recorded, and ports it."""
    if study.record(outcome):
        outcome.status = "recorded"
        if not options.record_only:
            if not options.no_interpreter:
                study.interpret(outcome)
            study.port(outcome)
    print(f"{outcome.status:12} {outcome.library} {outcome.name} {outcome.reason}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    warnings.simplefilter("ignore")
    declare_operators()
    study = Study(options.binary, options.folder)
    results = Results(options.results, Outcome)
    networks = chosen(options)
    again = {"all"} if options.only else set(options.again)
    waiting = [
        Outcome(library, name) for library, names in networks.items() for name in names
        if results.status(library, name) in {None, *again} or "all" in again]
    # Small ones first; what is not recorded yet, last.
    waiting.sort(key=study.size)
    started = time.monotonic()
    while waiting:
        if options.minutes and time.monotonic() - started > 60 * options.minutes:
            break
        some, waiting = waiting[:options.at_once], waiting[options.at_once:]
        for outcome in some:
            prepared(study, options, outcome)
        if options.record_only:
            continue
        study.judge(study.compile([outcome for outcome in some if outcome.status == "ported"]))
        for outcome in some:
            results.note(outcome)
            print(f"{outcome.status:12} {outcome.library} {outcome.name} {outcome.different} of "
                  f"{outcome.compared} differ; {outcome.warnings} warnings; {outcome.reason}", flush=True)
    if options.record_only:
        return 0
    outcomes = results.ordered(networks)
    if options.markdown is not None:
        markdown(
            options.markdown, outcomes, said("tools/port-study --port", options),
            options.drawn is not None)
    print(f"{len(outcomes)} networks, {sum(o.status == 'pass' for o in outcomes)} pass")
    return 0 if all(o.status == "pass" for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
