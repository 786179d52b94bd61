"""Phases of a scan over time: which one is meant."""

from __future__ import annotations

from collections.abc import Sequence

from hemoplan.errors import ImageError

MOST_LISTED = 40
"""More phases than this are not all listed in an error."""


def choose_phase(phases: Sequence[str], phase: int | None, *, where: str) -> int:
    """Number of the wanted phase, from 0; a scan of one moment needs no choice.

    Args:
        phases: What tells each phase from the others, in order.
        phase: The wanted number.
        where: The file or folder, for the error.

    Raises:
        ImageError: There are several phases and none is chosen, or there is no such phase.
    """
    if phase is None and len(phases) == 1:
        return 0
    if phase is not None and 0 <= phase < len(phases):
        return phase
    listed = ", ".join(f"{number}: {name}" for number, name in enumerate(phases[:MOST_LISTED]))
    if phase is None:
        raise ImageError(
            f"the scan has {len(phases)} phases",
            where=where,
            value=listed + (", …" if len(phases) > MOST_LISTED else ""),
            expected="one of them",
            remedy=f"choose one with 'image.phase', a number from 0 to {len(phases) - 1}",
        )
    raise ImageError(
        "the scan has no such phase",
        where=where,
        value=phase,
        expected="0: the scan is of one moment" if len(phases) == 1 else listed,
        remedy="leave 'image.phase' out" if len(phases) == 1 else "correct 'image.phase'",
    )
