"""What `newsmart serve` and the process that runs its flows say to each other; imports no Prefect.

The parent writes a job, one line of JSON, on the child's standard input, which no `ps` shows and no limit of a command
line cuts; our settings travel by the environment. The child answers by its exit status.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.scheduling.serving import Serving, When
from warehouse.home import Home

NEW_PROCESS = 75
"""The exit status of a process that has run so many flows that another should go on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent wants: the deployments' name, the schedule and parameters of the refresh, and how to run.

    `folder` is the one that `newsmart serve` was started in: there the command of a failed run is started.
    """

    name: str
    when: When
    parameters: dict[str, Any]
    serving: Serving
    folder: str
    log_format: str
    is_quiet: bool = False
    runs_now: bool = False

    def as_line(self) -> bytes:
        """Return the job as `from_line` takes it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Job":
        """Return the job that the parent wrote."""
        told = json.loads(line)
        return cls(**told | {"when": When(**told["when"]), "serving": Serving(**told["serving"])})

    @property
    def home(self) -> Home:
        """The warehouse served."""
        return Home.of(Path(self.parameters["warehouse"]))
