"""From costs to statements: medians, ratios, and the promise that each is held against.

A promise is a ratio within one run wherever it can be, because machines differ and neighbours are noisy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.contenders import counted
from tests.benchmarks.corpus_shape import Kind
from tests.benchmarks.measure import Cost


class CountsDifferError(Exception):
    """The contenders did not take in the same documents or mentions."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement. `limit` is None where nothing is promised; else the value must be `at least` or `at most` it."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    is_floor: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


# (times faster than the script, times faster than dlt, times the parsing floor), by the kind of documents.
PROMISES: dict[Kind, tuple[float | None, float | None, float | None]] = {
    "long": (9, 35, 4),
    "short": (2.5, None, None),
}
MEMORY_LIMIT_MB = 500


def seconds(costs: Sequence[Cost]) -> float:
    """Return the median wall time."""
    return median(cost.wall_seconds for cost in costs)


def peak(costs: Sequence[Cost]) -> float:
    """Return the largest memory over all runs, in MB of 10^6 bytes."""
    return max(cost.peak_bytes for cost in costs) / 1e6


def check_counts(costs: Mapping[str, Sequence[Cost]]) -> tuple[int, int]:
    """Return the documents and mentions that all contenders counted.

    newsmart may count fewer mentions by those it put into quarantine. Raises CountsDifferError.
    """
    found = {name: {counted(cost) for cost in runs} for name, runs in costs.items()}
    quarantined = max(int(cost.output.get("quarantine_entries", 0)) for cost in costs["newsmart"])
    documents = {pair[0] for pairs in found.values() for pair in pairs}
    mentions = {pair[1] for pairs in found.values() for pair in pairs}
    if len(documents) > 1 or max(mentions) - min(mentions) > quarantined:
        raise CountsDifferError(f"documents and mentions differ: {found}")
    return documents.pop(), min(mentions)


def full_lines(costs: Mapping[str, Sequence[Cost]], kind: Kind | None) -> list[Line]:
    """Return the statements about a full load; those of a real folder are held against the long documents' promises."""
    script, dlt, floor = PROMISES[kind or "long"]
    own = seconds(costs["newsmart"])
    lines = [
        Line("full load: times faster than the script", seconds(costs["script"]) / own, "x", script, is_floor=True)
    ]
    if "dlt" in costs:
        lines.append(Line("full load: times faster than dlt", seconds(costs["dlt"]) / own, "x", dlt, is_floor=True))
    lines.append(Line("full load: times the parsing floor", own / seconds(costs["floor"]), "x", floor))
    lines.append(Line("full load: memory of all processes", peak(costs["newsmart"]), "MB", MEMORY_LIMIT_MB))
    return lines
