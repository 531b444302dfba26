"""A reading process: references in, Arrow out.

It is started by flows/readers/local.py, forks for the other processes that it is to be, and each speaks with the parent
over a socket of its own. It ends at once when its socket does, whatever it is at: so it never outlives its parent, even
one killed with SIGKILL (prctl is Linux alone). It inherits no descriptor but its sockets and the standard three, so no
lock of the parent's lives on in it. A Dask worker reads by `read_task` as well.
"""

import gc
import os
import pickle
import queue
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection

import pyarrow as pa

from flows.reading.blocks import Memo
from flows.reading.read import read_batch, warm_up
from schemas.documents import bounds
from schemas.errors import NewsmartError, RunFailed
from warehouse.refusals import known

_Answer = tuple[NewsmartError | None, list[pa.Buffer]]
"""What went wrong, if anything, and a batch as Arrow streams."""


def main(descriptors: Sequence[int]) -> None:
    """Answer tasks until the socket ends, as one process for each descriptor."""
    os.dup2(2, 1)  # a stray print has no place to go but the errors
    warm_up()
    # A batch makes a hundred thousand objects and no cycles; the collector's default pace costs a tenth of the time.
    gc.enable()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    channel = Connection(_fork(descriptors))
    tasks, answers = queue.SimpleQueue[bytes](), queue.SimpleQueue[_Answer]()
    # Neither the next task nor the parent, while it takes in another batch, is waited for.
    threading.Thread(target=_receive, args=(channel, tasks), daemon=True).start()
    threading.Thread(target=_send, args=(channel, answers), daemon=True).start()
    while True:
        answers.put(read_task(tasks.get(), "a reading process"))


def _fork(descriptors: Sequence[int]) -> int:
    """Fork a process for each descriptor but the first, and return this process's own; the others are closed."""
    for place in range(1, len(descriptors)):
        if os.fork() == 0:
            for other in (descriptors[0], *descriptors[place + 1 :]):
                os.close(other)
            return descriptors[place]
        os.close(descriptors[place])
    return descriptors[0]


def _receive(channel: Connection, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Take in tasks; end the process where they end, once those that it forked have ended (or they stay as zombies)."""
    with suppress(EOFError, OSError):
        while True:
            tasks.put(channel.recv_bytes())
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    os._exit(0)


def _send(channel: Connection, answers: "queue.SimpleQueue[_Answer]") -> None:
    """Send answers; end the process where one cannot be sent, or the parent would wait for it for ever."""
    try:
        while True:
            error, streams = answers.get()
            channel.send((error, len(streams)))
            while streams:  # each by itself: pickled together they would be in memory twice
                channel.send_bytes(streams.pop(0))
    except OSError:
        return  # the parent has gone, which `_receive` sees too
    except BaseException:  # noqa: BLE001 (written to the errors; the process ends)
        traceback.print_exc()
        os._exit(1)


_thread = threading.local()


def memo_for(as_of: datetime) -> Memo:
    """Return the memo that this thread keeps from one batch to the next, a new one for another as-of."""
    context = bounds(as_of)
    memo: Memo | None = getattr(_thread, "memo", None)
    if memo is None or memo.context != context:
        memo = _thread.memo = Memo(context)
    return memo


def read_task(task: bytes, reader: str) -> tuple[NewsmartError | None, list[pa.Buffer]]:
    """Read the batch of a task. In: what `pack` made; who reads, for errors. Out: what went wrong, or Arrow streams."""
    refs, first, as_of = pickle.loads(task)
    try:
        return None, read_batch(refs, as_of, memo_for(as_of), first).to_streams()
    except NewsmartError as error:
        return error, []
    except Exception as error:  # noqa: BLE001  (sent to the run, which raises)
        return RunFailed(f"{reader} failed: {known(error) or f'{type(error).__name__}: {error}'}"), []
