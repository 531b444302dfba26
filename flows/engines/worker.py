"""A reading process: references in, Arrow out.

It is started by flows/engines/reader_processes.py, forks for the other processes that it is to be, and each speaks with
the parent over a socket of its own: each message is its length in eight bytes and a pickle; the first tells the
process's id. It ends when its socket does, at once, wherever it is: so it never outlives its parent, be that killed
with SIGKILL, and needs neither a signal nor a look at the parent's id (prctl is Linux alone). It inherits no descriptor
but its sockets and the standard three, so no lock of the parent's lives on in it.

It imports what reading needs and nothing else (flows/startup.py).
"""

import gc
import os
import pickle
import queue
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from flows.startup import prepare_process

prepare_process()

from flows.engines.messages import receive, send  # noqa: E402
from flows.reading.blocks import Memo  # noqa: E402
from flows.reading.read import read_batch, warm_up  # noqa: E402
from schemas.documents import bounds  # noqa: E402
from schemas.errors import NewsmartError  # noqa: E402
from warehouse.refusals import known  # noqa: E402


def main(descriptors: Sequence[int]) -> None:
    """Answer tasks until the socket ends, as one process for each descriptor.

    A failure of ours is answered with its text; the process stays.
    """
    os.dup2(2, 1)  # a stray print has no place to go but the errors
    warm_up()
    # A batch makes a hundred thousand objects and no cycles; the collector's default pace costs a tenth of the time.
    gc.enable()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    with socket.socket(fileno=_multiply(descriptors)) as channel:
        tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        results = channel.makefile("wb")
        threading.Thread(target=_receive, args=(channel.makefile("rb"), tasks), daemon=True).start()
        with suppress(OSError):
            send(results, pickle.dumps(os.getpid()))
            _answer(tasks, results)


def _multiply(descriptors: Sequence[int]) -> int:
    """Fork a process for each descriptor but the first, and return this process's own; the others are closed."""
    for place in range(1, len(descriptors)):
        if os.fork() == 0:
            for other in (descriptors[0], *descriptors[place + 1 :]):
                os.close(other)
            return descriptors[place]
        os.close(descriptors[place])
    return descriptors[0]


def _receive(source: IO[bytes], tasks: "queue.SimpleQueue[bytes]") -> None:
    """Take in tasks as they come, so that the parent never waits to send; end the process where they end."""
    with suppress(OSError):
        while (message := receive(source)) is not None:
            tasks.put(message)
    _reap()
    os._exit(0)


def _reap() -> None:
    """Wait for the processes that were forked: their sockets end with this one's, and a zombie would be left."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _answer(tasks: "queue.SimpleQueue[bytes]", results: IO[bytes]) -> None:
    memo: Memo | None = None
    while True:
        refs, first, as_of = pickle.loads(tasks.get())
        context = bounds(as_of)
        memo = memo if memo is not None and memo.context == context else Memo(context)
        try:
            answer: object = read_batch(refs, as_of, memo, first).to_streams()
        except NewsmartError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 (told to the parent, which raises)
            answer = known(error) or f"{type(error).__name__}: {error}"
        send(results, pickle.dumps(answer))
