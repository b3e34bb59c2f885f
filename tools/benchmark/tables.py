"""Tables that are printed row by row and kept as Markdown, and words for figures."""

from __future__ import annotations

from peer import median


class Table:
    """A table that is printed row by row and kept as Markdown."""

    def __init__(self, title: str, columns: list[str], note: str = "") -> None:
        self.lines = [f"### {title}", "", *([note, ""] if note else []),
                      "| " + " | ".join(columns) + " |"]
        self.lines.append("|" + " --- |" * len(columns))
        print("\n" + "\n".join(self.lines), flush=True)

    def add(self, *cells: str) -> None:
        """Adds and prints one row."""
        self.lines.append("| " + " | ".join(cells) + " |")
        print(self.lines[-1], flush=True)


def milliseconds(seconds: float) -> str:
    """A duration for a table."""
    return f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:.0f}"


def ratio(peer: list[float], ours: list[float]) -> str:
    """How many times longer the peer took: the median over rounds of the ratio in each."""
    return f"{median([p / o for p, o in zip(peer, ours, strict=True)]):.2f}×"
