"""A source that changes and its warehouse, for proofs that need many releases: each is made by a real run."""

import shutil
from copy import copy
from datetime import datetime, timedelta
from pathlib import Path

from flows.pipeline.direct import run_direct
from flows.pipeline.request import RunRequest, RunResult
from flows.sources.scan import Source
from tests.proofs.scene import Look, ProofFailed, copy_warehouse, edit_source, look, write_source
from warehouse.home import Home

FIRST_AS_OF = datetime(2026, 1, 1)
A_MINUTE = timedelta(minutes=1)


class Publisher:
    """A source of a few documents and its warehouse. Runs are a minute of as-of apart."""

    def __init__(self, place: Path) -> None:
        """In: an empty folder."""
        self.source = write_source(place / "news")
        self.home = Home.of(place / "out" / "news.duckdb")
        self.runs = 0

    def copy(self, place: Path) -> "Publisher":
        """Copy source and warehouse to an empty folder, so that tests may share what they begin with."""
        other = copy(self)
        shutil.copytree(self.source, place / "news")
        other.source, other.home = place / "news", copy_warehouse(self.home.file.parent, place / "out")
        return other

    def run(self) -> RunResult:
        """Run over the source as it is. Raises NewsmartError as a run does."""
        self.runs += 1
        as_of = FIRST_AS_OF + self.runs * A_MINUTE
        sources = (Source("news", str(self.source)),)
        return run_direct(RunRequest(sources, self.home.file, as_of=as_of, workers=1))

    def publish(self) -> Look:
        """Edit the source, run, and return what FILE shows then. Raises ProofFailed where nothing was published."""
        edit_source(self.source, self.runs + 1)
        return self.republish()

    def republish(self) -> Look:
        """Run over the source as it is, and return what FILE shows. Raises ProofFailed where nothing was published."""
        result = self.run()
        seen = look(self.home.file)
        if not result.published or str(seen.release_id) not in str(result.release):
            raise ProofFailed(f"{result.run_id} published {result.release}, FILE shows {seen.release_id}")
        return seen
