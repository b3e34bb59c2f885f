"""What all cases together say: rates, and what was named in place of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .bug import EQUIVALENCES
from .outcome import AMBIGUOUS, NONE, RIGHT, WRONG, Outcome

# What the rates must reach, and the wrong causes must stay under.
GOALS = {"detected": 1.0, "module": 0.98, "right": 0.90, "wrong": 0.01}


@dataclass
class Results:
    """Attributes:
        outcomes: of the cases whose bug could be seen.
        invisible: how many cases were skipped because their effect drowns in the noise.
        healthy, false_alarms: controls without a bug, and how many of them failed.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    invisible: int = 0
    healthy: int = 0
    false_alarms: list[str] = field(default_factory=list)

    def share(self, test: Callable[[Outcome], bool]) -> float:
        if not self.outcomes:
            return 0.0
        return sum(map(test, self.outcomes)) / len(self.outcomes)

    def rates(self) -> dict[str, float]:
        return {
            "detected": self.share(lambda o: o.detected),
            "module": self.share(lambda o: o.module_right),
            "right": self.share(lambda o: o.naming == RIGHT),
            "ambiguous": self.share(lambda o: o.naming == AMBIGUOUS),
            "none": self.share(lambda o: o.naming == NONE),
            "wrong": self.share(lambda o: o.naming == WRONG),
        }

    def missed_goals(self, diagnosis: bool = True) -> list[str]:
        """The goals that were not reached; without `diagnosis` those of the cause are left out."""
        rates = self.rates()
        missed = []
        for name, goal in GOALS.items():
            if name in ("right", "wrong") and not diagnosis:
                continue
            reached = rates[name] <= goal if name == "wrong" else rates[name] >= goal
            if not reached:
                sign = "≤" if name == "wrong" else "≥"
                missed.append(f"{name} {rates[name]:.1%}, must be {sign} {goal:.0%}")
        if self.false_alarms:
            missed.append(f"false alarms: {', '.join(self.false_alarms)}")
        return missed


HEADER = [
    "cause", "cases", "detected", "module", "named", "ambiguous", "none", "wrong", "named as"
]


def rows_by(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> list[list[str]]:
    """One row of counts for each value of `key`; the last cell counts every name given."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    rows = []
    for name in sorted(groups):
        group = groups[name]
        naming = Counter(outcome.naming for outcome in group)
        names = Counter(outcome.named for outcome in group)
        rows.append([
            name, str(len(group)), str(sum(o.detected for o in group)),
            str(sum(o.module_right for o in group)),
            *(str(naming[kind]) for kind in (RIGHT, AMBIGUOUS, NONE, WRONG)),
            ", ".join(f"{cause} {count}" for cause, count in names.most_common()),
        ])
    return rows


def text_table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(width) if index in (0, len(row) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    align = ["---"] + ["---:"] * (len(header) - 2) + ["---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, align, *rows])


def fixes(results: Results) -> tuple[int, int]:
    """How many checkpoints pass with the rules that were written for them, and of how many."""
    tried = [outcome.fixed for outcome in results.outcomes if outcome.fixed is not None]
    return sum(tried), len(tried)


def rate_line(results: Results) -> str:
    rates = results.rates()
    shares = ", ".join(f"{name} {rate:.1%}" for name, rate in rates.items())
    passed, tried = fixes(results)
    return (
        f"{len(results.outcomes)} cases: {shares}; {passed} of {tried} pass with the rules written "
        f"for them; {results.invisible} skipped as invisible; "
        f"{results.healthy} healthy controls, {len(results.false_alarms)} false alarms"
    )


def markdown(results: Results, provenance: list[str]) -> str:
    """The whole page."""
    rates = results.rates()
    measures = [
        ("detected (exit status 1)", "detected", "100 %"),
        ("first failing module right", "module", "≥ 98 %"),
        ("cause named right in first place", "right", "≥ 90 %"),
        ("ambiguous, the truth among the rivals", "ambiguous", ""),
        ("no cause named", "none", ""),
        ("wrong cause named", "wrong", "≤ 1 %"),
    ]
    summary = [[title, f"{rates[name]:.1%}", goal] for title, name, goal in measures]
    passed, tried = fixes(results)
    summary.append(["passes with the rules that `--fix-rules` writes", f"{passed} of {tried}", ""])
    by_cause = rows_by(results.outcomes, lambda o: o.case.bug.cause)
    by_variant = rows_by(results.outcomes, lambda o: o.case.bug.name)
    by_row = rows_by(results.outcomes, lambda o: o.case.subject)
    equivalences = [
        f"- {' = '.join(sorted(pair))}: {reason}." for pair, reason in EQUIVALENCES.items()
    ]
    parts = [
        "# Injected bugs",
        "\n".join(provenance),
        f"{len(results.outcomes)} known bugs, one at a time, in known-good models and checkpoints. "
        f"{results.invisible} more were skipped: their effect on every recorded tensor is below "
        f"twice the noise. Of {results.healthy} healthy controls "
        f"{len(results.false_alarms)} failed. Weights are random, but as in trained networks "
        "tokens and what batch norms read are small, and deep networks do not multiply noise: "
        "`tools/weighbridge_lab/injection/subject.py` says how.",
        "What these rates do not say: the diagnosis was written with this catalogue at hand, so "
        "they are no estimate for mistakes of other kinds. Another eps is put in only where it "
        "changes a result by more than 2⁻¹⁵ (`normalization.py`): smaller changes drown in "
        "rounding, and such places are not counted as skipped. A suggestion, which rests on the "
        "parameters alone, counts as a name.",
        markdown_table(["measure", "rate", "goal"], summary),
        "## By cause\n\nThe last column counts the cause named first: the confusion table's row.",
        markdown_table(HEADER, by_cause),
        "## By form of the bug",
        markdown_table(["bug", *HEADER[1:]], by_variant),
        "## By model",
        markdown_table(["model", *HEADER[1:]], by_row),
        "## Names for the same damage",
        "\n".join(equivalences),
    ]
    return "\n\n".join(parts) + "\n"
