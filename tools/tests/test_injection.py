"""Bug injection: mutants differ by their mistake alone, damage keeps shapes, verdicts are read."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from weighbridge_lab.injection.attention import (
    WrongAttention,
    WrongMultiheadAttention,
    other_heads,
)
from weighbridge_lab.injection.bug import (
    CHECKPOINT,
    EQUIVALENCES,
    MODEL,
    RECORDING,
    Bug,
    Patient,
    Site,
)
from weighbridge_lab.injection.catalogue import BUGS
from weighbridge_lab.injection.geometry import PaddedConv2d, PaddedMaxPool2d, same_padding
from weighbridge_lab.injection.outcome import (
    AMBIGUOUS,
    NONE,
    RIGHT,
    WRONG,
    Case,
    Outcome,
    judged,
)
from weighbridge_lab.injection.report import Results, markdown, rows_by
from weighbridge_lab.injection.runner import chosen_sites, effect
from weighbridge_lab.injection.subject import SPECIFICATIONS, Subject
from weighbridge_lab.vit import Attention
from weighbridge_recorder import Recording

SLOW = ("se_inception3", "sknet50", "se_resnet50", "se_resnet18")
SMALL = [s for s in SPECIFICATIONS if s.row not in SLOW]
# Bugs whose only places are in networks too slow for these tests.
ELSEWHERE = {"count-include-pad/average pooling", "ceil-mode/max pooling",
             "module-skipped/unused gate"}


@pytest.fixture(scope="module")
def subjects() -> list[Subject]:
    return [Subject(specification, 3) for specification in SMALL]


def test_names_are_unique_and_every_bug_has_a_place(subjects: list[Subject]) -> None:
    names = [bug.name for bug in BUGS]
    assert len(set(names)) == len(names)
    placed = {bug.name for bug in BUGS if any(True for s in subjects for _ in bug.sites(s))}
    assert {n for n in names if n not in placed} == ELSEWHERE


def test_every_equivalence_that_a_site_uses_has_its_reason(subjects: list[Subject]) -> None:
    used = {
        frozenset({bug.cause, other})
        for subject in subjects for bug in BUGS for site in bug.sites(subject)
        for other in site.accepts
    }
    assert used <= set(EQUIVALENCES)


def test_expected_paths_are_recorded_ones(subjects: list[Subject]) -> None:
    for subject in subjects:
        for bug in BUGS:
            for site in bug.sites(subject):
                shown = [p for p in site.paths if p in subject.order or p.startswith("outputs/")]
                assert shown and site.paths[0] == shown[0], (subject.specification.name, bug.name)


def test_damage_changes_the_copy_alone_and_keeps_shapes(subjects: list[Subject]) -> None:
    for subject in subjects:
        before = subject.state()
        for case in (case for bug in BUGS for case in chosen_sites(subject, bug, 1, 4)):
            recorded = subject.recording.activations
            patient = Patient(
                copy.deepcopy(subject.model), subject.state(), torch.Generator(), dict(recorded))
            with torch.no_grad():
                case.site.damage(patient)
            assert {n: t.shape for n, t in patient.state.items()} == {
                n: t.shape for n, t in before.items()
            }
            changed = [n for n in before if not torch.equal(patient.state[n], before[n])]
            assert bool(changed) == (case.bug.place == CHECKPOINT), case.label
            moved = [n for n in recorded if patient.activations[n] is not recorded[n]]
            assert bool(moved) == (case.bug.place == RECORDING), case.label
        after = subject.state()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_places_are_drawn_by_the_seed() -> None:
    subject = Subject(next(s for s in SMALL if s.row == "vit"), 5)
    bug = next(b for b in BUGS if b.cause == "initial-values")
    first = [case.site.where for case in chosen_sites(subject, bug, 3, 1)]
    assert first == [case.site.where for case in chosen_sites(subject, bug, 3, 1)]
    assert len(first) == 3
    assert any(
        first != [case.site.where for case in chosen_sites(subject, bug, 3, seed)]
        for seed in range(2, 6)
    )


def test_shrunk_convolutions_leave_the_network_as_it_is() -> None:
    specification = next(s for s in SMALL if s.row == "sk_block")
    subject = Subject(specification, 6)
    norms = [m for m in subject.model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert sum(float(m.running_var.mean()) < 0.1 for m in norms) >= 4
    outputs = subject.recording.outputs[0]
    assert np.isfinite(outputs).all() and 0.1 < outputs.std() < 10


@torch.no_grad()
def test_a_mutant_without_its_mistake_is_the_original() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 7, 24)
    attention = Attention(24, 4, None, "dim")
    wrong = copy.deepcopy(attention)
    wrong.__class__ = WrongAttention
    torch.testing.assert_close(wrong(x), attention(x))
    wrong.interleaved = True
    assert not torch.allclose(wrong(x), attention(x), atol=1e-2)

    tokens = torch.randn(7, 2, 24)
    multihead = nn.MultiheadAttention(24, 4).eval()
    mutant = copy.deepcopy(multihead)
    mutant.__class__ = WrongMultiheadAttention
    expected = multihead(tokens, tokens + 1, tokens - 1, need_weights=False)[0]
    torch.testing.assert_close(mutant(tokens, tokens + 1, tokens - 1)[0], expected)
    mutant.order = (1, 0, 2)
    assert not torch.allclose(mutant(tokens, tokens + 1, tokens - 1)[0], expected, atol=1e-2)

    image = torch.randn(1, 4, 9, 8)
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    torch.testing.assert_close(PaddedConv2d(conv, (1, 1, 1, 1))(image), conv(image))
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    torch.testing.assert_close(PaddedMaxPool2d(pool, (1, 1, 1, 1))(image), pool(image))


def test_same_padding_is_tensorflows() -> None:
    # Of 8 pixels a window of 3 with stride 2 needs one more, at the end; of 9 one at each end.
    assert same_padding(8, 3, 2) == (0, 1)
    assert same_padding(9, 3, 2) == (1, 1)
    assert same_padding(224, 7, 2) == (2, 3)
    assert other_heads(60, 5) != 5 and 60 % other_heads(60, 5) == 0


def recorded(values: list[float], noise: float = 1e-3) -> Recording:
    array = np.array(values, dtype=np.float32)
    return Recording(
        activations={"fc": array}, outputs=[array],
        noise={"fc": np.array([noise, noise]), "outputs/0": np.array([noise, noise])},
    )


def test_effect_is_in_units_of_the_noise() -> None:
    healthy = recorded([1.0, 2.0])
    assert effect(healthy, healthy) == 0
    assert effect(healthy, recorded([1.01, 2.01])) == pytest.approx(10, rel=0.01)
    assert effect(healthy, recorded([1.0, math.nan])) == math.inf
    assert effect(healthy, recorded([1.0, 2.0, 3.0])) == math.inf


def case() -> Case:
    bug = Bug("fortran-order", "one tensor", CHECKPOINT, lambda _: [])
    return Case("model", bug, Site("fc.weight", ("fc",), lambda _: None, ("linear-transposed",)))


def verdict(*causes: str, certainty: str = "likely", first: str = "fc") -> dict:
    diagnosis = {
        "cause": causes[0], "certainty": certainty, "text": "…",
        "rivals": [{"cause": cause} for cause in causes[1:]],
    } if causes else None
    return {"first_divergence": first, "diagnoses": [diagnosis] if diagnosis else []}


@pytest.mark.parametrize(
    ("report", "naming"),
    [
        (verdict("fortran-order"), RIGHT),
        (verdict("linear-transposed"), RIGHT),
        (verdict("fortran-order", certainty="suggestion"), RIGHT),
        (verdict("weight-layout"), WRONG),
        (verdict("weight-layout", "fortran-order", certainty="ambiguous"), AMBIGUOUS),
        (verdict("weight-layout", "byte-order", certainty="ambiguous"), WRONG),
        (verdict(), NONE),
    ],
)
def test_a_report_is_judged_by_the_cause_it_names_first(report: dict, naming: str) -> None:
    outcome = judged(case(), 100, 1, report, "")
    assert (outcome.naming, outcome.detected, outcome.module_right) == (naming, True, True)


def test_detection_and_module() -> None:
    assert not judged(case(), 100, 0, {}, "").detected
    assert not judged(case(), 100, 2, {}, "missing names").detected
    other = judged(case(), 100, 1, verdict("fortran-order", first="conv"), "")
    assert other.detected and not other.module_right and not other.complete


def test_rates_goals_and_page() -> None:
    good = judged(case(), 100, 1, verdict("fortran-order"), "")
    bad = judged(case(), 100, 1, verdict("byte-order", first="conv"), "")
    results = Results([good] * 99 + [bad], invisible=3, healthy=2)
    assert results.missed_goals() == []
    worse = Results([good] * 97 + [bad] * 3, healthy=2, false_alarms=["vit"])
    assert len(worse.missed_goals()) == 3
    assert len(worse.missed_goals(diagnosis=False)) == 2
    row = rows_by(worse.outcomes, lambda o: o.case.bug.cause)[0]
    assert row[:8] == ["fortran-order", "100", "100", "97", "97", "0", "0", "3"]
    assert row[8] == "fortran-order 97, byte-order 3"
    page = markdown(worse, ["Written by a test."])
    assert "Written by a test." in page and "| wrong cause named | 3.0% | ≤ 1 % |" in page


def test_outcome_of_a_model_bug_is_no_checkpoint_bug() -> None:
    assert {bug.place for bug in BUGS} == {CHECKPOINT, MODEL, RECORDING}
    assert Outcome(case(), 1, 0, None, "", NONE).complete is False
