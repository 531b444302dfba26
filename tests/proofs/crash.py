"""Proof that no crash costs a row: runs are killed at every edge and at random moments, and nothing can be told after.

    python -m tests.proofs.crash --moments 200 --documents 400

Kill -9, as neither a handler nor a flush may run. After each kill FILE, where there was one, opens and passes its
audits, and the next run at the same as-of leads to the release that a run leads to which nobody killed: the same
fingerprint. A run after that has nothing to do, and nothing is left behind. The scenes, of the seeds and of a generated
source: a first run, a run after so many changes that the release is built whole, and one after few, whose release is
made from the one before. Then runs are interrupted, by Ctrl-C and by SIGTERM in turns; some have no room for their
files; and root's are killed in a warehouse that is another user's.

Rejected: killing inside the test's own process through an exception. A `finally` that saves the day would hide the bug.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from flows.pipeline.direct import run_direct
from flows.pipeline.request import RunRequest
from flows.sources.scan import Source
from schemas.errors import NewsmartError, UsageError
from tests.benchmarks import corpus
from tests.proofs.killed import EDGES, INCREMENTAL_EDGES
from tests.proofs.scene import (
    COMMAND,
    ROOT,
    SUPERSEDED,
    ProofFailed,
    check_no_worker,
    check_tidy,
    copy_warehouse,
    edit_source,
    error_line,
    look,
    newsmart,
    run_arguments,
    run_proof,
    upset_source,
    write_source,
)
from tests.signals import ctrl_c_minded
from warehouse.clock import parse_moment
from warehouse.home import Home
from warehouse.release.build import INCREMENTAL
from warehouse.state import read_state

T = TypeVar("T")

FIRST, SECOND, LATER = "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z", "2026-10-03T00:00:00Z"
SECOND_KILL_SHARE = 0.3
LARGEST_FILE_BYTES = 3_000_000
OWNER = (61_234, 61_240)
TELL_EVERY = 20
# A signal that asks a run to end, and the exit status that it ends with. Where it comes while the interpreter itself is
# starting or ending, Python ends by the signal, which a shell tells as the same number.
INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143}


@dataclass(frozen=True, slots=True)
class Scene:
    """A run that is killed again and again, from the same start.

    `start` is the folder of the warehouse to copy (None: there is none yet), `before` the fingerprint that FILE shows
    there, `after` the one to which the run leads, `build_kind` how that release is made; the seconds are those of the
    whole process and of the run in it.
    """

    name: str
    source: Path
    as_of: str
    start: Path | None
    before: str | None
    after: str
    build_kind: str
    process_seconds: float
    run_seconds: float

    @property
    def edges(self) -> tuple[str, ...]:
        """The edges that its run passes."""
        return (*EDGES, *(INCREMENTAL_EDGES if self.build_kind == INCREMENTAL else ()))


def make_scenes(place: Path, name: str, source: Path, change: Callable[[], object], workers: int = 1) -> list[Scene]:
    """Return the scene of a source's first run and the one of a run after `change`; both are run whole once."""
    as_it_was = place / "as_it_was"
    shutil.copytree(source, as_it_was)
    changed = changed_scene(place, name, source, change, workers)
    first = make_scene(place / "first", f"{name}, first run", as_it_was, FIRST, None, workers)
    if first.after != changed.before:
        raise ProofFailed(f"{name}: two first runs differ")
    return [first, changed]


def changed_scene(place: Path, name: str, source: Path, change: Callable[[], object], workers: int = 1) -> Scene:
    """Return the scene of a run after `change`.

    The changed source is the very folder of the run before, so that its files' times and inodes are known.
    """
    make_scene(place / "start", name, source, FIRST, None, workers)
    change()
    return make_scene(place / "second", f"{name}, changed", source, SECOND, place / "start", workers)


def make_scene(folder: Path, name: str, source: Path, as_of: str, start: Path | None, workers: int) -> Scene:
    """Run a scene without a kill, and return it with what that leads to."""
    home = set_up(start, folder)
    before = None if start is None else look(home.file).fingerprint
    began = time.monotonic()
    done = newsmart(*run_arguments(source, home, as_of, "--workers", str(workers)))
    spent = time.monotonic() - began
    if done.returncode != 0:
        raise ProofFailed(f"{name}: exit {done.returncode}: {done.stderr}")
    check_tidy(home)
    seconds = float(json.loads(done.stdout.splitlines()[-1])["seconds"]["total"])
    after = look(home.file)
    return Scene(name, source, as_of, start, before, after.fingerprint, after.build_kind, spent, seconds)


def set_up(start: Path | None, folder: Path) -> Home:
    """Put a scene's warehouse into a folder that does not exist yet."""
    if start is not None:
        return copy_warehouse(start, folder)
    folder.mkdir(parents=True)
    return Home.of(folder / "news.duckdb")


def start_run(scene: Scene, home: Home, workers: int) -> subprocess.Popen[str]:
    """Start a scene's run in a process group of its own, as a terminal does."""
    arguments = run_arguments(scene.source, home, scene.as_of, "--workers", str(workers))
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_at_edge(scene: Scene, folder: Path, edge: str) -> str:
    """Kill a run at one edge, and check what it leaves and leads to. Out: what FILE showed then.

    Raises ProofFailed, also where the run never comes to the edge.
    """
    home = set_up(scene.start, folder)
    done = newsmart(*run_arguments(scene.source, home, scene.as_of), edge=edge)
    if done.returncode != -signal.SIGKILL:
        raise ProofFailed(f"{scene.name}: the run never came to {edge}: exit {done.returncode}: {done.stderr}")
    shown = check_after_kill(scene, home, edge)
    check_next_run(scene, home, edge)
    return shown


def kill_at_moment(scene: Scene, folder: Path, seed: int, workers: int = 1) -> list[str]:
    """Kill a run at a random moment, now and then the one after it too, and check what it leads to.

    Out: for each kill what FILE showed then; one that came too late is none.
    """
    draw = random.Random(seed)
    home = set_up(scene.start, folder)
    shown = [kill_once(scene, home, draw, workers)]
    if draw.random() < SECOND_KILL_SHARE:
        shown.append(kill_once(scene, home, draw, workers))
    check_next_run(scene, home, f"moment {seed}")
    return [one for one in shown if one]


def kill_once(scene: Scene, home: Home, draw: random.Random, workers: int) -> str:
    """Start a run, kill it at a moment of its work, and return what FILE shows; nothing where it was over already."""
    started = scene.process_seconds - scene.run_seconds
    moment = draw.uniform(0.7 * started, scene.process_seconds * 1.3)
    child = start_run(scene, home, workers)
    time.sleep(moment)
    child.kill()
    child.communicate()
    check_no_worker(child.pid)
    return check_after_kill(scene, home, f"{moment:.3f} s") if child.returncode == -signal.SIGKILL else ""


def check_after_kill(scene: Scene, home: Home, when: str) -> str:
    """Check what readers see after a kill, and return it: nothing yet, the release before, or the new one."""
    if not os.path.lexists(home.file):
        if scene.before is not None:
            raise ProofFailed(f"{scene.name}, {when}: the warehouse is gone")
        return "none"
    found = look(home.file).fingerprint
    names = {scene.after: "new", scene.before: "before"}
    if found not in names:
        raise ProofFailed(f"{scene.name}, {when}: FILE shows {found}, which nobody published")
    return names[found]


def check_next_run(scene: Scene, home: Home, when: str) -> None:
    """Run again at the same as-of, then later; raise ProofFailed where the release is not that of an unkilled run.

    The folder of a warehouse that has stood the proof is removed.
    """
    run_again(scene, home, when)
    found = look(home.file)
    if found.fingerprint != scene.after:
        raise ProofFailed(f"{scene.name}, {when}: the next run gives {found.fingerprint}, not {scene.after}")
    if run_direct(request(scene, home, LATER)).published:
        raise ProofFailed(f"{scene.name}, {when}: a later run finds work")
    if told_release(home) != found.release_id or home.linked_release() != found.release_id:
        raise ProofFailed(f"{scene.name}, {when}: after a later run state.json tells {told_release(home)}")
    check_tidy(home)
    shutil.rmtree(home.file.parent)


def run_again(scene: Scene, home: Home, when: str) -> None:
    """Run at the same as-of; that it was published already is no failure where the killed run came so far."""
    try:
        run_direct(request(scene, home, scene.as_of))
    except UsageError as error:
        if error.what != SUPERSEDED:
            raise ProofFailed(f"{scene.name}, {when}: the next run: {error}") from error
    except NewsmartError as error:
        raise ProofFailed(f"{scene.name}, {when}: the next run: {error}") from error


def request(scene: Scene, home: Home, as_of: str) -> RunRequest:
    """Return the request of a run over a scene's source."""
    return RunRequest((Source("news", str(scene.source)),), home.file, as_of=parse_moment(as_of), workers=1)


def told_release(home: Home) -> str | None:
    """Return the release that state.json says is current."""
    state = read_state(home)
    release = None if state is None else state.get("release")
    return None if release is None else str(release["release_id"])


def interrupt(scene: Scene, folder: Path, seed: int, workers: int = 1, number: signal.Signals = signal.SIGINT) -> str:
    """Press Ctrl-C, or end a run by SIGTERM, at a random moment: exit 130 or 143, one line, nothing half done.

    Out: what FILE showed then.
    """
    home = set_up(scene.start, folder)
    child = start_run(scene, home, workers)
    wait_for_lock(home, child)
    time.sleep(random.Random(seed).uniform(0, scene.run_seconds))
    os.killpg(child.pid, number)
    output, errors = child.communicate(timeout=60)
    check_no_worker(child.pid)
    shown = check_after_kill(scene, home, f"interrupt {seed}")
    is_done = shown == "new" and child.returncode in (0, -number) and output.endswith("}\n")
    if not is_done and child.returncode != INTERRUPTED[number]:
        raise ProofFailed(f"{scene.name}, interrupt {seed}: exit {child.returncode}: {errors}")
    if not is_done:
        error_line(subprocess.CompletedProcess([], child.returncode, output, errors))
    check_next_run(scene, home, f"interrupt {seed}")
    return shown


def on_full_disk(scene: Scene, folder: Path, seed: int) -> str:
    """Let no file of a run grow beyond a random size, as where the disk is full then: one line, nothing half done.

    A limit on the size of files needs no mount, and breaks a run off wherever it writes. Out: what FILE showed then.
    """
    home = set_up(scene.start, folder)
    most = int(random.Random(seed).uniform(0, LARGEST_FILE_BYTES))
    with most_bytes(most):
        done = newsmart(*run_arguments(scene.source, home, scene.as_of))
    if done.returncode not in (0, 1):
        raise ProofFailed(f"{scene.name}, files of {most} bytes: exit {done.returncode}: {done.stderr}")
    if done.returncode == 1 and "the disk refused" not in error_line(done):
        raise ProofFailed(f"{scene.name}, files of {most} bytes: {done.stderr}")
    shown = check_after_kill(scene, home, f"files of {most} bytes")
    check_next_run(scene, home, f"files of {most} bytes")
    return shown


@contextmanager
def most_bytes(size: int) -> Iterator[None]:
    """Let no file grow beyond so much, here and in what is started, as `ulimit -f` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def kill_as_root(scene: Scene, folder: Path, edge: str) -> str:
    """Kill a run by root at one edge, in a warehouse of another user's, and hold that all is that user's in the end.

    Only root can. Out: what FILE showed after the kill.
    """
    home = set_up(scene.start, folder)
    for path in (home.file.parent, *home.file.parent.rglob("*")):
        os.chown(path, *OWNER, follow_symlinks=False)
    done = newsmart(*run_arguments(scene.source, home, scene.as_of), edge=edge)
    if done.returncode != -signal.SIGKILL:
        raise ProofFailed(f"{scene.name}: the run never came to {edge}: exit {done.returncode}: {done.stderr}")
    shown = check_after_kill(scene, home, edge)
    run_again(scene, home, edge)
    paths = [home.file, *home.folder.rglob("*")]
    foreign = [str(path) for path in paths if (path.lstat().st_uid, path.lstat().st_gid) != OWNER]
    if foreign or home.ledger.stat().st_mode & 0o077:
        raise ProofFailed(f"{scene.name}, {edge}: not the owner's: {foreign}")
    check_next_run(scene, home, edge)
    return shown


def wait_for_lock(home: Home, child: subprocess.Popen[str]) -> None:
    """Wait until a run holds the warehouse, or is over."""
    while child.poll() is None:
        if home.lock.exists() and home.lock.stat().st_size:
            return
        time.sleep(0.005)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof; print what was found as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.crash", description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=200, help="random moments (default: 200)")
    parser.add_argument("--documents", type=int, default=400, help="documents of the larger run (default: 400)")
    parser.add_argument("--interrupts", type=int, default=40, help="runs that are interrupted (default: 40)")
    parser.add_argument("--full-disks", type=int, default=20, help="runs whose files may not grow (default: 20)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    options = parser.parse_args(arguments)
    with ctrl_c_minded():
        run_proof(partial(prove, options))
    return 0


def prove(options: argparse.Namespace, place: Path) -> dict[str, object]:
    """Do the whole proof in a folder, and return what was counted. Raises ProofFailed."""
    seeds = seed_scenes(place / "seeds")
    scenes = [*seeds, *generated_scenes(place / "generated", options.documents)]
    edges = [partial(kill_at_edge, scene, place / "edges" / f"{at}-{edge}", edge)
             for at, scene in enumerate(scenes) for edge in scene.edges]  # fmt: skip
    at_edges = Counter(together(edges, options.jobs))
    at_moments: Counter[str] = Counter()
    seeds_of_moments = iter(range(options.seed, sys.maxsize))
    while (missing := options.moments - at_moments.total()) > 0:
        moments = [partial(kill_at_moment, scene, place / "moments" / str(seed), seed, 2)
                   for seed in first(seeds_of_moments, missing) for scene in [scenes[seed % len(scenes)]]]  # fmt: skip
        at_moments.update(shown for found in together(moments, options.jobs) for shown in found)
    numbers = list(INTERRUPTED)
    interrupts = [partial(interrupt, scenes[seed % len(scenes)], place / "interrupts" / str(seed), seed, 2,
                          numbers[seed // len(scenes) % len(numbers)])
                  for seed in range(options.interrupts)]  # fmt: skip
    # One at a time: the limit is this process's too.
    full = [on_full_disk(scenes[seed % len(scenes)], place / "full" / str(seed), seed)
            for seed in range(options.full_disks)]  # fmt: skip
    owned = EDGES if os.geteuid() == 0 else ()
    as_root = [kill_as_root(scenes[1], place / "owners" / edge, edge) for edge in owned]
    return {
        "scenes": {f"{scene.name}, {scene.build_kind}": round(scene.run_seconds, 2) for scene in scenes},
        "killed_at_edges": at_edges.total(),
        "edges": len(EDGES) + len(INCREMENTAL_EDGES),
        "shown_after_edges": dict(at_edges),
        "killed_at_moments": at_moments.total(),
        "shown_after_moments": dict(at_moments),
        "on_full_disks": options.full_disks,
        "shown_on_full_disks": dict(Counter(full)),
        "killed_as_root": len(as_root),
        "interrupted": options.interrupts,
        "shown_after_interrupts": dict(Counter(together(interrupts, options.jobs))),
    }


def first(numbers: Iterator[int], count: int) -> list[int]:
    """Return the next numbers."""
    return [next(numbers) for _ in range(count)]


def seed_scenes(place: Path) -> list[Scene]:
    """Return the scenes of the seeds: a first run, one after many changes, and one after a single change."""
    source, few = write_source(place / "much" / "news"), write_source(place / "few" / "news")
    first, changed = make_scenes(place / "much", "seeds", source, lambda: upset_source(source))
    small = changed_scene(place / "few", "seeds, one", few, lambda: edit_source(few, 1))
    return [first, changed, incremental(small)]


def generated_scenes(place: Path, documents: int) -> list[Scene]:
    """Return the scenes of a generated source of that many documents, likewise."""
    source, few = place / "much" / "news", place / "few" / "news"
    for folder in (source, few):
        corpus.generate(folder, documents)
    name = f"{documents} documents"
    first, changed = make_scenes(place / "much", name, source, lambda: corpus.edit(source, 0.1), workers=2)
    small = changed_scene(place / "few", f"{name}, few", few, lambda: corpus.edit(few, 0.01), workers=2)
    return [first, changed, incremental(small)]


def incremental(scene: Scene) -> Scene:
    """Return a scene. Raises ProofFailed where its release is not made from the one before, as that proves nothing."""
    if scene.build_kind != INCREMENTAL:
        raise ProofFailed(f"{scene.name}: the release is built {scene.build_kind}")
    return scene


def together(tasks: Sequence[Callable[[], T]], jobs: int) -> list[T]:
    """Do tasks, so many at a time, and tell on stderr how many are done; the first failure ends all."""
    done = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for made in pool.map(lambda task: task(), tasks):
                done.append(made)
                sys.stderr.write(f"{len(done)} of {len(tasks)}\n" if len(done) % TELL_EVERY == 0 else "")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


if __name__ == "__main__":
    sys.exit(main())
