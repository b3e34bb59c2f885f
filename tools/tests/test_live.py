"""Live parity's cases and its judgement of reports."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from weighbridge_lab.cases import CASES, Case
from weighbridge_lab.live import (
    Maker,
    checkpoint,
    chosen_cases,
    damaged,
    faults,
    main,
    ratios,
)
from weighbridge_lab.registry import ROWS
from weighbridge_recorder.storage import read_metadata

CASE = Case("se_layer", 3, {"channel": 16})


def good_report(made) -> dict:
    return {
        "verdict": "pass",
        "exit_code": 0,
        "mapping": {"missing": [], "unexpected": [], "mismatched": [], "dead": []},
        "first_divergence": None,
        "uncovered": [],
        "unreferenced": [],
        "layers": [
            {"path": path, "status": "ok", "noise_ratio": 1} for path in made.recording.activations
        ],
        "outputs": [{}],
    }


def test_every_row_has_its_default_and_three_odd_cases() -> None:
    for id in ROWS:
        cases = [case for case in CASES if case.row == id]
        assert any(not case.config and case.size is None for case in cases), id
        assert len(cases) >= 4, id
        assert {case.batch for case in cases} >= {1, 3, 8}, id


def test_every_configuration_is_possible() -> None:
    for case in CASES:
        ROWS[case.row].config(case.config)


def test_a_good_report_has_no_fault(tmp_path: Path) -> None:
    made = Maker(1).make(0, CASE, tmp_path)
    assert faults(0, good_report(made), "", made) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"verdict": "fail"}, "verdict fail"),
        ({"exit_code": 1}, "exit_code 1"),
        ({"uncovered": ["relu"]}, "uncovered: ['relu']"),
        ({"unreferenced": ["relu"]}, "unreferenced"),
        ({"layers": []}, "0 layers for"),
        ({"outputs": []}, "0 outputs"),
        ({"mapping": {"missing": ["a"], "unexpected": [], "mismatched": []}}, "missing: ['a']"),
        ({"mapping": {"unexpected": [], "mismatched": []}}, "missing: None"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, change: dict, says: str) -> None:
    made = Maker(1).make(0, CASE, tmp_path)
    found = faults(0, {**good_report(made), **change}, "", made)
    assert len(found) == 1 and says in found[0]


def test_a_layer_that_is_not_ok_and_a_command_without_report(tmp_path: Path) -> None:
    made = Maker(1).make(0, CASE, tmp_path)
    report = good_report(made)
    report["layers"][2]["status"] = "source"
    assert faults(0, report, "", made) == [f"layers: {report['layers'][2]['path']} source"]
    assert faults(3, {}, "cannot read\nmore", made) == ["exit 3: cannot read"]


def test_checkpoints_without_counters_and_with_a_prefix(tmp_path: Path) -> None:
    case = Case("se_bottleneck", 1, {"inplanes": 16, "planes": 4}, counters=False, prefix="module.")
    names = set(checkpoint(Maker(1).make(0, case, tmp_path).model, case))
    assert "module.bn1.running_mean" in names and "module.bn1.num_batches_tracked" not in names


def test_one_seed_makes_the_same_files(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        Maker(7).make(2, CASE, folder)
    for name in ("weights.npz", "reference.npz"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_parameter_without_effect_is_no_control(tmp_path: Path) -> None:
    made = Maker(1).make(0, CASE, tmp_path)
    made.recording.activations["fc.2"][:] = 0
    assert {damaged(made, seed, tmp_path)[1] for seed in range(8)} == {"fc.0.weight"}


def test_some_references_are_sampled_unless_noise_is_measured(tmp_path: Path) -> None:
    case = Case("se_bottleneck", 1, {"inplanes": 16, "planes": 4}, size=(9, 9))
    for samples in (True, False):
        made = Maker(7, samples).make(2, case, tmp_path)
        entries = read_metadata(made.reference).get("sampling", {}).get("entries", {})
        assert bool(entries) == samples


def test_a_command_that_passes_everything_fails_its_controls(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    made = Maker(1).make(0, CASE, tmp_path)
    report = tmp_path / "report.json"
    binary = tmp_path / "weighbridge"
    binary.write_text(f"#!/bin/sh\ncat {report}\n")
    binary.chmod(0o755)
    report.write_text(json.dumps(good_report(made)))
    arguments = ["--binary", str(binary), "--rows", "se_layer", "--seed", "1"]
    assert main([*arguments, "--no-controls"]) == 0
    assert "4 passed, 0 failed" in capsys.readouterr().out
    assert main(arguments) == 1
    assert "went unnoticed" in capsys.readouterr().out


def test_ratios_are_those_judged_by_noise_with_their_names() -> None:
    report = {
        "layers": [
            {"path": "a", "call": 0, "noise_ratio": 0.5, "basis": "recorded-noise"},
            {"path": "a", "call": 2, "noise_ratio": "inf", "basis": "own-noise"},
            {"path": "b", "call": 0, "noise_ratio": 9, "basis": "elementwise"},
            {"path": "c", "call": 0, "noise_ratio": None},
        ]
    }
    assert ratios(report) == [(0.5, "a"), (float("inf"), "a#2")]


def test_defaults_are_one_case_of_each_row() -> None:
    options = argparse.Namespace(rows=None, quick=False, defaults=True)
    cases = [case for _, case in chosen_cases(options)]
    assert [case.row for case in cases] == list(dict.fromkeys(case.row for case in CASES))
    assert set(ROWS) == {case.row for case in cases}
    assert all(not case.config and case.size is None and not case.extra for case in cases)


def test_a_ratio_above_the_limit_is_named_and_the_table_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    made = Maker(1).make(0, Case("se_layer", 2), tmp_path)
    report, binary = tmp_path / "report.json", tmp_path / "weighbridge"
    binary.write_text(f"#!/bin/sh\ncat {report}\n")
    binary.chmod(0o755)
    table = tmp_path / "figures" / "noise.md"
    arguments = [
        "--binary", str(binary), "--rows", "se_layer", "--seed", "5", "--repeat", "2",
        "--no-controls", "--defaults", "--markdown", str(table),
    ]
    content = good_report(made)
    report.write_text(json.dumps(content))
    assert main(arguments) == 0
    text = table.read_text()
    assert "`tools/live --defaults --rows se_layer --seed 5 --repeat 2 --markdown" in text
    assert "seeds 5 to 6" in text and "PyTorch 2." in text
    assert f"| `se_layer` | {len(made.recording.activations)} | 1.000 | 1.000 | " in text
    content["layers"][1] |= {"noise_ratio": 3.5, "path": "fc.1"}
    report.write_text(json.dumps(content))
    capsys.readouterr()
    assert main(arguments) == 1
    assert "se_layer: noise ratio 3.500 of fc.1, seed 6 is above 3" in capsys.readouterr().out
    assert "**not** every ratio is at most 3" in table.read_text()
