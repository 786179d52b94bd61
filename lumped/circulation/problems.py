"""What is wrong with a circulation, in words for the one who wrote it: one line a problem, with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemoplan.errors import HemoplanError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        place: Keys that lead to it, such as ("connections", "duct", "diameter").
        text: What is wrong, and what would be right.
    """

    place: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"[{'.'.join(self.place)}] {self.text}"


def problems_error(
    error: type[HemoplanError], what: str, where: str, problems: Sequence[Problem]
) -> HemoplanError:
    """One error that lists all problems, one a line."""
    lines = "".join(f"\n  {problem}" for problem in problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return error(f"{what} has {count}:{lines}", where=where)
