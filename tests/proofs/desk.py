"""Where the documents of a small newsroom are written at random, for proofs that live through many histories.

The addresses and aliases are few, so that edits bring articles together and part them. Desks of other numbers share
nothing: each has its own hosts, providers and topics, so several can write for one warehouse.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.documents import make_document, make_mention

HOST = "https://www.example{n}.com/"
PATHS = [f"{name}.md" for name in ("a", "b", "c", "sub/d", "e")]
NAMES = ["1", "2", "3?utm_source=x", "us/who-won-it", "uk/who-won-it", "who-lost-it", "who-lost-it#part", ""]
ALIASES = ["1", "amp/2", "3", "live/today", "amp/who-won-it", "amp/who-lost-it", "hub", "us/who-won-it", ""]
TITLES = ["A", "B", "C", "caf\u00c3\u00a9"]
PICTURES = [[], [{"url": f"{HOST}1.png", "width": 10}], [{"url": f"{HOST}1.png"}, {"url": f"{HOST}2.png", "height": 5}]]
PROVIDERS = [
    {"domain": "x{n}.com", "name": "X", "images": [{"url": "https://x{n}.com/1.svg"}]},
    {"domain": "x{n}.com", "name": "XX"},
    {"domain": "y{n}.com", "name": "Y"},
    {"domain": "y{n}.com"},
    {"domain": "z{n}.com", "name": "Z"},
    {"domain": "x{n}.com", "name": "X", "images": [{"url": "https://x{n}.com/2.svg"}]},
    {"domain": "z{n}.com", "name": "Z", "images": [{"url": "https://z{n}.com/1.svg"}]},
]
TOPICS = [["t{n}"], ["t{n}", "u{n}"], ["v{n}"]]
DATES = ["2020-01-01", "2021-06-01T12:00:00Z", "2018-12-31", "2023-05-05T00:00:00+02:00"]


@dataclass
class Desk:
    """Where documents are written at random."""

    folder: Path
    chance: random.Random
    number: int = 0
    texts: dict[str, list[str]] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def edit(self) -> None:
        """Change a document somehow."""
        path, dice = self.chance.choice(PATHS), self.chance.random()
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        known = self.texts.setdefault(path, [])
        if dice < 0.12:
            file.unlink(missing_ok=True)
        elif dice < 0.17:
            file.write_text("---\ntitle: no address\n---\n")
        elif dice < 0.3 and known:
            file.write_text(self.chance.choice(known[-3:]))
        else:
            known.append(self.document())
            file.write_text(known[-1])

    def document(self) -> str:
        """Return a document at random."""
        related = [self.mention() for _ in range(self.chance.randrange(4))]
        title, url, more = self.values()
        return make_document(title, url, related, "body\n", **more).replace("{n}", str(self.number))

    def mention(self) -> dict[str, Any]:
        """Return a related entry at random; mostly one that another document has, as in the real source."""
        if self.entries and self.chance.random() < 0.6:
            return self.chance.choice(self.entries)
        title, url, more = self.values()
        self.entries.append(make_mention(title, url, **more))
        return self.entries[-1]

    def values(self) -> tuple[str, str, dict[str, Any]]:
        """Return title, address and some other fields."""
        pick = self.chance.choice
        fields: dict[str, Any] = {
            "ampWebUrl": HOST + pick(ALIASES),
            "originalUrl": pick([HOST + pick(ALIASES), "https://other{n}.org/9"]),
            "quality": self.chance.randrange(3),
            "heat": self.chance.randrange(-1, 2),
            "published": pick([True, False]),
            "removed": pick([True, False]),
            "images": pick(PICTURES),
            "provider": pick(PROVIDERS),
            "topics": pick(TOPICS),
            "publishedDateTime": pick(DATES),
        }
        chosen = {name: value for name, value in fields.items() if self.chance.random() < 0.4}
        return pick(TITLES), HOST + pick(NAMES), chosen
