"""The two ways in which a command fails: bad input (exit 2) and a fault during the run (exit 3)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any


class BadInput(Exception):
    """Something the user gave cannot be used; nothing has been written.

    The message always says where (file, line or field), what was found, what was expected and how to mend it. `limit` is the
    length to which what was found is cut; `config` the file of the mine whose input it is, where several are checked.
    """

    exit_code = 2
    config: str | None = None

    def __init__(self, where: Any, field: str, found: Any, expected: str, fix: str, *, limit: int = 300) -> None:
        self.limit = limit
        self.where, self.field, self.found, self.expected, self.fix = str(where), field, str(found) or "nothing", expected, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the message as one block of labelled lines."""
        head = f"{one_line(self.where)}: {one_line(self.field)}" + (f"\n  config:   {one_line(self.config)}" if self.config else "")
        return f"{head}\n  found:    {one_line(self.found, self.limit)}\n  expected: {one_line(self.expected)}\n  fix:      {one_line(self.fix)}"


class RunFault(Exception):
    """Something failed during the run; no output with its final name is partial, and the same command resumes."""

    exit_code = 3


def one_line(text: str, limit: int = 300) -> str:
    """Return the text on one line: control characters shown as escapes, long text cut in the middle."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else f"{shown[: limit // 2]} ... {shown[-limit // 2 :]}"


def nearest(word: str, known: list[str]) -> str:
    """Return `did you mean ...` for the known word nearest to this one, or the list of known words.

    >>> nearest("bufer_m", ["buffer_m", "crs"])
    'did you mean `buffer_m`?'
    """
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else f"use one of: {', '.join(sorted(known))}"
