"""The pager: which one, with what, and that an answer is never lost for want of one."""

import io
import stat
import sys
from pathlib import Path

import pytest

from flows.commands.output import page


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch, text: str, *, is_paged: bool = True) -> str:
    """Page a text, stdout being a terminal; return what was printed there."""
    terminal = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        page(text, is_paged=is_paged)
    return terminal.getvalue()


def _pager(folder: Path, name: str = "less") -> Path:
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/options\ncat > {folder}/read\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_less_cuts_lines_off_and_ends_where_all_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pager(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("PAGER", raising=False)
    assert _on_a_terminal(monkeypatch, "wide é\n") == ""
    assert (tmp_path / "options").read_text() == "-FRSX\n"
    assert (tmp_path / "read").read_text() == "wide é\n"


def test_the_users_own_pager_gets_its_own_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", f"{_pager(tmp_path, 'most')} -x 'a b'")
    assert _on_a_terminal(monkeypatch, "text\n") == ""
    assert (tmp_path / "options").read_text() == "-x a b\n"


@pytest.mark.parametrize("pager", ["/nowhere/less", "unclosed 'quote", "/", "  "])
def test_without_a_pager_the_text_is_printed(monkeypatch: pytest.MonkeyPatch, pager: str) -> None:
    monkeypatch.setenv("PAGER", pager)
    monkeypatch.setenv("PATH", "/nowhere")
    assert _on_a_terminal(monkeypatch, "text\n") == "text\n"


def test_a_pager_that_is_left_early_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "true")
    assert _on_a_terminal(monkeypatch, "line\n" * 1_000_000) == ""


def test_what_is_no_terminal_is_not_paged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", str(_pager(tmp_path)))
    page("text\n")
    assert capsys.readouterr().out == "text\n"
    assert not (tmp_path / "read").exists()


def test_with_no_pager_nothing_is_paged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", str(_pager(tmp_path)))
    assert _on_a_terminal(monkeypatch, "text\n", is_paged=False) == "text\n"
