"""Releases of the seeds for tests that ask: as given, and as they look a day later.

On the second day one document is gone, one is withdrawn, one is rated anew, one is broken and one is new, so that the
questions about change have an answer.
"""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from flows.pipeline.direct import run_direct
from flows.pipeline.request import RunRequest
from flows.sources.scan import Source

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
FIRST_DAY = datetime(2026, 11, 20)
SECOND_DAY = datetime(2026, 11, 21)

State = Literal["seeds", "a_day_later"]
STATES: tuple[State, ...] = get_args(State)

NEW_DOCUMENT = """---
title: "Face search comes to the border"
excerpt: "A made document, for what the seeds do not show."
publishedDateTime: 2021-04-30T09:00:00Z
webUrl: "https://news.example.com/world/face-search-at-the-border"
type: article
quality: 55
heat: 12
published: true
provider:
  name: Example News
  domain: example.com
topics:
  - AI
  - Borders
related:
  - title: "Increasing use of facial recognition technology in China faces backlash from city governments"
    publishedDateTime: 2021-04-28T16:08:00Z
    webUrl: "https://www.scmp.com/tech/tech-trends/article/3131442/increasing-use-facial-recognition-technology-china-faces-backlash"
    provider:
      name: South China Morning Post
      domain: scmp.com
    quality: 81
  - title: "Airports test face search"
    publishedDateTime: 2021-04-29T08:00:00Z
    webUrl: "https://www.biometricupdate.com/202104/Airports-test-face-search"
    provider:
      name: Biometric Update
      domain: biometricupdate.com
    quality: 12
  - title: "Airports test face search"
    publishedDateTime: 2021-04-29T08:30:00Z
    webUrl: "https://www.biometricupdate.com/202104/airports-test-face-search"
    provider:
      name: Biometric Update
      domain: biometricupdate.com
    quality: 64
---
"""


def make_release(state: State, folder: Path) -> Path:
    """Return the warehouse FILE of that state of the seeds, made in the folder with fixed as-ofs."""
    source, file = folder / "seeds", folder / "news.duckdb"
    shutil.copytree(SEEDS, source)
    _run(source, file, FIRST_DAY)
    if state == "a_day_later":
        _edit(source)
        _run(source, file, SECOND_DAY)
    return file


def _run(source: Path, file: Path, as_of: datetime) -> None:
    run_direct(RunRequest((Source("seeds", str(source)),), file, as_of=as_of, workers=1))


def _edit(source: Path) -> None:
    names = sorted(path.name for path in source.iterdir() if path.name[0] == "0")
    _, rated, broken, withdrawn, gone = (source / name for name in names)
    gone.unlink()
    _replace(rated, "quality: 78\n", "quality: 81\n")
    _replace(rated, "heat: 118\n", "heat: 240\n")
    _replace(broken, "publishedDateTime: 2021", "publishedDateTime: 2021-02-30 #")
    _replace(withdrawn, "published: false\n", "published: false\nremoved: true\n")
    (source / "005_made.md").write_text(NEW_DOCUMENT, encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{path.name} has no {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
