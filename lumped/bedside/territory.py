"""Which part of the body a compartment or a connection belongs to, from its name and its place in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumped.blocks.compartments import CHAMBERS
from lumped.circulation.graph import Circulation, Connection

_LUNGS = frozenset({"pulmonary", "lung", "lungs"})
_VEINS = frozenset({"vein", "veins", "venous", "vena", "cava", "caval", "svc", "ivc", "venae", "cavae"})


@dataclass(frozen=True, slots=True)
class Territories:
    """Where things are.

    Attributes:
        compartments: By the name of what is not a chamber, "systemic" or "pulmonary", then "arteries", "veins" or
            "organs".
    """

    compartments: Mapping[str, str]

    def side(self, connection: Connection) -> str:
        """Whether it is "systemic" or "pulmonary"; nothing where it joins the two, or two chambers, or leads outside.

        The chamber at one end counts as what is at the other.
        """
        ends = (connection.source, connection.target)
        sides = {self.compartments[end].split()[0] for end in ends if end in self.compartments}
        return sides.pop() if len(sides) == 1 else ""


def territories(circulation: Circulation) -> Territories:
    """The territory of everything that is not a chamber.

    Lungs and veins are known by their names, which are full words in the anatomies, such as `right_pulmonary_artery`
    or `superior_caval_vein`. Of the rest, arteries are what a ventricle feeds without a resistor between, and organs
    are behind one.
    """
    arteries = _fed_directly(circulation)
    found = {}
    for each in circulation.compartments:
        if each.kind in CHAMBERS:
            continue
        words = set(each.name.split("_"))
        side = "pulmonary" if words & _LUNGS else "systemic"
        part = "veins" if words & _VEINS else "arteries" if each.name in arteries else "organs"
        found[each.name] = f"{side} {part}"
    return Territories(found)


def _fed_directly(circulation: Circulation) -> set[str]:
    """What can be reached from the ventricles, along connections, other than through a resistor."""
    reached = set(ejecting_chambers(circulation))
    front = reached
    while front:
        front = {
            each.target
            for each in circulation.connections
            if each.source in front and each.kind != "resistor"
        } - reached
        reached = reached | front
    return reached


def ejecting_chambers(circulation: Circulation) -> tuple[str, ...]:
    """Chambers with a way into something that is not a chamber, and one in from a chamber: the ventricles."""
    chambers = {each.name for each in circulation.compartments if each.kind in CHAMBERS}
    ways = [(each.source, each.target) for each in circulation.connections]
    filled = {target for source, target in ways if source in chambers and target in chambers}
    ejecting = {source for source, target in ways if source in chambers and target not in chambers}
    return tuple(each.name for each in circulation.compartments if each.name in filled & ejecting)
