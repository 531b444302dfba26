"""A comparison as a table, a chart and data. matplotlib is a tool of development, never one of newsmart's own needs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from tests.benchmarks.measure import Cost
from tests.benchmarks.summary import Line, peak, seconds

COLORS = {"newsmart": "#1b6f5f", "script": "#9aa5b1", "dlt": "#c9a227", "floor": "#d7dce2"}
LABELS = {"newsmart": "newsmart", "script": "an afternoon's script", "dlt": "dlt", "floor": "parsing floor"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, what each run of each contender cost, and the statements that follow."""

    title: str
    costs: Mapping[str, Sequence[Cost]]
    lines: Sequence[Line]


def write(found: Comparison, to: Path | None) -> str:
    """Return the comparison as Markdown, and write it with its data and chart into a folder where one is given."""
    text = markdown(found)
    if to is None:
        return text
    to.mkdir(parents=True, exist_ok=True)
    (to / "benchmark.md").write_text(text, encoding="utf-8")
    (to / "benchmark.json").write_text(json.dumps(data(found), indent=1) + "\n", encoding="utf-8")
    if found.costs:
        chart(found, to / "benchmark.png")
    return text


def markdown(found: Comparison) -> str:
    """Return two tables: what each contender cost, and the statements with their promises."""
    parts = [f"**{found.title}**\n"]
    if found.costs:
        parts += ["| | time (median) | CPU | memory | times newsmart |", "|---|---:|---:|---:|---:|"]
        parts += [contender_row(name, found.costs) for name in found.costs]
        parts.append("")
    return "\n".join([*parts, *promise_rows(found.lines)]) + "\n"


def data(found: Comparison) -> dict[str, object]:
    """Return the comparison as plain data. The contenders' own output stays out: it names folders of this machine."""
    costs = {name: [replace(cost, output={}) for cost in runs] for name, runs in found.costs.items()}
    return asdict(replace(found, costs=costs))


def contender_row(name: str, costs: Mapping[str, Sequence[Cost]]) -> str:
    """Return a contender's row."""
    runs = costs[name]
    cpu = median(cost.cpu_seconds for cost in runs)
    ratio = seconds(runs) / seconds(costs["newsmart"])
    return f"| {LABELS[name]} | {seconds(runs):.2f} s | {cpu:.2f} s | {peak(runs):,.0f} MB | {ratio:.2f} |"


def promise_rows(lines: Sequence[Line]) -> list[str]:
    """Return the table of statements."""
    return ["| | measured | promised | |", "|---|---:|---:|---|", *map(promise_row, lines)]


def promise_row(line: Line) -> str:
    """Return a statement's row."""
    value = f"{line.value:,.2f} {line.unit}"
    if line.limit is None:
        return f"| {line.what} | {value} | | |"
    bound = f"{'at least' if line.is_floor else 'at most'} {line.limit:g} {line.unit}"
    return f"| {line.what} | {value} | {bound} | {'kept' if line.is_kept else 'not kept'} |"


def chart(found: Comparison, file: Path) -> None:
    """Draw time and memory as bars, one a contender. Drawn without pyplot, so that no display is looked for."""
    figure = Figure(figsize=(9, 0.9 + 0.45 * len(found.costs)), layout="constrained")
    names = list(found.costs)[::-1]
    panels = (
        ("seconds", {name: seconds(found.costs[name]) for name in names}),
        ("MB", {name: peak(found.costs[name]) for name in names}),
    )
    for axes, (unit, values) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
        bars = axes.barh(
            [LABELS[name] for name in names], list(values.values()), color=[COLORS[name] for name in names]
        )
        axes.bar_label(
            bars, [f"{value:,.1f}" if unit == "seconds" else f"{value:,.0f}" for value in values.values()], padding=3
        )
        axes.set_title(
            "time of the whole process, s" if unit == "seconds" else "memory of all processes, MB", fontsize=10
        )
        axes.margins(x=0.18)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(found.title, fontsize=11)
    figure.savefig(file, dpi=144)
