"""`newsmart url`: a URL's key, explained rule by rule; with `--same`, whether two URLs are one article."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.commands.common import print_json, say
from schemas.errors import UsageError
from schemas.urls import Explanation, explain


def url(options: argparse.Namespace) -> int:
    """Print the key of each argument and the rules that made it; exit 0 whatever they are."""
    if options.same:
        return _same(options)
    if options.warehouse is not None:
        raise UsageError("--warehouse is for two URLs and --same")
    told = [explain(text) for text in options.urls]
    if options.json:
        print_json([one._asdict() for one in told])
        return 0
    for one in told:
        _say_key(options, one)
    return 0


def _say_key(options: argparse.Namespace, told: Explanation) -> None:
    key = f"none: {told.reason}" if told.url_key is None else told.url_key
    for line in (told.url, f"  key     {key}", *(f"  rule    {rule}" for rule in told.rules)):
        say(options, line)


def _same(options: argparse.Namespace) -> int:
    """Print whether two URLs are one by the policy, and in a warehouse, with the reasons; exit 0 in any case."""
    if len(options.urls) != 2:
        raise UsageError("--same takes two URLs", where=f"{len(options.urls)} given")
    told = [explain(text) for text in options.urls]
    one, other = [_key(explanation) for explanation in told]
    answer: dict[str, Any] = {"is_same": one == other, "reason": _by_policy(one, other), "urls": told}
    if options.warehouse is not None:
        from warehouse.home import Home
        from warehouse.queries.lookup import ask_same

        known = ask_same(Home.of(Path(options.warehouse)), one, other)
        # As text: many readers of JSON keep no integer beyond 2^53.
        keys = [None if key is None else str(key) for key in known.article_keys]
        answer |= {"is_same": one == other or known.is_same, "warehouse": asdict(known) | {"article_keys": keys}}
    if options.json:
        print_json(answer | {"urls": [explanation._asdict() for explanation in told]})
    else:
        _say_same(options, answer)
    return 0


def _key(told: Explanation) -> str:
    if told.url_key is None:
        raise UsageError("not a URL", where=told.url or "''", todo=told.reason)
    return told.url_key


def _by_policy(one: str, other: str) -> str:
    """Say why two keys are one or two, and what an alias that both declare would make of them."""
    if one == other:
        return "the URL policy gives both one key"
    from schemas.shared_alias import spells_one
    from schemas.story_key import story_marks

    shared = spells_one(story_marks(one), story_marks(other))
    if shared is None:
        return "the URL policy gives them two keys; an alias that both declare would not join them"
    return f"the URL policy gives them two keys; an alias that both declare may join them, as they share {shared}"


def _say_same(options: argparse.Namespace, answer: dict[str, Any]) -> None:
    for told in answer["urls"]:
        _say_key(options, told)
    say(options, f"same      {'yes' if answer['is_same'] else 'no'}")
    say(options, f"policy    {answer['reason']}")
    if (known := answer.get("warehouse")) is None:
        return
    say(options, f"warehouse {known['reason']}")
    for alias in known["aliases"]:
        verb = "joins" if alias["is_joined"] else "does not join"
        say(options, f"  alias   {alias['alias']} {verb} {alias['declaring_key']}: {alias['reason']}")
