"""Proof that a program which writes into a release and crashes harms no later one.

A BI tool opens files read-write whatever it is told, and as root it can. The ways differ in what the crash leaves: a
log beside the release, changed bytes in it, either of them only after the next release was published, or, by a driver
before 1.5, a log beside the link. Whatever it is, the next run finds out and publishes what it would have anyway.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from schemas.errors import PublishFailed
from tests.proofs.publisher import Publisher
from tests.proofs.scene import Look, ProofFailed, look
from warehouse.home import Home
from warehouse.release import publish

WRITE = """
import os, signal, sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
connection.execute("update dim_article set title = 'tampered'")
if sys.argv[2] == "checkpointed":
    connection.execute("checkpoint")
os.kill(os.getpid(), signal.SIGKILL)
"""


def prove_tampering(publisher: Publisher) -> list[str]:
    """Let programs write into the current release, in each way. Out: the ways that were tried.

    Empty where this user cannot write into a sealed file. Raises ProofFailed.
    """
    now = publisher.publish()
    if not os.access(publisher.home.release_file(now.release_id), os.W_OK):
        return []
    ways: dict[str, Callable[[Publisher], None]] = {
        "logged": lambda publisher: tamper_before(publisher, "logged"),
        "checkpointed": lambda publisher: tamper_before(publisher, "checkpointed"),
        "late": tamper_after,
        "log beside the link": leave_log,
    }
    for way in ways.values():
        way(publisher)
    return list(ways)


def start_writer(file: Path, how: str) -> subprocess.Popen[str]:
    """Start a program that has FILE open read-write and waits."""
    command = [sys.executable, "-c", WRITE, str(file), how]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if child.stdout is None or child.stdout.readline() != "open\n":
        raise ProofFailed("the writer could not open FILE")
    return child


def write_and_crash(child: subprocess.Popen[str]) -> None:
    """Let it change every title and die by kill -9."""
    child.communicate("go\n")
    if child.returncode != -signal.SIGKILL:
        raise ProofFailed("the writer did not write")


def tamper_before(publisher: Publisher, how: str) -> None:
    """Write, crash, then run over a source that has not changed: it must publish the same again."""
    before = look(publisher.home.file)
    write_and_crash(start_writer(publisher.home.file, how))
    after = publisher.republish()
    if after.fingerprint != before.fingerprint:
        raise ProofFailed("the release after a tampered one is not what the ledger says")
    check_gone(publisher.home, before)


def tamper_after(publisher: Publisher) -> None:
    """Open the release read-write, publish the next one, and only then write: the new one is unharmed."""
    before = look(publisher.home.file)
    child = start_writer(publisher.home.file, "checkpointed")
    after = publisher.publish()
    write_and_crash(child)
    if look(publisher.home.file) != after or publisher.run().published:
        raise ProofFailed("a write into an old release reached the new one")
    check_gone(publisher.home, before)


def leave_log(publisher: Publisher) -> None:
    """Leave a log beside the link: publishing is refused and readers see what they saw, until it is gone."""
    before = look(publisher.home.file)
    publisher.home.stray_wal.write_bytes(b"what a driver before 1.5 leaves")
    try:
        publisher.publish()
    except PublishFailed:
        publisher.home.stray_wal.unlink()
    else:
        raise ProofFailed("published beside a foreign log")
    if look(publisher.home.file) != before:
        raise ProofFailed("a refused publish moved the link")
    publisher.republish()


def check_gone(home: Home, tampered: Look) -> None:
    """Raise ProofFailed where a tampered release is still kept, as if one could go back to it."""
    if tampered.release_id in publish.release_ids(home):
        raise ProofFailed(f"{tampered.release_id} was tampered with and is still kept")
