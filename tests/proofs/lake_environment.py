"""What a DuckLake needs beside newsmart: an interpreter whose duckdb has the extension, and a PostgreSQL server."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import environments
from tests.proofs.scene import ProofFailed

DUCKDB = "1.5.5"
WHEELS = (f"duckdb=={DUCKDB}", "duckdb-extension-ducklake", "duckdb-extension-postgres-scanner")
# Debian keeps the server's programs out of PATH, a folder for each version.
SERVER_PROGRAMS = "/usr/lib/postgresql"
START_SECONDS = 60.0


def make_python(folder: Path, wheels: Sequence[str] = WHEELS) -> Path:
    """Make an environment with another duckdb and its extensions; return its interpreter. Raises ProofFailed."""
    try:
        return environments.make_python(folder, *wheels)
    except environments.NotInstallable as error:
        raise ProofFailed(str(error)) from None


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server on a Unix socket: its folder, which is its address, its user, who needs the password."""

    folder: Path
    programs: Path
    user: str
    password: str

    def address(self, database: str) -> str:
        """Return a catalog's address, without the password."""
        return f"ducklake:postgres:host={self.folder} user={self.user} dbname={database}"

    def ask(self, database: str, sql: str) -> str:
        """Return what psql prints for a statement. Raises ProofFailed where it fails."""
        command = [str(self.programs / "psql"), "-X", "-A", "-t", "-h", str(self.folder), "-U", self.user]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(
            [*command, "-d", database, "-c", sql],
            capture_output=True,
            text=True,
            env=environment,
            timeout=30,
            check=False,
        )
        if done.returncode:
            raise ProofFailed(done.stderr.strip())
        return done.stdout.strip()


@contextmanager
def postgres(folder: Path, password: str) -> Iterator[Server]:
    """Start a server of its own, in a folder with a short path, for the block. Raises ProofFailed."""
    programs = _programs()
    account = _account()
    folder.mkdir()
    folder.chmod(0o755)
    if account:
        shutil.chown(folder, account["user"])
    server = Server(folder, programs, "news", password)
    _make_cluster(server, account)
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses="]
    with (folder.parent / "postgres.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()  # SIGTERM waits for those who are connected; they are gone by now, or are cut off
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _programs() -> Path:
    found = sorted(Path(SERVER_PROGRAMS).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise ProofFailed("PostgreSQL's programs are not installed (Debian: apt-get install postgresql)")
    return (found[-1] if found else Path(str(on_path))).parent


def _account() -> dict[str, Any]:
    """Return how to start a process as somebody else where this one is root, whom PostgreSQL refuses."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _make_cluster(server: Server, account: dict[str, Any]) -> None:
    data, secret = server.folder / "data", server.folder / "password"
    secret.write_text(server.password, encoding="utf-8")
    if account:
        shutil.chown(secret, account["user"])
    secret.chmod(0o600)
    command = [str(server.programs / "initdb"), "-D", str(data), "-U", server.user, "-A", "scram-sha-256", "-N"]
    done = subprocess.run(
        [*command, "--pwfile", str(secret)],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=120,
        check=False,
        **account,
    )
    secret.unlink()
    if done.returncode:
        raise ProofFailed(f"initdb: {done.stderr.strip()[-300:]}")


def _wait(server: Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.ask("postgres", "select 1")
            return
        except ProofFailed as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ProofFailed(f"the server did not start: {error}") from error
        time.sleep(0.1)
