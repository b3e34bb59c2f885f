"""Tables that a tool measured, kept as Markdown with the command that wrote them on top."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import torch


def processor() -> str:
    """The CPU's name and how many threads PyTorch uses."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2] for line in text.splitlines() if line.startswith("model name")]
    name = names[0].strip() if names else platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"


def provenance(command: str, *facts: str) -> str:
    """The lines that stand on top of a file: what wrote it, where, with what."""
    parts = [f"PyTorch {torch.__version__}", processor(), *facts]
    return f"Written by `{command}`.\n\n{' · '.join(parts)}"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; every column but the first is set to the right."""
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + " --- |" + " ---: |" * (len(columns) - 1))
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write(path: Path, *blocks: str) -> None:
    """Writes blocks with an empty line between them; the file appears when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    os.replace(temporary, path)
