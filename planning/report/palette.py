"""One colour and one line style a variant, the same in every figure, table and scene.

The colours are those of Okabe and Ito, which stay apart for the colour-blind; the line style keeps them apart
in grey print. Source: M. Okabe, K. Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_COLOURS = ("#3b3b3b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.6), (1.4, 1.2), (6.0, 1.4, 1.4, 1.4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """How a variant is drawn: colour, and dash lengths in line widths (empty for a solid line)."""

    colour: str
    dashes: tuple[float, ...]


def variant_inks(names: Sequence[str]) -> dict[str, Ink]:
    """The ink of each variant, by its place in the case file; repeats after seven colours."""
    return {
        name: Ink(colour=_COLOURS[index % len(_COLOURS)], dashes=_DASHES[index % len(_DASHES)])
        for index, name in enumerate(names)
    }
