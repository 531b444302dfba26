"""`newsmart url`: a URL's key, explained rule by rule; with `--same`, whether two URLs are one article."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.commands.output import print_result
from schemas.errors import UsageError
from schemas.urls import Explanation, explain


def url(options: argparse.Namespace) -> int:
    """Print the key of each argument and the rules that made it; exit 0 whatever they are."""
    if options.same:
        return _same(options)
    if options.warehouse is not None:
        raise UsageError("--warehouse is for two URLs and --same")
    explained = [explain(text) for text in options.urls]
    return print_result(options, [one._asdict() for one in explained], _explanation_lines(explained))


def _explanation_lines(explained: list[Explanation]) -> Iterator[str]:
    for one in explained:
        yield one.url
        yield f"  key     {f'none: {one.reason}' if one.url_key is None else one.url_key}"
        yield from (f"  rule    {rule}" for rule in one.rules)


def _same(options: argparse.Namespace) -> int:
    """Print whether two URLs are one by the policy, and in a warehouse, with the reasons; exit 0 in any case."""
    if len(options.urls) != 2:
        raise UsageError("--same takes two URLs", where=f"{len(options.urls)} given")
    explained = [explain(text) for text in options.urls]
    one, other = [_key(explanation) for explanation in explained]
    answer: dict[str, Any] = {"is_same": one == other, "reason": _policy_reason(one, other)}
    if options.warehouse is not None:
        from warehouse.home import Home
        from warehouse.queries.lookup import ask_same

        known = ask_same(Home.of(Path(options.warehouse)), one, other)
        answer |= {"is_same": one == other or known["is_same"], "warehouse": known}
    answer["urls"] = [explanation._asdict() for explanation in explained]
    return print_result(options, answer, _same_lines(answer, explained))


def _key(explained: Explanation) -> str:
    if explained.url_key is None:
        raise UsageError("not a URL", where=explained.url or "''", todo=explained.reason)
    return explained.url_key


def _policy_reason(one: str, other: str) -> str:
    """Return why two keys are one or two, and what an alias that both declare would make of them."""
    if one == other:
        return "the URL policy gives both one key"
    from schemas.shared_alias import spells_one
    from schemas.story_key import story_marks

    shared = spells_one(story_marks(one), story_marks(other))
    if shared is None:
        return "the URL policy gives them two keys; an alias that both declare would not join them"
    return f"the URL policy gives them two keys; an alias that both declare may join them, as they share {shared}"


def _same_lines(answer: dict[str, Any], explained: list[Explanation]) -> Iterator[str]:
    yield from _explanation_lines(explained)
    yield f"same      {'yes' if answer['is_same'] else 'no'}"
    yield f"policy    {answer['reason']}"
    if known := answer.get("warehouse"):
        yield f"warehouse {known['reason']}"
        for alias in known["aliases"]:
            verb = "joins" if alias["is_joined"] else "does not join"
            yield f"  alias   {alias['alias']} {verb} {alias['declaring_key']}: {alias['reason']}"
