"""A root folder that holds a program and what it needs."""

import os
import shutil
from pathlib import Path

import pytest
from weighbridge_lab import deploying
from weighbridge_recorder import ToolError

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("chroot") is None, reason="chroot needs root"
)


def test_a_program_runs_with_nothing_else_in_sight(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("seven\n")
    said = deploying.image(tmp_path / "image", Path(shutil.which("cat")).resolve(), [words])
    assert said.endswith("/cat there prints seven")
    names = {path.name for path in (tmp_path / "image").iterdir()}
    assert {"cat", "lib", "words.txt"} <= names


def test_a_program_sees_proc_as_in_a_container(tmp_path):
    # df finds no file system there; without /proc it says that it cannot read the table of them.
    with pytest.raises(ToolError, match="no file systems processed"):
        deploying.image(tmp_path / "image", Path(shutil.which("df")).resolve(), [])
    assert not any((tmp_path / "image/proc").iterdir()), "mounted for the program alone"


def test_a_program_that_fails_is_said(tmp_path):
    with pytest.raises(ToolError, match="false ends with 1 in"):
        deploying.image(tmp_path / "image", Path(shutil.which("false")), [])


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(ToolError, match="is not empty"):
        deploying.image(tmp_path, Path(shutil.which("true")), [])
    assert (tmp_path / "kept").read_text() == "kept"
