"""Pages for the report's tests, made of documents that are hostile, poor or plain; and a reader of pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

from flows.pipeline.direct import run_direct
from flows.pipeline.request import RunRequest
from flows.sources.scan import Source

AS_OF = datetime(2026, 11, 20)
MADE_AT = datetime(2026, 11, 20, 6, 30)

SCRIPT = "<script>alert(1)</script>"
BREAK_OUT = "\\\"'></title></style></svg><img src=x onerror=alert(2)>"
OVERRIDE = "\\u202Etxt.exe\\u2066"
HOSTILE = f"""---
title: "{SCRIPT}{BREAK_OUT}{OVERRIDE}"
excerpt: "{SCRIPT}"
publishedDateTime: 2026-11-01T00:00:00Z
webUrl: "https://example.com/a?q='%22><script>alert(3)</script>"
quality: 10
provider:
  name: "{SCRIPT}"
  domain: example.com
topics:
  - "{SCRIPT}"
  - "{BREAK_OUT}"
  - "{OVERRIDE}"
  - "{{{{ 7 * 7 }}}} {{% raw %}}"
  - "'; alert(4); //"
  - "datum.value + 1"
related:
  - title: "{BREAK_OUT}"
    publishedDateTime: 2026-11-02T00:00:00Z
    webUrl: "https://example.com/b"
    quality: 20
  - title: "{SCRIPT}"
    webUrl: "javascript:alert(5)"
---
"""
AGAIN = f"""---
title: "Another"
webUrl: "https://example.com/c"
related:
  - title: "{SCRIPT} told otherwise"
    webUrl: "https://example.com/b"
---
"""
POOR = """---
title: "Alone"
webUrl: "https://example.com/alone"
---
"""


def make_warehouse(folder: Path, documents: Mapping[str, str]) -> Path:
    """Return the FILE of a warehouse of these documents."""
    source = folder / "source"
    source.mkdir()
    for name, text in documents.items():
        (source / name).write_text(text, encoding="utf-8")
    file = folder / "news.duckdb"
    run_direct(RunRequest((Source("made", str(source)),), file, as_of=AS_OF, workers=1, max_quarantine=1.0))
    return file


def run_again(folder: Path) -> None:
    """Run again over the warehouse's documents, two hours later."""
    request = RunRequest((Source("made", str(folder / "source")),), folder / "news.duckdb", workers=1)
    run_direct(replace(request, as_of=AS_OF + timedelta(hours=2)))


@dataclass
class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    def values(self, tag: str, attribute: str) -> list[str]:
        return [found for name, attrs in self.elements if name == tag and (found := attrs.get(attribute)) is not None]


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page
