"""What `newsmart serve` and the process that runs its flows say to each other; imports no Prefect.

The parent tells a job, plain values, so that it fits on a command line; the child answers by its exit status.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.scheduling.serving import Serving, When
from flows.settings import Settings
from warehouse.home import Home

NEW_PROCESS = 75
"""The exit status of a process that has run so many flows that another should go on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent wants: the deployment's name, its schedule and parameters, and how to run.

    `folder` is the one that `newsmart serve` was started in: there the command of a failed run is started.
    """

    deployment: str
    when: When
    parameters: dict[str, Any]
    settings: Settings
    serving: Serving
    folder: str
    keep_flow_runs: int
    is_quiet: bool = False
    runs_now: bool = False

    def as_json(self) -> str:
        """Return the job as `from_json` takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Return the job that the parent wrote."""
        told = json.loads(text)
        told |= {"when": When(**told["when"]), "settings": Settings(**told["settings"])}
        return cls(**told | {"serving": Serving(**told["serving"])})

    @property
    def home(self) -> Home:
        """The warehouse served."""
        return Home.of(Path(self.parameters["warehouse"]))
