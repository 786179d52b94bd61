"""Stations of the duct and of the pulmonary arteries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geometry.centerlines.centerline import Line
from geometry.measurements.anatomical import AnatomicalStation, MissingStation, Seek, absent, here
from geometry.measurements.definitions import DUCTAL
from geometry.measurements.routes import at_arc, leave

Place = AnatomicalStation | MissingStation

_MARGIN = 0.5
"""Radii between a branching and the section before or after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duct:
    """The way through the duct, from the aorta's inlet on.

    Attributes:
        line: The way.
        begin: Arc length at which it has left the aorta's lumen [m].
        end: Arc length at which it enters the pulmonary artery's lumen, or ends at the duct's own opening [m].
        opens: Whether the model ends at the duct's own opening.
    """

    line: Line
    begin: float
    end: float
    opens: bool


def duct_stations(duct: Duct | None, reason: str) -> tuple[Place, ...]:
    """Both ends and the narrowest place of the duct; all missing for the reason given where there is no duct."""
    if duct is None:
        return tuple(absent(name, reason) for name in DUCTAL)
    _, _, first = at_arc(duct.line, duct.begin)
    _, _, last = at_arc(duct.line, duct.end)
    begin, end = duct.begin + _MARGIN * first, duct.end - _MARGIN * last
    if begin >= end:
        reason = f"the duct is shorter than half a diameter: {1e3 * (duct.end - duct.begin):.1f} mm"
        return tuple(absent(name, reason) for name in DUCTAL)
    inside = (duct.line.arc >= begin) & (duct.line.arc <= end)
    arcs, radii = duct.line.arc[inside], duct.line.radius[inside]
    least = float(arcs[radii.argmin()]) if len(arcs) else 0.5 * (begin + end)
    _, _, reach = at_arc(duct.line, least)
    middle = 0.5 * (begin + end)
    last_place = (
        here("duct_pulmonary", duct.line, end, note="at the model's own opening: the duct goes on")
        if duct.opens
        else _clear("duct_pulmonary", duct.line, end, middle)
    )
    window = (max(begin, least - reach), min(end, least + reach))
    return (
        _clear("duct_aortic", duct.line, begin, middle),
        AnatomicalStation(name="duct_minimum", line=duct.line, arc=least, window=window, seek=Seek.LEAST),
        last_place,
    )


def _clear(name: str, line: Line, begin: float, end: float) -> AnatomicalStation:
    return AnatomicalStation(name=name, line=line, arc=begin, window=(begin, end), seek=Seek.CLEAR)


def trunk_station(right: Line, left: Line) -> Place:
    """Half-way from the main pulmonary artery's opening to where the first of its branches leaves.

    Args:
        right, left: Ways from the main pulmonary artery's opening to those of its branches.
    """
    places = [leave(left, right), leave(right, left)]
    begins = [place.begin for place in places if place is not None]
    if not begins or min(begins) <= float(right.radius[0]):
        return absent(
            "main_pulmonary_artery", "the main pulmonary artery is shorter than its radius in this model"
        )
    return here("main_pulmonary_artery", right, 0.5 * min(begins))


def branch_stations(side: str, line: Line, other: Line, further: Sequence[Line]) -> tuple[Place, Place]:
    """Middle and end of a branch pulmonary artery.

    Args:
        side: right_pulmonary_artery or left_pulmonary_artery.
        line: The way from the main pulmonary artery's opening into it.
        other: The way into the other branch.
        further: Ways to openings of its own branches, if any.
    """
    names = (side, f"{side}_distal")
    out = leave(other, line)
    if out is None:
        reason = "the two branch pulmonary arteries do not part in this model"
        return absent(names[0], reason), absent(names[1], reason)
    branchings = [place for place in (leave(line, way) for way in further) if place is not None]
    firsts = [place.begin for place in branchings if place.begin > out.own]
    end = min(firsts) if firsts else line.length
    _, _, radius = at_arc(line, end)
    last = end - (_MARGIN if firsts else 1.0) * radius
    if last <= out.own:
        reason = "it branches, or the model ends, within a radius of the bifurcation"
        return absent(names[0], reason), absent(names[1], reason)
    note = "" if firsts else "before the model's opening: no branch of it is in the model"
    return here(names[0], line, 0.5 * (out.own + last)), here(names[1], line, last, note=note)
