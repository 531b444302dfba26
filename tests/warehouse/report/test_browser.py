"""A real browser opens the page: the console stays silent, the policy blocks nothing, and something is to be seen."""

import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.warehouse.report.pages import AGAIN, HOSTILE, MADE_AT, make_warehouse
from tests.warehouse.seed_releases import make_release
from warehouse.report import render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
]
FEWEST_SHADES = 30

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


def _open(page: Path, width: int, *more: str) -> tuple[str, bytes]:
    """Return what the browser's console said, and the screenshot."""
    picture = page.with_suffix(f".{width}.png")
    command = [
        str(BROWSER),
        *OPTIONS,
        f"--user-data-dir={page.parent / 'profile'}",
        f"--window-size={width},2400",
        f"--screenshot={picture}",
        *more,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    said = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return "\n".join(said), picture.read_bytes()


def _pixels(png: bytes) -> bytes:
    """Return the bytes of a PNG's lines (RFC 2083), unfiltered ones or not: enough to tell a blank page."""
    data, place = b"", 8
    while place < len(png):
        size = int.from_bytes(png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + size]
        place += size + 12
    return zlib.decompress(data)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1000, 500])
def test_the_page_of_the_seeds_is_drawn_without_a_word_in_the_console(tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(make_release("a_day_later", tmp_path), None, MADE_AT), encoding="utf-8")
    said, picture = _open(page, width)
    assert said == ""
    assert len(set(_pixels(picture))) > FEWEST_SHADES


def test_a_hostile_page_runs_nothing(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(make_warehouse(tmp_path, {"a.md": HOSTILE, "c.md": AGAIN}), None, MADE_AT), encoding="utf-8")
    said, picture = _open(page, 1000)
    assert said == ""
    assert len(set(_pixels(picture))) > FEWEST_SHADES
