"""How the parts of a circulation hang together: separate parts, undetermined junctions, ways that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from lumped.circulation.graph import OUTSIDE, Circulation
from lumped.circulation.kinds import always_open


class Groups:
    """Names that are joined step by step."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parent = {name: name for name in names}

    def root(self, name: str) -> str:
        """What stands for all that is joined with a name."""
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def join(self, first: str, second: str) -> None:
        """From now on the two belong together."""
        self._parent[self.root(first)] = self.root(second)

    def all(self) -> list[list[str]]:
        """What belongs together, in the order of the names."""
        groups: dict[str, list[str]] = {}
        for name in self._parent:
            groups.setdefault(self.root(name), []).append(name)
        return list(groups.values())


def ways(circulation: Circulation) -> list[tuple[str, str, str]]:
    """Connections and ports as (name, one end, other end), those alone whose ends exist; a port leads outside."""
    names = {OUTSIDE, *(each.name for each in circulation.compartments)}
    ends = [(each.name, each.source, each.target) for each in circulation.connections]
    ends += [(each.name, OUTSIDE, each.node) for each in circulation.ports]
    return [way for way in ends if way[1] in names and way[2] in names]


def separate_parts(circulation: Circulation) -> list[list[str]]:
    """Compartments that hang together, the largest part first; ports and pumps to the outside join what they meet."""
    groups = Groups([OUTSIDE, *(each.name for each in circulation.compartments)])
    for _, first, second in ways(circulation):
        groups.join(first, second)
    parts = [[name for name in part if name != OUTSIDE] for part in groups.all()]
    return sorted((part for part in parts if part), key=len, reverse=True)


def floating_junctions(circulation: Circulation) -> list[list[str]]:
    """Groups of junctions whose pressure follows from nothing.

    The pressure of a junction follows from the balance of its flows. That needs a way to a compliance or a reservoir
    along which the flow depends on the pressures at all times.
    """
    junctions = [each.name for each in circulation.compartments if each.kind == "junction"]
    groups = Groups(junctions)
    known = {each.name for each in circulation.compartments}
    open_ways = [
        each
        for each in circulation.connections
        if always_open(each) and each.source in known and each.target in known
    ]
    for each in open_ways:
        if each.source in junctions and each.target in junctions:
            groups.join(each.source, each.target)
    held = set()
    for each in open_ways:
        if (each.source in junctions) != (each.target in junctions):
            held.add(groups.root(each.source if each.source in junctions else each.target))
    return [group for group in groups.all() if groups.root(group[0]) not in held]


def dead_ways(circulation: Circulation) -> set[str]:
    """Connections that no blood can keep flowing through, as they lie on no closed way.

    Reservoirs, ports and the outside count as one place, since blood comes and goes there. These connections are the
    bridges of the graph: Tarjan, Inf. Process. Lett. 2, 1974, DOI 10.1016/0020-0190(74)90003-9.
    """
    reservoirs = {each.name for each in circulation.compartments if each.kind == "reservoir"}
    neighbours: dict[str, list[tuple[int, str]]] = {}
    all_ways = ways(circulation)
    for index, (_, *ends) in enumerate(all_ways):
        first, second = (OUTSIDE if end in reservoirs else end for end in ends)
        neighbours.setdefault(first, []).append((index, second))
        neighbours.setdefault(second, []).append((index, first))
    found: dict[str, int] = {}
    bridges: set[str] = set()

    def lowest(node: str, came_by: int) -> int:
        """The earliest place that can be reached from here without the way that led here."""
        found[node] = low = len(found)
        for index, other in neighbours[node]:
            if index == came_by:
                continue
            if other in found:
                low = min(low, found[other])
                continue
            reached = lowest(other, index)
            low = min(low, reached)
            if reached > found[node]:
                bridges.add(all_ways[index][0])
        return low

    for node in neighbours:
        if node not in found:
            lowest(node, -1)
    return bridges
