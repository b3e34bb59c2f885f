"""The catalogue as data: `catalogue.yaml`, whose head explains the fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_name("catalogue.yaml")


@dataclass(frozen=True)
class Case:
    id: str
    network: str
    what: str
    where: list[str]
    says: list[str]
    weights: dict[str, list[Any]] = field(default_factory=dict)
    synonyms: list[str] = field(default_factory=list)
    note: str = ""


def load(path: Path = PATH) -> list[Case]:
    return [Case(**entry) for entry in yaml.safe_load(path.read_text())]
