"""What a verdict is worth against the ground truth of a case."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from catalogue import Case

FIRST, LATER, UNNAMED, ELSEWHERE = "first", "later", "not named", "elsewhere"


@dataclass(frozen=True)
class Outcome:
    case: Case
    detected: bool
    located: bool
    named: str
    # Where the verdict points, and each cause that it gives, in order.
    divergence: str
    said: list[str]


def parent(path: str) -> str:
    return path.rpartition(".")[0]


def is_there(path: str | None, where: list[str]) -> bool:
    """Whether a path is a true module or the parent of one."""
    if path is None:
        return False
    if path == "outputs":  # the model's own results
        path = ""
    return any(
        _matches(path, place) or (place != "" and _matches(path, parent(place))) for place in where)


def _matches(path: str, pattern: str) -> bool:
    """Stars stand for one part of a path, or for less; a pattern of one star for any path."""
    if pattern == "*":
        return True
    if "*" not in pattern:
        return path == pattern
    prefix, ending = pattern.rstrip("*"), pattern.endswith("*")
    if path.count(".") != pattern.count(".") and not (ending and path.startswith(prefix)):
        return pattern.startswith("*") and fnmatchcase(path, pattern)
    return fnmatchcase(path, pattern)


def conveys(text: str, case: Case) -> bool:
    groups = [f"(?:{says})" for says in case.says]
    if all(re.search(group, text, re.IGNORECASE) for group in groups):
        return True
    return any(re.search(s, text, re.IGNORECASE) for s in case.synonyms)


def score(case: Case, folder: Path) -> Outcome:
    said_file, error_file = folder / f"{case.id}.json", folder / f"{case.id}.error"
    if not said_file.exists():
        text = error_file.read_text().strip() if error_file.exists() else "nothing was written"
        named = FIRST if conveys(text, case) else UNNAMED
        located = any(re.search(rf"(?<![\w.]){re.escape(p)}(?![\w])", text)
                      for p in case.where if p and "*" not in p)
        return Outcome(case, True, located, named, "an error", [text])
    said = json.loads(said_file.read_text())
    findings: list[dict[str, Any]] = said["findings"]
    places = [said.get("firstDivergence")]
    if findings:
        places += [findings[0]["path"], findings[0]["layer"]]
    return Outcome(
        case, not said["passes"], any(is_there(p, case.where) for p in places),
        _named(findings, case), said.get("firstDivergence") or "",
        [_text(f, c) for f in findings for c in f["causes"]])


def _text(finding: dict[str, Any], cause: dict[str, str]) -> str:
    place = finding["path"] or "the model"
    return f"[{finding['certainty']}] {place}: {cause['text']}; fix: {cause['fix']}"


def _named(findings: list[dict[str, Any]], case: Case) -> str:
    """First: the first cause given conveys the mistake. Later: another does. Elsewhere: causes are
    given, suggestions too, and none conveys it."""
    texts = [_text(f, c) for f in findings for c in f["causes"]]
    right = [conveys(text, case) for text in texts]
    if right and right[0]:
        return FIRST
    if any(right):
        return LATER
    return ELSEWHERE if texts else UNNAMED
