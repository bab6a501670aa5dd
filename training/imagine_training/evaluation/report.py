"""The report of an evaluation: tables, `report.json`, `report.md`, and sheets of pictures."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imagine_cli import encode, gallery
from imagine_cli.evidence import EightBits
from imagine_cli.whole import whole

from . import reading
from .metrics import bootstrap
from .programs import Case


@dataclass
class Table:
    """What was measured at one scale or quality."""

    setting: str
    pictures: dict[str, list[str]] = field(default_factory=dict)
    """By contender, those that it gave an answer for."""
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """By contender and figure, one for each of these pictures."""
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    """By contender and figure, of all these pictures together."""

    def add(self, contender: str, name: str, found: dict[str, float]) -> None:
        self.pictures.setdefault(contender, []).append(name)
        values = self.values.setdefault(contender, {})
        for figure, value in found.items():
            values.setdefault(figure, []).append(value)

    def summary(self, contender: str, figure: str) -> dict[str, float] | None:
        """What one figure comes to over all pictures: a mean and its 95 % interval, mostly.

        The least of what is called _worst or _least, the most of what is called _most.
        """
        if figure in self.sets.get(contender, {}):
            return {"value": self.sets[contender][figure]}
        if not (values := self.values.get(contender, {}).get(figure)):
            return None
        if figure.endswith(("_worst", "_least")):
            return {"least": min(values)}
        if figure.endswith("_most"):
            return {"most": max(values)}
        if len(values) == 1:  # an interval of one picture would say nothing
            return {"mean": values[0]}
        low, high = bootstrap(np.array(values))
        return {"mean": float(np.mean(values)), "low": low, "high": high}


@dataclass(frozen=True)
class Report:
    """All that is told of an evaluation, and all that is needed to have it again."""

    asked: dict[str, Any]
    definitions: dict[str, str]
    left_out: list[str]
    contenders: dict[str, dict[str, Any]]
    data: dict[str, str]
    tables: list[Table]
    failures: list[str]

    def as_json(self) -> dict[str, Any]:
        """What is in `report.json`, and printed by `--json`."""
        results = [
            {
                "setting": table.setting,
                "contender": name,
                "pictures": table.pictures[name],
                "figures": {
                    figure: summary
                    for figure in self.definitions
                    if (summary := table.summary(name, figure))
                },
                "of_each_picture": table.values[name],
            }
            for table in self.tables
            for name in table.pictures
        ]
        return {
            "asked": self.asked,
            "definitions": self.definitions,
            "left_out": self.left_out,
            "contenders": self.contenders,
            "data": self.data,
            "results": results,
            "failures": self.failures,
        }


def lines(table: Table, definitions: dict[str, str]) -> list[str]:
    """The table for a terminal: a row a figure, a column a contender; means [95 % intervals].

    An arrow says which way is better.
    """
    rows = _rows(table, definitions)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    told = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return told + [f"note: {line}" for line in _cautions(table, definitions)]


def _rows(table: Table, definitions: dict[str, str]) -> list[list[str]]:
    """The head, and a row for each figure and for each group of them."""
    names = list(table.pictures)
    counts = [str(len(table.pictures[name])) for name in names]
    rows = [[table.setting, "", *names], ["pictures", "", *counts]]
    for group, figures in reading.grouped(definitions).items():
        rows.append([group, *([""] * (1 + len(names)))])
        for figure in figures:
            cells = (_cell(table.summary(name, figure)) for name in names)
            rows.append([f"  {figure}", reading.better(figure), *cells])
    return rows


def _cautions(table: Table, definitions: dict[str, str]) -> list[str]:
    """Of the contender that was measured on the fewest pictures."""
    fewest = min(map(len, table.pictures.values()), default=0)
    return list(reading.cautions(definitions, fewest))


def _cell(summary: dict[str, float] | None) -> str:
    if summary is None:
        return "-"
    first, *interval = (f"{value:.5g}" for value in summary.values())
    return f"{first} [{' '.join(interval)}]" if interval else first


def write(report: Report, out: Path) -> None:
    """`report.json` and `report.md`, each whole or not at all."""
    with whole(out / "report.json") as file:
        file.write((json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n").encode())
    with whole(out / "report.md") as file:
        file.write(_as_markdown(report).encode())


def write_sheet(case: Case, shown: list[tuple[str, EightBits]], folder: Path) -> None:
    """The input, what every contender made of it, and what was observed."""
    every = [*shown, ("observed", case.observed)]
    sheet = gallery.sheet(case.evidence.observed, every, title=case.name)
    encode.write(sheet, folder / f"{case.name}.png")


def _as_markdown(report: Report) -> str:
    parts = ["# Evaluation", f"    {report.asked['command']}"]
    parts.append(
        "Means over pictures, with 95 % bootstrap intervals over pictures in brackets. "
        "An arrow says which way is better. "
        f"Pictures are cut to {report.asked['largest_side']}² at most, around their middle."
    )
    for table in report.tables:
        head, *rows = _rows(table, report.definitions)
        text = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
        parts.append("\n".join(text))
        parts += [f"Note: {line}." for line in _cautions(table, report.definitions)]
    parts.append("## What the figures are")
    parts.append("\n".join(f"- **{name}**: {text}." for name, text in report.definitions.items()))
    parts.append("## What was measured")
    told = (
        f"- **{name}**: "
        + ", ".join(f"{key} `{value}`" for key, value in about.items() if key != "runs")
        for name, about in report.contenders.items()
    )
    parts.append("\n".join(told))
    parts.append(f"{len(report.data)} pictures: {', '.join(report.data)}.")
    if wrong := [*report.left_out, *report.failures]:
        parts.append("## What is missing")
        parts.append("\n".join(f"- {line}" for line in wrong))
    return "\n\n".join(parts) + "\n"
