"""A reading process: references in, Arrow out.

It is started by flows/pool.py and speaks with it over its own stdin and stdout: each message is its length in eight
bytes and a pickle. It ends when its stdin does, at once, wherever it is: so it never outlives its parent, be that
killed with SIGKILL, and needs neither a signal nor a look at the parent's id (prctl is Linux alone). It inherits no
descriptor but the standard three, so no lock of the parent's lives on in it.

It imports what reading needs and nothing else. pyarrow imports numpy, and with its first array pandas, where they are
installed, which takes longer than all the rest and serves nothing here, so both are hidden from it.
"""

import gc
import os
import pickle
import queue
import sys
import threading
from typing import BinaryIO

from flows.lean import hide_heavy_modules

hide_heavy_modules()

from flows.blocks import Memo  # noqa: E402
from flows.messages import receive, send  # noqa: E402
from flows.read import read_batch, warm_up  # noqa: E402
from schemas.documents import bounds  # noqa: E402


def main() -> None:
    """Answer tasks until stdin ends. A failure of ours is answered with its text; the process stays."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not break the stream
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, tasks), daemon=True).start()
    warm_up()
    # A batch makes a hundred thousand objects and no cycles; the collector's default pace costs a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    _answer(tasks, results)


def _receive(source: BinaryIO, tasks: "queue.SimpleQueue[bytes]") -> None:
    """Take in tasks as they come, so that the parent never waits to send; end the process where they end."""
    while (message := receive(source)) is not None:
        tasks.put(message)
    os._exit(0)


def _answer(tasks: "queue.SimpleQueue[bytes]", results: BinaryIO) -> None:
    memo: Memo | None = None
    while True:
        refs, first, as_of = pickle.loads(tasks.get())
        context = bounds(as_of)
        memo = memo if memo is not None and memo.context == context else Memo(context)
        try:
            answer: object = read_batch(refs, as_of, memo, first).to_streams()
        except Exception as error:  # noqa: BLE001 (told to the parent, which raises)
            answer = f"{type(error).__name__}: {error}"
        send(results, pickle.dumps(answer))
