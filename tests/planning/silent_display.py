"""A display that remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence


class SilentDisplay:
    """Notes the stages that begin, finish and are kept, and the warnings."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, list[str]]] = []
        self.finished: list[str] = []
        self.reused: list[str] = []
        self.warnings: list[str] = []

    def begin(self, stage: str, changed: Sequence[str]) -> None:
        self.begun.append((stage, list(changed)))

    def update(self, fraction: float, text: str) -> None:
        assert 0.0 <= fraction <= 1.0

    def finish(self, stage: str, seconds: float, summary: str) -> None:
        self.finished.append(stage)

    def reuse(self, stage: str, summary: str) -> None:
        self.reused.append(stage)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
