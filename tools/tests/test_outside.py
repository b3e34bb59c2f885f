"""The form of the outside catalogue, and how its cases are scored."""

import json
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "outside"
sys.path.insert(0, str(FOLDER))

from catalogue import Case, load  # noqa: E402
from faults import FAULTS  # noqa: E402
from scoring import ELSEWHERE, FIRST, LATER, UNNAMED, is_there, score  # noqa: E402

CASES = load()
SWITCHES = set(
    re.findall(r"case (\w+)", (FOLDER / "Sources/outside-verdict/Mistake.swift").read_text()))


def test_the_catalogue_is_large_and_each_mistake_stands_once() -> None:
    assert len(CASES) >= 60
    assert len({case.id for case in CASES}) == len(CASES)
    assert len({case.network for case in CASES}) >= 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_has_its_ground_truth_and_its_switch(case: Case) -> None:
    assert case.what and case.where and case.says
    assert all(re.compile(says) for says in case.says)
    assert case.id.startswith(case.network)
    if case.weights:
        assert set(case.weights) <= set(FAULTS)
        assert case.id not in SWITCHES
    else:
        assert case.id in SWITCHES


def test_no_switch_is_without_a_case() -> None:
    assert SWITCHES - {"none"} <= {case.id for case in CASES}


CASE = Case("x", "n", "what", ["layer*.*.bn2"], ["bn2", "forgotten|missing"])


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("layer1.0.bn2", True), ("layer1.0", True), ("layer1.0.bn1", False), ("layer1", False),
        ("", False), (None, False),
    ])
def test_a_module_and_its_block_are_the_place(path: str | None, there: bool) -> None:
    assert is_there(path, CASE.where) is there


@pytest.mark.parametrize(
    ("causes", "certainty", "named"),
    [
        (["bn2 is missing", "something"], "ambiguous", FIRST),
        (["something", "bn2 is missing"], "ambiguous", LATER),
        (["something"], "likely", ELSEWHERE),
        (["something"], "suggestion", ELSEWHERE),
        ([], "likely", UNNAMED),
    ])
def test_a_cause_counts_by_its_place(
    tmp_path: Path, causes: list[str], certainty: str, named: str
) -> None:
    finding = {
        "path": "layer1.0", "layer": "layer1.0", "certainty": certainty,
        "causes": [{"text": text, "fix": ""} for text in causes],
    }
    said = {"passes": False, "firstDivergence": "layer1.0", "findings": [finding] if causes else []}
    (tmp_path / "x.json").write_text(json.dumps(said))
    outcome = score(CASE, tmp_path)
    assert (outcome.named, outcome.located, outcome.detected) == (named, True, True)
