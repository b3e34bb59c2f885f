"""What became of one network, and the file in which that is kept from run to run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..ratios import worst_share


@dataclass
class Outcome:
    """What became of one network.

    Attributes:
        status: `pass`, `fail` (Swift computes something else), `refused` (something in it cannot be
            run, and the message says what), or `not made`.
        reason: the command's first line, where it is none of the first.
        layers: recorded results of modules that were compared.
        worst: the largest share of its own limit that any result takes.
        batch, size: the verdict on inputs of another batch and another size, against another recording
            of the same network; empty where there was none, `not run` where the network takes none.
        parameters: how many numbers the network has.
        seconds: of recording, and those that the verdict names.
    """

    library: str
    name: str
    status: str = "not made"
    reason: str = ""
    layers: int = 0
    outputs: int = 0
    worst: float = 0
    batch: str = ""
    size: str = ""
    parameters: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """For a terminal."""
        notes = [f"batch: {self.batch}" * bool(self.batch and self.batch != "pass")]
        notes += [f"size: {self.size}" * bool(self.size and self.size != "pass"), self.reason]
        said = "; ".join(note for note in notes if note)
        return (
            f"{self.status:8} {self.library} {self.name} {self.layers} {self.worst:.2f} "
            f"{self.seconds.get('all', 0):.0f} s{': ' * bool(said)}{said}"
        )


class Results:
    """Outcomes by library and name; with a file, each is kept there as soon as it is known.

    `kind` is the dataclass of the outcomes, with `library`, `name` and `status`.
    """

    def __init__(self, path: Path | None, kind: type[Any] = Outcome) -> None:
        self.path = path
        self.outcomes: dict[tuple[str, str], Any] = {}
        if path is not None and path.exists():
            known = {entry.name for entry in fields(kind)}
            for entry in json.loads(path.read_text(encoding="utf-8")):
                outcome = kind(**{key: entry[key] for key in entry if key in known})
                self.outcomes[outcome.library, outcome.name] = outcome

    def status(self, library: str, name: str) -> str | None:
        outcome = self.outcomes.get((library, name))
        return None if outcome is None else outcome.status

    def note(self, outcome: Any) -> None:
        self.outcomes[outcome.library, outcome.name] = outcome
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.partial")
        entries = [asdict(outcome) for outcome in self.outcomes.values()]
        temporary.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, self.path)

    def ordered(self, networks: Mapping[str, Iterable[str]]) -> list[Any]:
        """Those of the networks that there are, in the networks' order."""
        keys = [(library, name) for library, names in networks.items() for name in names]
        return [self.outcomes[key] for key in keys if key in self.outcomes]


def judged(outcome: Outcome, verdict: Mapping[str, Any]) -> None:
    """Takes over what a verdict says."""
    outcome.status = verdict["verdict"]
    outcome.layers = len(verdict["layers"])
    outcome.outputs = len(verdict["outputs"])
    outcome.seconds |= verdict["seconds"]
    outcome.worst = worst_share(verdict)
    if outcome.status != "pass":
        outcome.reason = failure(verdict)


def failure(verdict: Mapping[str, Any]) -> str:
    """Why a verdict is no pass, in a few words."""
    everything = [*verdict["layers"], *verdict["outputs"], *verdict["production"]["outputs"]]
    wrong = [x for x in everything if x["status"] not in ("ok", "reshaped", "uncovered")]
    first = verdict.get("first_divergence")
    reason = f"first wrong: {first}" if first else f"{len(wrong)} not compared"
    if verdict["uncovered"]:
        reason += f"; uncovered: {', '.join(verdict['uncovered'][:3])}"
    return reason
