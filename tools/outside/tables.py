"""The tables of the outside catalogue."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from scoring import ELSEWHERE, FIRST, LATER, UNNAMED, Outcome

RATES = ("detected", "located", "named first", "named later", "not named", "sent elsewhere")


def rates(outcomes: list[Outcome]) -> list[int]:
    return [
        sum(o.detected for o in outcomes),
        sum(o.located for o in outcomes),
        *(sum(o.named == n for o in outcomes) for n in (FIRST, LATER, UNNAMED, ELSEWHERE)),
    ]


def summary(outcomes: list[Outcome]) -> str:
    count = max(1, len(outcomes))
    return f"{len(outcomes)} cases\n" + "\n".join(
        f"  {name:15} {value:4}  {100 * value / count:5.1f} %"
        for name, value in zip(RATES, rates(outcomes), strict=True))


HEAD = """# The outside catalogue: hand-written ports, and mistakes in them

`tools/outside-study --markdown tools/figures/outside.md` wrote this file. The networks are none of
Weighbridge's own; the catalogue (`tools/outside/catalogue.yaml`: the mistakes, where they truly are,
and what a right naming must convey) was written from README and PyTorch alone, without sight of the
diagnosis, and committed before its first run. A mistake is *located* when the first divergence or the
first cause names the true module or the block around it; *named first* when the first cause conveys
it; *named later* when another of the causes does; *sent elsewhere* when causes are given, suggestions
too, and none conveys it. Each network's right port passes.
"""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def markdown(path: Path, outcomes: list[Outcome], label: str) -> None:
    """Writes the table; the rates of earlier runs, under their own labels, are kept."""
    earlier = [
        row for row in (path.read_text().splitlines() if path.exists() else [])
        if row.startswith("| run ") and not row.startswith(f"| run {label} ")
    ]
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M")
    count = max(1, len(outcomes))
    cells = " | ".join(f"{v} ({100 * v / count:.1f} %)" for v in rates(outcomes))
    rows = [*earlier, f"| run {label} ({date} UTC) | {len(outcomes)} | {cells} |"]
    lines = [HEAD, "| | cases | " + " | ".join(RATES) + " |", "|---|---" + "|---" * len(RATES) + "|"]
    lines += rows
    lines += ["", "| case | the mistake | located | named | first divergence | said |",
              "|---|---|---|---|---|---|"]
    for o in outcomes:
        said = "<br>".join(_cell(text)[:400] for text in o.said[:4]) or "no cause"
        if len(o.said) > 4:
            said += f"<br>and {len(o.said) - 4} more"
        named = o.named if o.detected else "**unseen**"
        located = "yes" if o.located else "**no**"
        lines.append(
            f"| {o.case.id} | {_cell(o.case.what)} | {located} | {named} "
            f"| {o.divergence or 'the model'} | {said} |")
    adjusted = [o.case for o in outcomes if o.case.synonyms or o.case.note]
    if adjusted:
        lines += ["", "## Changes to the ground truth after a verdict was seen", ""]
        lines += [f"- {c.id}: {c.note} (synonyms: {', '.join(c.synonyms) or 'none'})" for c in adjusted]
    path.write_text("\n".join(lines) + "\n")
