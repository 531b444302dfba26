"""One page to look at: a release as self-contained HTML, for people who would rather look than read SQL.

Charts are drawn by Altair (Vega-Lite) and vl-convert into static SVG inside the page. So there is no script at all: the
page works from a mail attachment, under a content security policy that allows nothing, in print and for a screen
reader. Rejected: Plotly inlined, which adds over 4 MB of JavaScript to every page, needs a policy that lets scripts
run, and shows nothing where they are off. What is lost is hovering; a table of the numbers stands under every chart.
"""

from datetime import datetime
from pathlib import Path

from schemas.errors import UsageError
from warehouse.state import State

__all__ = ["render"]


def render(release: Path, state: State | None, now: datetime | None = None) -> str:
    """Return a release as one HTML page, which loads nothing and holds no script.

    In: the release's file, or FILE; what state.json says of the last run, which may have published nothing; the moment
    of making (naive UTC; now where none is given). Raises RunFailed where the release is absent or damaged, UsageError
    where the charting libraries are not installed. They are imported here, as they take 0.6 s that no other command
    should pay.
    """
    try:
        from warehouse.report.page import render_page
    except ModuleNotFoundError as error:
        todo = "they come with newsmart: install it again"
        raise UsageError("a library that draws the report is missing", where=error.name, todo=todo) from error
    return render_page(release, state, now)
