"""What the terminal shows of a run: a line a stage, one bar for long work; plain lines where it is no terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from planning.wording import duration

_PLAIN_INTERVAL = 15.0
"""Seconds between two lines about long work where there is no terminal."""

_log = logging.getLogger(__name__)


class Display(Protocol):
    """Is told what a run does."""

    def begin(self, stage: str, changed: Sequence[str]) -> None:
        """A stage begins; where it was finished before, with the inputs that have changed since."""
        ...

    def update(self, fraction: float, text: str) -> None:
        """The running stage is a fraction done."""
        ...

    def finish(self, stage: str, seconds: float, summary: str) -> None:
        """A stage is finished."""
        ...

    def reuse(self, stage: str, summary: str) -> None:
        """A stage was finished by an earlier run."""
        ...

    def warn(self, text: str) -> None:
        """Something that the user should know."""
        ...


class TerminalDisplay:
    """Shows a run on a console; used as a context, at whose end the bar goes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._spoke = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("[dim]{task.fields[text]}"),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, stage: str, changed: Sequence[str]) -> None:
        """Show the bar of a stage."""
        reason = f" (changed: {', '.join(changed)})" if changed else ""
        _log.info("%s begins%s", stage, reason)
        self._stage, self._spoke = stage, time.monotonic()
        if self._bar is not None:
            self._task = self._bar.add_task(stage, total=None, text="")

    def update(self, fraction: float, text: str) -> None:
        """Move the bar, or print a line now and then."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=1.0, completed=fraction, text=text)
        elif time.monotonic() - self._spoke > _PLAIN_INTERVAL:
            self._spoke = time.monotonic()
            self._console.print(
                f"  {self._stage}: {100.0 * fraction:.0f} %  {text}", markup=False, highlight=False
            )

    def finish(self, stage: str, seconds: float, summary: str) -> None:
        """Print the stage's line."""
        _log.info("%s finished in %.1f s: %s", stage, seconds, summary)
        self._remove_task()
        self._line("[green]✓[/]", stage, duration(seconds), summary)

    def reuse(self, stage: str, summary: str) -> None:
        """Print the stage's line, with no time."""
        _log.info("%s was finished before: %s", stage, summary)
        self._line("[dim]=[/]", stage, "kept", summary)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._console.print(f"[yellow]! {escape(text)}[/]", highlight=False, soft_wrap=True)

    def _line(self, mark: str, stage: str, time_text: str, summary: str) -> None:
        text = f"{mark} {escape(stage):<26} {time_text:>11}   {escape(summary)}"
        self._console.print(text, highlight=False, soft_wrap=True)

    def _remove_task(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
