"""What the study found, as a page."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .. import figures
from .outcome import Outcome

COLUMNS = [
    "network", "library", "status", "results", "worst", "other batch", "other size", "record", "bind",
    "forward", "production", "why",
]


def markdown(path: Path, outcomes: Sequence[Outcome], command: str, title: str, about: str) -> None:
    """Writes the page: how many, of which library, and a line for each network."""
    figures.write(
        path,
        f"# {title}",
        figures.provenance(command),
        about,
        "`worst` is the largest share of its own limit that any result takes; seconds are those of "
        "recording, loading, the probed run and the run of a program. `refused`: the message says "
        "what cannot be run; `not made`: the library did not make it. `other batch` (two images, "
        "recorded with one) and `other size` (three quarters of the width and height): the same "
        "recording run on these and held against what PyTorch gives for them. `–`: PyTorch refuses "
        "them, too.",
        _counted(outcomes),
        figures.table(COLUMNS, [_row(outcome) for outcome in outcomes]),
    )


def _counted(outcomes: Sequence[Outcome]) -> str:
    made = [outcome for outcome in outcomes if outcome.status != "not made"]
    passed = [outcome for outcome in made if outcome.status == "pass"]
    parts = []
    for library in dict.fromkeys(outcome.library for outcome in made):
        among = [outcome.status for outcome in made if outcome.library == library]
        parts.append(f"{among.count('pass')} of {len(among)} of {library}")
    results = sum(outcome.layers + outcome.outputs for outcome in passed)
    lines = [
        f"**{len(passed)} of {len(made)}** networks pass, each of {results} recorded results "
        f"compared: {', '.join(parts)}."
    ]
    for name, kind in (("batch", "another batch"), ("size", "another size")):
        counts = Counter(_word(getattr(outcome, name)) for outcome in passed)
        ran = sum(counts[word] for word in ("pass", "refused", "fail"))
        lines.append(
            f"With {kind} {counts['pass']} of {ran} compute what PyTorch does, {counts['refused']} are "
            f"refused and {counts['fail']} give something else."
        )
    return " ".join(lines)


def _word(verdict: str) -> str:
    return verdict.partition(":")[0]


def _shown(verdict: str) -> str:
    return "–" if verdict.startswith("not run") else _word(verdict)


def _row(outcome: Outcome) -> list[str]:
    times = [outcome.seconds.get(key) for key in ("record", "bind", "forward", "production")]
    why = [outcome.reason]
    for kind in ("batch", "size"):
        verdict = getattr(outcome, kind)
        if verdict.startswith(("refused", "fail")):
            why.append(f"{kind} {verdict}")
    return [
        f"`{outcome.name}`", outcome.library, outcome.status, str(outcome.layers),
        f"{outcome.worst:.2f}", _shown(outcome.batch), _shown(outcome.size),
        *("" if seconds is None else f"{seconds:.2f}" for seconds in times),
        "; ".join(part for part in why if part).replace("|", "\\|"),
    ]


def said(command: str, options: argparse.Namespace) -> str:
    """The command that was given, as a table's provenance."""
    parts = [command]
    if options.drawn is not None:
        parts.append(f"--drawn {options.drawn} --seed {options.seed}")
    parts += [f"--library {name}" for name in options.library or []]
    parts += [f"--only {name}" for name in options.only or []]
    return " ".join([*parts, f"--markdown {options.markdown}"])
