"""What goes wrong during a soak, again and again: restarts, killed processes, a clock that jumps."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.soak.served import Served
from tests.soak.wrong_clock import WrongClock

STOP_SECONDS = 15.0
TROUBLES = ("restart", "server", "worker", "all", "clock")
JUMPS_SECONDS = (10 * 86_400, 0, -3_600, 0, 90, 0)

Trouble = Callable[[Served], str | None]


def restart(served: Served) -> str | None:
    """Stop the service as a service manager does, and start it again."""
    status, seconds = served.stop()
    served.start()
    return None if status == 0 and seconds <= STOP_SECONDS else f"stopped with {status} after {seconds:.1f} s"


def kill_child(role: str) -> Trouble:
    """Return a trouble that kills the server or the worker."""

    def kill(served: Served) -> str | None:
        child = served.children().get(role)
        if child is not None:
            os.kill(child, signal.SIGKILL)
        return None

    return kill


def kill_all(served: Served) -> str | None:
    """Kill parent, server and worker at once, and start the service again."""
    for process in [served.process.pid, *served.children().values()]:
        os.kill(process, signal.SIGKILL)
    served.process.wait()
    served.start()
    return None


def jumps(clock: WrongClock) -> Trouble:
    """Return a trouble that sets the wall clock wrong, right, wrong the other way and so on."""
    count = 0

    def jump(served: Served) -> str | None:
        nonlocal count
        clock.jump(JUMPS_SECONDS[count % len(JUMPS_SECONDS)])
        count += 1
        return None

    return jump


@dataclass
class Troubles:
    """Troubles in turn, one each so many seconds. Without any, nothing happens."""

    kinds: Sequence[tuple[str, Trouble]]
    every_seconds: float
    draw: random.Random

    def __post_init__(self) -> None:
        """Set the time of the first one."""
        self.count = 0
        self.faults: list[str] = []
        self._next = time.monotonic() + self.every_seconds

    def strike(self, served: Served) -> None:
        """Make the next trouble if its time has come. What was wrong with it joins `faults`."""
        if not self.kinds or time.monotonic() < self._next:
            return
        name, trouble = self.kinds[self.count % len(self.kinds)]
        fault = trouble(served)
        if fault is not None:
            self.faults.append(f"{name} {self.count}: {fault}")
        self.count += 1
        self._next = time.monotonic() + self.every_seconds * self.draw.uniform(0.8, 1.2)


def chosen(names: Sequence[str], place: Path) -> tuple[list[tuple[str, Trouble]], dict[str, str]]:
    """Return the troubles of these names, and what the service's environment needs for them.

    Raises KeyError for a name that is not in TROUBLES.
    """
    troubles: dict[str, Trouble] = {
        "restart": restart,
        "server": kill_child("server"),
        "worker": kill_child("worker"),
        "all": kill_all,
    }
    environment: dict[str, str] = {}
    if "clock" in names:
        clock = WrongClock(place / "clock")
        environment |= clock.environment
        troubles["clock"] = jumps(clock)
    return [(name, troubles[name]) for name in names], environment
