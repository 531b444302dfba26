"""Fault points: the one that is armed kills, and none can be missed by the proof."""

import pytest

from schemas.errors import UsageError
from tests.warehouse.making import run_python
from warehouse import faults


def test_an_edge_without_a_name_cannot_hide_from_the_proof() -> None:
    with pytest.raises(LookupError):
        faults.at("nowhere")
    with pytest.raises(UsageError):
        faults.set_fault("nowhere")
    faults.set_fault("")
    for edge in faults.EDGES:
        faults.at(edge)


def test_the_fault_that_is_armed_kills_and_no_other() -> None:
    code = (
        "from warehouse import faults; faults.set_fault('after_scan'); faults.at('after_lock'); "
        "print('alive', flush=True); faults.at('after_scan'); print('never')"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout) == (-9, "alive\n")
