"""A flow's parameters and the request that they make, both ways. Imports no Prefect.

Parameters are small, plain and free of secrets, as the server keeps and shows them. They name the options of
`newsmart run`; what they leave open is as the settings say where the flow runs.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.clock import parse_moment
from flows.engines.choice import choose_engine
from flows.pipeline.request import RunRequest
from flows.settings import load_settings
from flows.sources.named import absolute, parse_sources


def parameters_of(request: RunRequest) -> dict[str, Any]:
    """Return the flow's parameters that say what the request says; paths are absolute, whatever the current folder."""
    return {
        "source": [f"{source.name}={absolute(source.root)}" for source in request.sources],
        "warehouse": os.path.abspath(request.warehouse),
        "as_of": None if request.as_of is None else request.as_of.isoformat(),
        "full_refresh": request.full_refresh,
        "reparse": request.reparse,
        "max_quarantine": request.max_quarantine,
        "allow_shrink": request.allow_shrink,
        "workers": request.workers,
        "engine": request.engine.name,
        "dask_address": request.engine.address,
    }


def request_of(parameters: dict[str, Any], scheduled_at: datetime | None) -> RunRequest:
    """Return the request that a flow's parameters make. Raises UsageError where they do not fit."""
    settings = load_settings()
    limit = settings.max_quarantine if settings.max_quarantine >= 0 else None
    asked: dict[str, Any] = {
        "source": [settings.source],
        "warehouse": settings.warehouse,
        "max_quarantine": limit,
        "workers": settings.workers,
        "engine": settings.engine,
        "dask_address": settings.dask_address,
    } | {name: value for name, value in parameters.items() if value is not None}
    as_of = asked.pop("as_of", None)
    return RunRequest(
        sources=parse_sources(asked.pop("source")),
        warehouse=Path(asked.pop("warehouse")),
        as_of=None if as_of is None else parse_moment(as_of),
        scheduled_at=scheduled_at,
        engine=choose_engine(asked.pop("engine"), asked.pop("dask_address")),
        settings=settings,
        **asked,
    )
