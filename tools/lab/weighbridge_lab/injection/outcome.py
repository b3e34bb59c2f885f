"""Reads a verdict: was the bug seen, in the right module, and named for what it is?"""

from __future__ import annotations

from dataclasses import dataclass

from .bug import Bug, Site

RIGHT, AMBIGUOUS, NONE, WRONG = "right", "ambiguous", "none", "wrong"
NOTHING = "(nothing)"


@dataclass(frozen=True)
class Case:
    """One bug at one place in one subject."""

    subject: str
    bug: Bug
    site: Site

    @property
    def label(self) -> str:
        return f"{self.subject} · {self.bug.name} · {self.site.where}"


@dataclass(frozen=True)
class Outcome:
    """What `validate` made of a case.

    Attributes:
        effect: the largest error that the bug makes anywhere, in units of the noise.
        exit_status: the command's.
        module: the first failing module that it names.
        named: the cause it names first, or NOTHING.
        naming: RIGHT, AMBIGUOUS (the truth is among those it leaves open), NONE or WRONG.
        note: what it says of the cause, or what went wrong with the case itself.
        fixed: whether the command passes with the rules that it wrote; None when it wrote none.
    """

    case: Case
    effect: float
    exit_status: int
    module: str | None
    named: str
    naming: str
    note: str = ""
    fixed: bool | None = None

    @property
    def detected(self) -> bool:
        return self.exit_status == 1

    @property
    def module_right(self) -> bool:
        return self.detected and self.module in self.case.site.paths

    @property
    def complete(self) -> bool:
        """Whether nothing is left to wish for."""
        return self.module_right and self.naming == RIGHT


def judged(case: Case, effect: float, exit_status: int, report: dict, stderr: str) -> Outcome:
    """What a report says of a case."""
    diagnoses = report.get("diagnoses") or []
    named, naming, note = NOTHING, NONE, stderr.strip().partition("\n")[0]
    if diagnoses:
        first = diagnoses[0]
        right = {case.bug.cause, *case.site.accepts}
        named, note = str(first.get("cause")), str(first.get("text", ""))
        if first.get("certainty") == "ambiguous":
            rivals = {rival.get("cause") for rival in first.get("rivals") or []}
            naming = AMBIGUOUS if right & {named, *rivals} else WRONG
        else:
            naming = RIGHT if named in right else WRONG
    module = report.get("first_divergence")
    return Outcome(case, effect, exit_status, module, named, naming, note)
