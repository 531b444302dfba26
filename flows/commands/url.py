"""`newsmart url`: a URL's key, explained rule by rule."""

import argparse

from flows.commands.common import print_json, say
from schemas.urls import explain


def url(options: argparse.Namespace) -> int:
    """Print the key of each argument and the rules that made it; exit 0 whatever they are."""
    told = [explain(text) for text in options.urls]
    if options.json:
        print_json([one._asdict() for one in told])
        return 0
    for one in told:
        key = f"none: {one.reason}" if one.url_key is None else one.url_key
        for line in (one.url, f"  key     {key}", *(f"  rule    {rule}" for rule in one.rules)):
            say(options, line)
    return 0
