"""What a change of the contract does to those who rely on the old one, so that a test can refuse what breaks them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What one contract has that another had not, what breaks consumers, and what is told in other words.

    `rewordings` name descriptions that differ: whether a meaning changed with the words is for a person to judge.
    """

    additions: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    rewordings: tuple[str, ...] = ()


def compare_contracts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """Return what a change of the contract means to those who rely on the old one. In: both as parsed YAML."""
    found = list(_table_changes(_named(old["schema"]), _named(new["schema"])))
    return Changes(*(tuple(text for kind, text in found if kind == wanted) for wanted in ("add", "break", "reword")))


def _named(things: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(thing["name"]): thing for thing in things}


Found = Iterator[tuple[str, str]]


def _table_changes(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Found:
    yield from _gone_and_added(old, new, "table ")
    for name in (name for name in old if name in new):
        before, after = old[name], new[name]
        yield from _differing(before, after, ("physicalName", "dataGranularityDescription"), name)
        if before.get("description") != after.get("description"):
            yield "reword", name
        columns, now = _named(before["properties"]), _named(after["properties"])
        yield from _gone_and_added(columns, now, f"{name}.")
        for column in (column for column in columns if column in now):
            yield from _column_changes(columns[column], now[column], f"{name}.{column}")


def _gone_and_added(old: Mapping[str, object], new: Mapping[str, object], place: str) -> Found:
    yield from (("break", f"{place}{name} is gone") for name in sorted(old.keys() - new.keys()))
    yield from (("add", f"{place}{name}") for name in sorted(new.keys() - old.keys()))


def _column_changes(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Found:
    yield from _differing(old, new, ("physicalType", "primaryKeyPosition", "customProperties"), place)
    if old["required"] and not new["required"]:
        yield "break", f"{place} may be NULL"
    elif new["required"] and not old["required"]:
        yield "add", f"{place} is never NULL"
    before, after = ({one["to"] for one in tree.get("relationships", ())} for tree in (old, new))
    yield from (("break", f"{place} no longer refers to {target}") for target in sorted(before - after))
    yield from (("add", f"{place} refers to {target}") for target in sorted(after - before))
    if old.get("description") != new.get("description"):
        yield "reword", place


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], fields: Sequence[str], place: str) -> Found:
    for field in fields:
        if old.get(field) != new.get(field):
            yield "break", f"{place}: {field} was {_told(old.get(field))}, is {_told(new.get(field))}"


def _told(value: object) -> str:
    """Return a value for people; the only custom property is the unit."""
    return str(value[0]["value"]) if isinstance(value, list) and value else str(value)
