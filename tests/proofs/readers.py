"""Proof that readers are never blocked and never see half a refresh.

    python -m tests.proofs.readers --releases 100 --readers 8 --holders 4

Real runs publish releases in a row over documents that change, while processes read: some connect, ask and disconnect
in loops, others hold a connection and reconnect now and then. No error, no torn read (the fingerprint of the rows read
is one that was published), no older release after a newer one, and a new connection always shows what FILE showed when
it was opened, even while an old one is open in the same process.

Then, with no reader about, programs open the file read-write, as root can, write and crash. The next run must find out
and publish a release as if it had never been.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.proofs.publisher import Publisher
from tests.proofs.scene import ROOT, Look, ProofFailed, check_tidy, reading, run_proof, told_by
from tests.proofs.tampering import prove_tampering
from warehouse.release.build import INCREMENTAL


def start_readers(file: Path, stop: Path, readers: int, holders: int) -> list["subprocess.Popen[str]"]:
    """Start processes that read FILE until `stop` is there: in loops, and holding a connection."""
    command = [sys.executable, "-m", "tests.proofs.reader", str(file), str(stop)]
    return [
        subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for more in [*([[]] * readers), *([["--hold"]] * holders)]
    ]


def prove_reading(publisher: Publisher, releases: int, readers: int, holders: int) -> dict[str, Any]:
    """Publish in a row while processes read. Out: what was counted. Raises ProofFailed."""
    stop = publisher.source.with_name("stop")
    published = [publisher.publish()]
    seconds = []
    children = start_readers(publisher.home.file, stop, readers, holders)
    with reading(children):
        for _ in range(releases):
            began = time.monotonic()
            published.append(publisher.publish())
            seconds.append(time.monotonic() - began)
            check_alive(children)
        stop.touch()
        told = [told_by(child) for child in children]
    incremental = sum(one.build_kind == INCREMENTAL for one in published)
    if incremental == 0:
        raise ProofFailed("no release was made from the one before it")
    for one in told:
        check_seen(one, published)
    check_tidy(publisher.home)
    seen = {release_id for one in told for release_id, _ in one["seen"]}
    return {
        "releases": releases,
        "incremental": incremental,
        "readers": readers,
        "holders": holders,
        "reads": sum(one["reads"] for one in told),
        "releases_seen": len(seen),
        "publish_seconds_median": round(statistics.median(seconds), 3),
        "publish_seconds_max": round(max(seconds), 3),
    }


def check_alive(children: Sequence[subprocess.Popen[str]]) -> None:
    """Raise ProofFailed where a reader has ended, with what it said."""
    for child in children:
        if child.poll() is not None:
            raise ProofFailed(f"a reader ended: {child.communicate()[1]}")


def check_seen(told: Mapping[str, Any], published: Sequence[Look]) -> None:
    """Raise ProofFailed where a reader saw what was never published, or did not see the last release."""
    known = {one.release_id: one.fingerprint for one in published}
    foreign = [release_id for release_id, fingerprint in told["seen"] if known.get(release_id) != fingerprint]
    last = told["seen"][-1][0]
    if foreign or last != published[-1].release_id:
        raise ProofFailed(f"seen but never published: {foreign}; seen last: {last}, not {published[-1].release_id}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof; print what was found as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.readers", description=__doc__.splitlines()[0])
    parser.add_argument("--releases", type=int, default=100, help="releases in a row (default: 100)")
    parser.add_argument("--readers", type=int, default=8, help="processes that connect in loops (default: 8)")
    parser.add_argument("--holders", type=int, default=4, help="processes that hold a connection (default: 4)")
    options = parser.parse_args(arguments)

    def prove(place: Path) -> dict[str, Any]:
        publisher = Publisher(place)
        told = prove_reading(publisher, options.releases, options.readers, options.holders)
        return {**told, "tampered": prove_tampering(publisher)}

    run_proof(prove)
    return 0


if __name__ == "__main__":
    sys.exit(main())
