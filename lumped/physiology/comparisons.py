"""What is published about the anatomies and what ours give, from `lumped/circulation/comparisons.toml`.

A test holds every row; `scripts/gallery_lumped` shows them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from hemoplan.units import to_unit
from lumped.circulation.file import load_anatomy
from lumped.circulation.growth import body_surface_area
from lumped.circulation.library import FOLDER
from lumped.circulation.operations import apply
from lumped.physiology import Physiology, steady

PATH = FOLDER.parent / "comparisons.toml"
CLEAR = 0.15
"""Relative deviation beyond which a row must say what is behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A published number and how ours is formed.

    Attributes:
        anatomy: By name.
        edits: Steps of surgery on it.
        reflexes: Whether its regulations act.
        quantity: In words.
        value: Sums and quotients of outputs, see `evaluate`.
        unit: Of reference, low and high.
        source: Of the published number.
        reference, accepted: The number and the relative deviation from it that is accepted.
        low, high: In their place, a range.
        why: What is behind a deviation beyond `CLEAR`, or outside the range.
        tuned: Whether parameters of the anatomy were tuned to the number.
    """

    anatomy: str
    edits: tuple[str, ...]
    reflexes: bool
    quantity: str
    value: str
    unit: str
    source: str
    reference: float | None = None
    accepted: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""
    tuned: bool = False

    @property
    def name(self) -> str:
        """Of the row, for messages."""
        return ", ".join([self.anatomy, *self.edits, self.quantity])


def rows() -> list[Row]:
    """All rows of the file."""
    groups = tomllib.loads(PATH.read_text(encoding="utf-8"))["comparison"]
    return [
        Row(
            anatomy=group["anatomy"],
            edits=tuple(group.get("edits", ())),
            reflexes=group.get("reflexes", True),
            **{"source": group["source"], **row},
        )
        for group in groups
        for row in group["rows"]
    ]


@cache
def state(anatomy: str, edits: tuple[str, ...] = (), reflexes: bool = True) -> Physiology:
    """The steady state of an anatomy after some edits."""
    circulation = apply(load_anatomy(anatomy), *edits)
    return steady(circulation if reflexes else replace(circulation, regulations=()))


def ours(row: Row) -> float:
    """Our number of a row, in its unit."""
    value = evaluate(row.value, state(row.anatomy, row.edits, row.reflexes))
    return value if row.unit == "1" else to_unit(value, row.unit)


def evaluate(text: str, physiology: Physiology) -> float:
    """`a + b - c / d + e`: quotients of sums of outputs, of `weight` [kg], `surface` [m²] and of numbers; in SI."""
    weight = physiology.circulation.weight
    known = {"weight": weight, "surface": body_surface_area(weight)}

    def term(word: str) -> float:
        if word in known:
            return known[word]
        return float(word) if word.isdigit() else physiology[word]

    def total(part: str) -> float:
        words = part.split()
        signs = [1.0 if sign == "+" else -1.0 for sign in words[1::2]]
        return term(words[0]) + sum(s * term(w) for s, w in zip(signs, words[2::2], strict=True))

    first, *divisors = (total(part) for part in text.split(" / "))
    for divisor in divisors:
        first /= divisor
    return first


def deviation(row: Row, value: float) -> float | None:
    """Relative deviation of our number from the reference; None where there is a range."""
    return None if row.reference is None else value / row.reference - 1.0


def in_range(row: Row, value: float) -> bool:
    """Whether our number lies in the range of a row that has one."""
    assert row.low is not None and row.high is not None
    return row.low <= value <= row.high


def markdown(chosen: Sequence[Row] | None = None) -> list[str]:
    """The table, as lines of Markdown; what deviates by more than `CLEAR` is in bold and says why."""
    unit_words: Mapping[str, str] = {"1": "", "percent": "%", "1/min": "/min"}
    lines = ["| anatomy | quantity | ours | published | deviation | source |", "|---|---|---|---|---|---|"]
    for row in chosen or rows():
        value = ours(row)
        unit = unit_words.get(row.unit, row.unit.replace("**2", "²"))
        off = deviation(row, value)
        if off is None:
            published, shown = f"{row.low:g} to {row.high:g}", "within" if in_range(row, value) else "outside"
        else:
            published, shown = f"{row.reference:g}", f"{100.0 * off:+.0f} %".replace("-", "\N{MINUS SIGN}")
        if row.tuned:
            shown = f"{shown} (tuned)"
        if row.why:
            shown = f"**{shown}**: {row.why}"
        anatomy = row.anatomy.replace("_", " ") + "".join(f"; {edit}" for edit in row.edits)
        cells = [anatomy, row.quantity, f"{value:.3g} {unit}", f"{published} {unit}", shown, row.source]
        lines.append("| " + " | ".join(cell.strip() for cell in cells) + " |")
    return lines
