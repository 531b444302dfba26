"""Ctrl-C and SIGTERM are never lost, wherever it comes: `python -m tests.proofs.interrupts` is the long form."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

from tests.proofs.interrupts import Swallower
from tests.warehouse.making import ROOT, run_python
from warehouse import interrupts


def test_no_ctrl_c_is_lost_and_none_is_followed_by_a_commit() -> None:
    command = [sys.executable, "-m", "tests.proofs.interrupts", "--rounds", "10"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout == "10 interrupts, lost: none\n"


THREADS = """
import os, signal, sys, threading, time
from pathlib import Path
from warehouse import interrupts
from warehouse.db import memory_connection
from warehouse.parallel import map_queries
endless = "select count(*) from range(1000000) as a(i), range(1000000) as b(i) where a.i % 7 = b.i % 11"
begun = time.monotonic()
try:
    with interrupts.honoured(), memory_connection(Path(sys.argv[1])) as connection:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        map_queries(connection, "memory", lambda task, cursor: cursor.execute(endless), range(4))
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_breaks_off_the_statements_of_other_threads(tmp_path: Path) -> None:
    assert run_python(THREADS, tmp_path, timeout=30).stdout == "interrupted\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_swallowed_ctrl_c_is_told_until_the_block_ends() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts.honoured():
            swallow()
            assert interrupts.is_pending()
            with pytest.raises(KeyboardInterrupt):
                interrupts.check()
        assert not interrupts.is_pending()
        interrupts.check()
    finally:
        signal.signal(signal.SIGINT, before)


def swallow() -> None:
    Swallower()


def test_ctrl_c_waits_for_the_end_of_what_may_not_be_cut() -> None:
    done = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts.honoured(), pytest.raises(KeyboardInterrupt), interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["whole"]


def test_sigterm_goes_the_same_way_and_says_so() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interrupts.honoured(), pytest.raises(interrupts.Terminated, match="ended by SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not interrupts.is_pending()


def test_a_handler_that_came_in_front_is_passed_for_a_block() -> None:
    in_front = []
    with interrupts.honoured():
        ours = signal.signal(signal.SIGTERM, lambda number, _: in_front.append(number))
        with pytest.raises(interrupts.Terminated), interrupts.in_front():
            signal.raise_signal(signal.SIGTERM)
        assert interrupts.is_terminated()
        signal.raise_signal(signal.SIGTERM)
        assert in_front == [signal.SIGTERM]
        signal.signal(signal.SIGTERM, ours)


def test_without_a_program_of_ours_around_prefects_handler_stays_in_front() -> None:
    before = signal.signal(signal.SIGTERM, print)
    try:
        with interrupts.in_front():
            assert signal.getsignal(signal.SIGTERM) is print
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("handler", [signal.SIG_IGN, print])
def test_a_program_that_minds_a_signal_itself_is_left_alone(handler: signal.Handlers, number: signal.Signals) -> None:
    before = signal.signal(number, handler)
    try:
        with interrupts.honoured():
            assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


def test_an_interrupt_of_python_code_in_a_text_ends_with_the_documented_status_too(tmp_path: Path) -> None:
    # CPython would end `python -m` by the signal, for it notes where the exception came up.
    program = """
        import sys
        from types import ModuleType
        from flows import cli

        handlers = ModuleType("handlers")
        cli.import_module = lambda *name: handlers
        handlers.url = lambda options: exec("raise KeyboardInterrupt")
        sys.exit(cli.main(["url", "https://example.com/"]))
    """
    (tmp_path / "interrupted.py").write_text(dedent(program))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (130, "newsmart: interrupted; nothing was left half done\n")


def test_other_threads_may_run_commands_too() -> None:
    told = []

    def work() -> None:
        with interrupts.honoured():
            told.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == [True]
