"""The calibration study: what it runs, how it computes ratios, what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from weighbridge_lab import calibration
from weighbridge_lab.calibration import (
    SCALES,
    SCALES_BETWEEN,
    UNIT,
    Values,
    conclusion,
    floor_table,
    main,
    plan,
    ratios,
    scaled_inputs,
    size_table,
    sizes,
)
from weighbridge_lab.registry import ROWS


def test_every_row_has_three_sizes_and_its_seeds() -> None:
    for id in ROWS:
        assert len(sizes(id)) == 3, id
        runs = list(plan([id], range(1, 21)))
        assert {run.seed for run in runs} == set(range(1, 21))
        assert len({run.case.described() for run in runs}) == 3, id
        assert all(set(SCALES) <= set(run.scales) for run in runs)
    assert any(set(SCALES_BETWEEN) <= set(run.scales) for run in plan(["stn"], [1]))


def test_ratios_by_hand() -> None:
    values = np.array([[6.0, 1.0, 0.5 / UNIT, 12.0, 2.0, 1 / UNIT, 80, 2, 2], [0] * 6 + [5, 0, 0]])
    np.testing.assert_allclose(ratios(values, 4.0), [6 / 3, 0])
    np.testing.assert_allclose(ratios(values, 4.0, largest=True), [12 / 6, 0])
    np.testing.assert_allclose(ratios(values, 0.0), [6, 0])
    text = floor_table(values)
    assert "| **4** | 2.000 | 2.000 | 2.000 | 2.000 | 0 | 2.000 |" in text
    text = size_table(values)
    assert "| 64 to 1023 | 1 | 2.000 |" in text and "| 1 to 3 | 0 | - |" in text
    text = conclusion(Values(columns=values.tolist(), runs=1))
    assert "0 of 2 values are above a limit" in text
    assert "are at most 2.000 and, of largest elements, 2.000" in text
    assert "are 2.00 and 4.00 times those" in text and "False alarms: 0 of 1 runs" in text


def test_locations_and_masks_are_not_scaled() -> None:
    x, location = torch.ones(1, 1, 4, 4), torch.full((1, 2), 0.5)
    big, same = scaled_inputs("retina", [x, location], 1e3)
    assert big.max() == 1000 and same is location
    mask = torch.ones(1, 2, dtype=torch.bool)
    assert scaled_inputs("vit", [x, mask], 1e-3)[1] is mask


def test_alarms_of_all_rows_are_counted_together() -> None:
    study = calibration.Study(Path("none"))
    study.by_row = {"a": Values(runs=2, alarms=["x"]), "b": Values(runs=3, rescued=1)}
    whole = study.whole()
    assert (whole.runs, whole.rescued, whole.alarms) == (5, 1, ["x"])


def test_a_study_is_written_and_a_false_alarm_fails_it(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    report, binary = tmp_path / "report.json", tmp_path / "weighbridge"
    binary.write_text(f"#!/bin/sh\ncat {report}\nexit $(cat {tmp_path}/status)\n")
    binary.chmod(0o755)
    layer = {
        "path": "fc", "call": 0, "item": None, "rms": 1e-9, "max_abs": 2e-9, "reference_rms": 0.5,
    }
    report.write_text(
        json.dumps({"layers": [layer], "outputs": [], "seconds": {}, "headline": "FAIL x"})
    )
    table = tmp_path / "calibration.md"
    arguments = [
        "--binary", str(binary), "--rows", "se_layer", "--seeds", "1", "--markdown", str(table)
    ]
    (tmp_path / "status").write_text("0")
    assert main(arguments) == 0
    text = table.read_text()
    assert "Written by `tools/calibrate --rows se_layer --seeds 1 --first-seed 1 --markdown" in text
    assert "False alarms: 0 of 11 runs" in text and "| `se_layer` | 11 | 11 |" in text
    (tmp_path / "status").write_text("1")
    assert main(arguments) == 1
    assert "false alarm: se_layer" in capsys.readouterr().out
    assert "## False alarms" in table.read_text()
    (tmp_path / "status").write_text("3")
    assert main(arguments) == 1
    assert "calibrate: se_layer" in capsys.readouterr().err
