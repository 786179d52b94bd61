"""Whether a circulation makes sense: names, who acts on whom, and whether it is one circulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hemoplan.errors import BoundaryError
from hemoplan.spelling import hint
from lumped.blocks.compartments import CHAMBERS
from lumped.circulation.connectivity import floating_junctions, separate_parts
from lumped.circulation.graph import OUTSIDE, Circulation, Coupling
from lumped.circulation.kinds import holds_blood
from lumped.circulation.parameter_check import parameter_problems
from lumped.circulation.problems import Problem, problems_error

HEART = "heart"
"""In the place of a block: the heart rate, for a regulation that acts on it."""
_MEMBERS = {"wall_pressure": 1, "septum": 2}
"""How many compartments a coupling ties; a pericardium as many as it holds."""


def check_circulation(circulation: Circulation) -> None:
    """Refuse a circulation that makes no sense.

    Raises:
        BoundaryError: One error that lists every problem.
    """
    problems = [*parameter_problems(circulation), *graph_problems(circulation)]
    if problems:
        where = circulation.origin or circulation.name
        raise problems_error(BoundaryError, "the circulation", where, problems)


def graph_problems(circulation: Circulation) -> list[Problem]:
    """One problem for each name or connection that makes no sense; numbers are not looked at."""
    problems = [
        *_name_problems(circulation),
        *_compartment_problems(circulation),
        *_connection_problems(circulation),
        *_coupling_problems(circulation),
        *_port_problems(circulation),
        *_unused_problems(circulation),
        *_gas_problems(circulation),
        *_regulation_problems(circulation),
    ]
    return [*problems, *_junction_problems(circulation), *_part_problems(circulation)]


def pressures_around(circulation: Circulation) -> list[str]:
    """Names of what can press on a compartment from outside."""
    squeezing = [each.name for each in circulation.couplings if each.kind != "septum"]
    return [*(each.name for each in circulation.surroundings), *squeezing]


def _name_problems(circulation: Circulation) -> Iterator[Problem]:
    groups = ("compartments", "connections", "activations", "couplings", "surroundings", "regulations")
    owners = [(each.name, group) for group in groups for each in getattr(circulation, group)]
    count = Counter(name for name, _ in owners)
    for name, group in owners:
        if name == OUTSIDE:
            yield Problem((group, name), f"'{OUTSIDE}' stands for what is not part of the circulation")
    for name in (name for name, n in count.items() if n > 1):
        where = ", ".join(group for other, group in owners if other == name)
        yield Problem((name,), f"the name is used more than once, in {where}; every part needs its own")
    flows = [each.name for each in circulation.ports if each.drive == "flow"]
    for port in circulation.ports:
        if sum(other.name == port.name for other in circulation.ports) > 1:
            yield Problem(("ports", port.name), "two ports have this name")
        if any(each.driven and each.name == port.name for each in circulation.surroundings):
            yield Problem(("ports", port.name), "a driven surrounding has this name too")
        if port.name in flows and any(each.name == port.name for each in circulation.connections):
            yield Problem(("ports", port.name), "a connection has this name too")


def _compartment_problems(circulation: Circulation) -> Iterator[Problem]:
    activations = [each.name for each in circulation.activations]
    around = pressures_around(circulation)
    septa = {each.name: each for each in circulation.couplings if each.kind == "septum"}
    for each in circulation.compartments:
        place = ("compartments", each.name)
        if each.kind in CHAMBERS and not each.activation:
            yield Problem(
                (*place, "activation"), f"a chamber needs an activation; {hint(each.activation, activations)}"
            )
        elif each.activation and each.kind not in CHAMBERS:
            yield Problem(
                (*place, "activation"), f"a {each.kind} does not contract; leave it out, or change the kind"
            )
        elif each.activation and each.activation not in activations:
            yield Problem(
                (*place, "activation"),
                f"unknown activation '{each.activation}'; {hint(each.activation, activations)}",
            )
        if each.surroundings and each.kind in ("junction", "reservoir"):
            yield Problem((*place, "surroundings"), f"nothing presses on a {each.kind}; leave it out")
        elif each.surroundings and each.surroundings not in around:
            yield _unknown((*place, "surroundings"), "surroundings", each.surroundings, around)
        if each.septum and each.septum not in septa:
            yield _unknown((*place, "septum"), "septum", each.septum, septa)
        elif each.septum and each.name not in septa[each.septum].members:
            yield Problem(
                (*place, "septum"), f"'{each.septum}' does not name '{each.name}' among its members"
            )


def _connection_problems(circulation: Circulation) -> Iterator[Problem]:
    nodes = [each.name for each in circulation.compartments]
    around = pressures_around(circulation)
    for each in circulation.connections:
        place = ("connections", each.name)
        for key, end in (("from", each.source), ("to", each.target)):
            if end == OUTSIDE and each.kind != "pump":
                yield Problem((*place, key), f"a pump alone can lead outside, not a {each.kind}")
            elif end not in nodes and end != OUTSIDE:
                yield _unknown((*place, key), "compartment", end, nodes)
        if each.source == each.target:
            yield Problem(place, f"both ends are '{each.source}'; expected two different compartments")
        if each.surroundings and each.kind != "collapsible_vessel":
            yield Problem((*place, "surroundings"), f"nothing presses on a {each.kind}; leave it out")
        elif each.surroundings and each.surroundings not in around:
            yield _unknown((*place, "surroundings"), "surroundings", each.surroundings, around)


def _coupling_problems(circulation: Circulation) -> Iterator[Problem]:
    compartments = {each.name: each for each in circulation.compartments}
    around = pressures_around(circulation)
    for each in circulation.couplings:
        place = ("couplings", each.name)
        for member in each.members:
            if member not in compartments:
                yield _unknown((*place, "members"), "compartment", member, compartments)
            elif not holds_blood(compartments[member]):
                yield Problem(
                    (*place, "members"), f"'{member}' is a {compartments[member].kind} and holds no blood"
                )
            else:
                yield from _member_problem(circulation, each, member)
        count = _MEMBERS.get(each.kind)
        if len(set(each.members)) != len(each.members) or not each.members:
            yield Problem((*place, "members"), "expected at least one compartment, and each of them once")
        elif count is not None and len(each.members) != count:
            yield Problem((*place, "members"), f"a {each.kind} has {count}, not {len(each.members)}")
        if each.kind == "septum":
            activations = [activation.name for activation in circulation.activations]
            if each.activation not in activations:
                yield _unknown((*place, "activation"), "activation", each.activation, activations)
            if each.surroundings:
                yield Problem((*place, "surroundings"), "nothing presses on a septum; leave it out")
            continue
        if each.activation:
            yield Problem((*place, "activation"), f"a {each.kind} does not contract; leave it out")
        if each.surroundings and each.surroundings not in around:
            yield _unknown((*place, "surroundings"), "surroundings", each.surroundings, around)
        elif each.name in _pressures_outward(circulation, each.surroundings):
            yield Problem((*place, "surroundings"), "it lies within itself; expected what is farther out")


def _member_problem(circulation: Circulation, coupling: Coupling, member: str) -> Iterator[Problem]:
    """A member of a coupling must feel it too."""
    place = ("compartments", member)
    compartment = circulation.compartment(member)
    if coupling.kind == "septum" and compartment.septum != coupling.name:
        yield Problem(
            (*place, "septum"), f"'{coupling.name}' names it as a member; expected '{coupling.name}'"
        )
    outward = _pressures_outward(circulation, compartment.surroundings)
    if coupling.kind == "pericardium" and coupling.name not in outward:
        yield Problem(
            (*place, "surroundings"),
            f"it lies in '{coupling.name}' but does not feel its pressure; expected '{coupling.name}'",
        )


def _pressures_outward(circulation: Circulation, name: str) -> list[str]:
    """What presses on something, from the innermost outward."""
    outer = {each.name: each.surroundings for each in circulation.couplings}
    chain: list[str] = []
    while name and name not in chain:
        chain.append(name)
        name = outer.get(name, "")
    return chain


def _port_problems(circulation: Circulation) -> Iterator[Problem]:
    nodes = {each.name: each for each in circulation.compartments}
    for port in circulation.ports:
        place = ("ports", port.name)
        node = nodes.get(port.node)
        if node is None:
            yield _unknown((*place, "node"), "compartment", port.node, nodes)
        elif port.drive == "flow" and node.kind == "reservoir":
            yield Problem(
                (*place, "node"), "a flow does not change a reservoir's pressure; expected another node"
            )
        elif port.drive == "pressure" and node.kind != "reservoir":
            yield Problem((*place, "node"), f"a pressure drives a reservoir, not a {node.kind}")
        elif port.drive == "pressure" and node.waveform is not None:
            yield Problem((*place, "node"), "the reservoir has a waveform already; leave it out")
        elif (
            port.drive == "pressure"
            and sum(other.node == port.node and other.drive == "pressure" for other in circulation.ports) > 1
        ):
            yield Problem((*place, "node"), "two ports set the pressure of one reservoir")


def _unused_problems(circulation: Circulation) -> Iterator[Problem]:
    contracting = {each.activation for each in circulation.compartments}
    contracting |= {each.activation for each in circulation.couplings}
    for activation in circulation.activations:
        if activation.name not in contracting:
            yield Problem(
                ("activations", activation.name), "no chamber uses it; remove it, or name it in one"
            )
    felt = {each.surroundings for each in circulation.compartments}
    felt |= {each.surroundings for each in circulation.connections}
    felt |= {each.surroundings for each in circulation.couplings}
    nothing = "it presses on nothing; remove it, or name it in a block"
    for surrounding in circulation.surroundings:
        if surrounding.name not in felt:
            yield Problem(("surroundings", surrounding.name), nothing)
    for coupling in circulation.couplings:
        if coupling.kind == "wall_pressure" and coupling.name not in felt:
            yield Problem(("couplings", coupling.name), nothing)


def _gas_problems(circulation: Circulation) -> Iterator[Problem]:
    if circulation.gas is None:
        return
    nodes = {each.name: each for each in circulation.compartments}
    groups = {key: getattr(circulation.gas, key) for key in ("consumers", "lungs", "placentas")}
    for key, names in groups.items():
        for name in names:
            if name not in nodes:
                yield _unknown(("gas", key), "compartment", name, nodes)
            elif not holds_blood(nodes[name]):
                yield Problem(("gas", key), f"'{name}' is a {nodes[name].kind} and holds no blood")


def _regulation_problems(circulation: Circulation) -> Iterator[Problem]:
    """What a regulation senses and acts on must be there; whether it can act on it is for the regulation to say."""
    known = [each.name for each in circulation.compartments]
    known += [each.name for each in circulation.connections]
    for each in circulation.regulations:
        place = ("regulations", each.name)
        if each.senses and each.senses not in known:
            yield _unknown((*place, "senses"), "block", each.senses, known)
        for name in each.acts_on:
            if name not in (*known, HEART):
                yield _unknown((*place, "acts_on"), "block", name, [*known, HEART])


def _junction_problems(circulation: Circulation) -> Iterator[Problem]:
    count = Counter(end for each in circulation.connections for end in (each.source, each.target))
    count.update(port.node for port in circulation.ports)
    for each in circulation.compartments:
        place = ("compartments", each.name)
        if count[each.name] == 0:
            yield Problem(place, "nothing is connected to it")
        elif count[each.name] == 1 and each.kind == "junction":
            yield Problem(
                place, "a junction with a single connection passes nothing on; connect or remove it"
            )
    for group in floating_junctions(circulation):
        if all(count[name] > 1 for name in group):
            which = "this junction" if len(group) == 1 else f"these junctions ({', '.join(group)})"
            yield Problem(
                ("compartments", group[0]),
                f"nothing determines the pressure of {which}: no compliance and no reservoir, but through valves, "
                "inertia or pumps; make it a vessel with a compliance",
            )


def _part_problems(circulation: Circulation) -> Iterator[Problem]:
    if not circulation.compartments:
        yield Problem(("compartments",), "there is none")
    connected = {end for each in circulation.connections for end in (each.source, each.target)}
    connected |= {port.node for port in circulation.ports}
    largest, *others = separate_parts(circulation) or [[]]
    for part in others:
        if any(name in connected for name in part):
            rest = ", ".join(largest[:3]) + (", …" if len(largest) > 3 else "")
            yield Problem(
                ("connections",), f"not one circulation: no way leads from {', '.join(part)} to {rest}"
            )


def _unknown(place: tuple[str, ...], what: str, name: str, known: object) -> Problem:
    names = list(known) if isinstance(known, list | dict) else []
    return Problem(place, f"unknown {what} '{name}'; {hint(name, names)}")
