"""Surgery on a circulation: edits of its graph, each a pure function from a circulation to another.

An edit refuses what it cannot do; whether the result is one circulation is for `check_circulation` to say, since some
operations pass through states that are none. `tidied` takes away what no part uses any more; `operations.apply` does
both after the last edit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hemoplan.errors import VariantError
from hemoplan.spelling import hint
from hemoplan.units import to_unit
from lumped.circulation.connectivity import dead_ways
from lumped.circulation.graph import OUTSIDE, Circulation, Compartment, Connection
from lumped.circulation.kinds import CATALOGUES, Block
from lumped.circulation.parameter_check import block_problems, in_words

SHUNT_LENGTH = 0.020
"""Of a systemic shunt, if no other is given [m]: that of the tubes that shunts were measured on."""
BAND_LENGTH = 0.003
"""Of a band, if no other is given [m]: a tape around the vessel."""

_DIVISIBLE = {
    "resistor": ("resistance",),
    "loss": ("resistance", "quadratic_loss"),
    "inertial_vessel": ("resistance", "quadratic_loss", "inertance"),
}
"""Kinds that can be cut in two, and the parameters that are shared between the pieces."""


def ligate(circulation: Circulation, name: str) -> Circulation:
    """Tie off a connection, such as a duct or a shunt: it is gone.

    Raises:
        VariantError: There is none of this name, or without it blood would stand still elsewhere.
    """
    connection = find_connection(circulation, name)
    stranded = _stranded(circulation, name)
    if stranded:
        raise VariantError(
            f"without '{connection.name}' no blood could flow through {', '.join(stranded)}",
            where=circulation.name,
            expected=f"a connection that others can replace: {', '.join(closable(circulation)) or 'there is none'}",
            remedy=f"`remove {name}` takes it away all the same",
        )
    return _without_connections(circulation, {name})


def closable(circulation: Circulation) -> tuple[str, ...]:
    """Connections whose loss leaves a way for all blood."""
    return tuple(each.name for each in circulation.connections if not _stranded(circulation, each.name))


def remove(circulation: Circulation, name: str) -> Circulation:
    """Take a connection, or a compartment with the connections that it has, out of the graph.

    Raises:
        VariantError: There is none of this name, or a port is attached to it.
    """
    if any(each.name == name for each in circulation.connections):
        return _without_connections(circulation, {name})
    compartment = find_compartment(circulation, name, what="part")
    ports = [port.name for port in circulation.ports if port.node == name]
    if ports:
        raise VariantError(f"'{name}' feeds the port '{ports[0]}'", where=circulation.name)
    attached = {each.name for each in circulation.connections if name in (each.source, each.target)}
    left = tuple(each for each in circulation.compartments if each is not compartment)
    return _without_connections(replace(circulation, compartments=left), attached)


def add_shunt(
    circulation: Circulation,
    source: str,
    target: str,
    *,
    diameter: float,
    length: float = SHUNT_LENGTH,
    name: str = "shunt",
) -> Circulation:
    """Sew a tube between two compartments.

    Args:
        circulation: Before the operation.
        source, target: Compartments; flow is positive from the first to the second.
        diameter: [m].
        length: [m].
        name: Of the shunt; a number is appended if it is taken.

    Raises:
        VariantError: An end is unknown, or a size makes no sense.
    """
    parameters = {"diameter": diameter, "length": length}
    return _connected(circulation, name, "conduit", source, target, parameters)


def add_hole(
    circulation: Circulation, source: str, target: str, *, diameter: float, name: str = "hole"
) -> Circulation:
    """A hole between two chambers or vessels: septal defect, fenestration, window. Arguments as of `add_shunt`.

    Raises:
        VariantError: An end is unknown, or the diameter makes no sense.
    """
    return _connected(circulation, name, "hole", source, target, {"diameter": diameter})


def open_foramen(circulation: Circulation, diameter: float, *, flap: bool = False) -> Circulation:
    """A way between the atria: by a balloon, open both ways; with its flap, from right to left alone.

    A connection named `foramen` gets this diameter; else it is made between `right_atrium` and `left_atrium`.

    Raises:
        VariantError: There are no atria of these names, or the diameter makes no sense.
    """
    kind, parameters = "flap" if flap else "hole", {"diameter": diameter}
    if any(each.name == "foramen" for each in circulation.connections):
        return replace_connection(circulation, "foramen", kind, parameters)
    return _connected(circulation, "foramen", kind, "right_atrium", "left_atrium", parameters)


def band(
    circulation: Circulation,
    name: str,
    diameter: float,
    *,
    vessel_diameter: float | None = None,
    length: float = BAND_LENGTH,
) -> Circulation:
    """Narrow a vessel from outside.

    A band on a connection lies at its beginning; one on a compartment lies where blood leaves it, before all
    connections that start there. A second band on the same vessel replaces the first. Within a vessel of known
    diameter it is a narrowing; else a short tube that loses the dynamic pressure in it.

    Args:
        circulation: Before the operation.
        name: Connection or compartment.
        diameter: Within the band [m].
        vessel_diameter: Of the vessel [m]; if not given, that of the connection, if it has one.
        length: Of the band [m].

    Raises:
        VariantError: There is no such vessel, nothing leaves it, or a size makes no sense.
    """
    band_name = f"{name}_band"
    if any(each.name == band_name for each in circulation.connections):
        old = find_connection(circulation, band_name)
        parameters = {**old.parameters, "diameter": diameter, "length": length}
        if vessel_diameter is not None and old.kind == "narrowing":
            parameters["vessel_diameter"] = vessel_diameter
        return replace_connection(circulation, band_name, old.kind, parameters)
    on_connection = any(each.name == name for each in circulation.connections)
    if on_connection:
        vessel = find_connection(circulation, name)
        proximal, moved = vessel.source, {name}
        vessel_diameter = vessel_diameter or vessel.parameters.get("diameter")
    else:
        proximal = find_compartment(circulation, name, what="vessel").name
        moved = {each.name for each in circulation.connections if each.source == name}
        if not moved:
            raise VariantError(
                f"no connection leaves '{name}', so that a band on it has no effect", where=circulation.name
            )
    parameters = {"diameter": diameter, "length": length}
    kind = "conduit"
    if vessel_diameter is not None:
        kind, parameters = "narrowing", {**parameters, "vessel_diameter": vessel_diameter}
    distal = Compartment(name=_free_name(circulation, f"{name}_beyond_band"), kind="junction")
    connections = tuple(
        replace(each, source=distal.name) if each.name in moved else each for each in circulation.connections
    )
    split = replace(circulation, compartments=(*circulation.compartments, distal), connections=connections)
    return _connected(split, band_name, kind, proximal, distal.name, parameters)


def resize(circulation: Circulation, name: str, diameter: float) -> Circulation:
    """Give a narrowing, duct, shunt, hole or valve another diameter [m].

    A narrowing as wide as its vessel becomes a plain tube. Both ends of a duct get the diameter.

    Raises:
        VariantError: The connection has no diameter, or the value makes no sense.
    """
    connection = find_connection(circulation, name)
    diameters = _diameters(connection)
    if not diameters:
        known = [each.name for each in circulation.connections if _diameters(each)]
        raise VariantError(
            f"'{name}' ({connection.kind}) has no diameter; {hint(name, known)}",
            where=circulation.name,
        )
    vessel = connection.parameters.get("vessel_diameter", math.inf)
    if diameter >= vessel:
        tube = {"diameter": diameter, "length": connection.parameters["length"], "loss_coefficient": 0.0}
        kind = "inertial_conduit" if connection.kind.startswith("inertial") else "conduit"
        return replace_connection(circulation, name, kind, tube)
    return replace_connection(
        circulation, name, connection.kind, {**connection.parameters, **dict.fromkeys(diameters, diameter)}
    )


def widen(circulation: Circulation, name: str, diameter: float) -> Circulation:
    """Dilate or stent: `resize` that refuses to narrow.

    Raises:
        VariantError: As of `resize`, or it is wider already.
    """
    _compare(circulation, name, diameter, wider=True)
    return resize(circulation, name, diameter)


def constrict(circulation: Circulation, name: str, diameter: float) -> Circulation:
    """`resize` that refuses to widen.

    Raises:
        VariantError: As of `resize`, or it is narrower already.
    """
    _compare(circulation, name, diameter, wider=False)
    return resize(circulation, name, diameter)


def replace_connection(
    circulation: Circulation, name: str, kind: str, parameters: Mapping[str, float]
) -> Circulation:
    """Put another kind of connection in the place of one, such as a tube for a duct [SI].

    Raises:
        VariantError: There is none of this name, or a parameter is unknown, missing or out of range.
    """
    old = find_connection(circulation, name)
    new = Connection(name=name, kind=kind, source=old.source, target=old.target, parameters=dict(parameters))
    _check_connection(circulation, new)
    connections = tuple(new if each is old else each for each in circulation.connections)
    return replace(circulation, connections=connections)


def assign(circulation: Circulation, block: str, parameter: str, value: float) -> Circulation:
    """Give a parameter of a block another value [SI]; the pressure of a surrounding too.

    Raises:
        VariantError: There is no such block or parameter, or the value is out of range.
    """
    parameter_unit(circulation, block, parameter)
    for surrounding in circulation.surroundings:
        if surrounding.name == block:
            new = replace(surrounding, pressure=value, waveform=None, driven=False)
            left = tuple(new if each is surrounding else each for each in circulation.surroundings)
            return replace(circulation, surroundings=left)
    group, part = next(owner for owner in _blocks(circulation) if owner[1].name == block)
    changed = replace(part, parameters={**part.parameters, parameter: value})
    _check_block(group, changed)
    parts = tuple(changed if each is part else each for each in getattr(circulation, group))
    groups: dict[str, Any] = {group: parts}
    return replace(circulation, **groups)


def parameter_unit(circulation: Circulation, block: str, parameter: str) -> str:
    """The unit in which a parameter of a block is written.

    Raises:
        VariantError: There is no such block or parameter.
    """
    units = {each.name: {"pressure": "mmHg"} for each in circulation.surroundings}
    for group, part in _blocks(circulation):
        units[part.name] = {each.name: each.unit for each in CATALOGUES[group][part.kind].parameters}
    if block not in units:
        raise VariantError(f"there is no block '{block}'; {hint(block, units)}", where=circulation.name)
    if parameter not in units[block]:
        raise VariantError(
            f"'{block}' has no parameter '{parameter}'; {hint(parameter, units[block])}", where=block
        )
    return units[block][parameter]


def redirect(
    circulation: Circulation, name: str, *, source: str | None = None, target: str | None = None
) -> Circulation:
    """Sew an end of a connection to another compartment, as in a Glenn or an arterial switch.

    Raises:
        VariantError: There is no such connection or compartment.
    """
    old = find_connection(circulation, name)
    for end in (source, target):
        if end is not None and end != OUTSIDE:
            find_compartment(circulation, end)
    new = replace(old, source=source or old.source, target=target or old.target)
    if new.source == new.target:
        raise VariantError(f"both ends of '{name}' would be '{new.source}'", where=circulation.name)
    connections = tuple(new if each is old else each for each in circulation.connections)
    return replace(circulation, connections=connections)


def insert(
    circulation: Circulation,
    name: str,
    connection: str,
    *,
    compartment: Compartment | None = None,
    share: float = 0.5,
) -> Circulation:
    """Cut a connection in two with a compartment between, so that something can be attached there.

    The first piece keeps the name and `share` of resistance, quadratic loss and inertance; the second is named
    `<connection>_distal`.

    Args:
        circulation: Before the edit.
        name: Of the new compartment.
        connection: That is cut; a resistor, a loss or an inertial vessel.
        compartment: What is put between, under the new name; a junction if not given.
        share: Of the connection that stays before the cut.

    Raises:
        VariantError: The name is taken, or the connection is none that can be cut.
    """
    old = find_connection(circulation, connection)
    if _taken(circulation, name):
        raise VariantError(f"the name '{name}' is taken", where=circulation.name)
    if old.kind not in _DIVISIBLE or not 0.0 < share < 1.0:
        known = [each.name for each in circulation.connections if each.kind in _DIVISIBLE]
        raise VariantError(
            f"'{connection}' ({old.kind}) cannot be cut in two; {hint(connection, known)}",
            where=circulation.name,
        )
    between = replace(compartment or Compartment(name=name, kind="junction"), name=name)

    def piece(part: float) -> dict[str, float]:
        shared = _DIVISIBLE[old.kind]
        return {key: value * part if key in shared else value for key, value in old.parameters.items()}

    first = replace(old, target=name, parameters=piece(share))
    second_name = _free_name(circulation, f"{connection}_distal")
    second = replace(old, name=second_name, source=name, parameters=piece(1.0 - share))
    pieces = [(first, second) if each is old else (each,) for each in circulation.connections]
    return replace(
        circulation,
        compartments=(*circulation.compartments, between),
        connections=tuple(each for group in pieces for each in group),
    )


def find_connection(circulation: Circulation, name: str) -> Connection:
    """The connection of this name.

    Raises:
        VariantError: There is none; the message names what is nearest, or all that could be meant.
    """
    for each in circulation.connections:
        if each.name == name:
            return each
    known = [each.name for each in circulation.connections]
    raise VariantError(f"there is no connection '{name}'; {hint(name, known)}", where=circulation.name)


def find_compartment(circulation: Circulation, name: str, what: str = "compartment") -> Compartment:
    """The compartment of this name.

    Raises:
        VariantError: There is none; the message names what is nearest, or all that could be meant.
    """
    for each in circulation.compartments:
        if each.name == name:
            return each
    known = [each.name for each in circulation.compartments]
    if what != "compartment":
        known += [each.name for each in circulation.connections]
    elif any(each.name == name for each in circulation.connections):
        raise VariantError(
            f"'{name}' is a connection, and nothing can be attached within it",
            where=circulation.name,
            expected=f"one of its ends, or first `insert PLACE into {name}`",
        )
    raise VariantError(f"there is no {what} '{name}'; {hint(name, known)}", where=circulation.name)


def _connected(
    circulation: Circulation, name: str, kind: str, source: str, target: str, parameters: Mapping[str, float]
) -> Circulation:
    """With a new connection of this name, or of the name with a number where it is taken."""
    for end in (source, target):
        find_compartment(circulation, end)
    if source == target:
        raise VariantError(f"both ends are '{source}'", where=circulation.name)
    new = Connection(
        name=_free_name(circulation, name),
        kind=kind,
        source=source,
        target=target,
        parameters=dict(parameters),
    )
    _check_connection(circulation, new)
    return replace(circulation, connections=(*circulation.connections, new))


def _blocks(circulation: Circulation) -> list[tuple[str, Block]]:
    """All blocks with parameters, and the groups that they belong to."""
    return [(group, part) for group in CATALOGUES for part in getattr(circulation, group)]


def _without_connections(circulation: Circulation, names: set[str]) -> Circulation:
    left = tuple(each for each in circulation.connections if each.name not in names)
    return replace(circulation, connections=left)


def _stranded(circulation: Circulation, name: str) -> list[str]:
    """Connections in which blood would stand still without this one, and does not now."""
    find_connection(circulation, name)
    without = dead_ways(_without_connections(circulation, {name}))
    return sorted(without - dead_ways(circulation))


def _diameters(connection: Connection) -> list[str]:
    """Parameters of a connection that are its diameter."""
    if connection.kind == "duct":
        return ["first_diameter", "second_diameter"]
    return ["diameter"] if "diameter" in connection.parameters else []


def _compare(circulation: Circulation, name: str, diameter: float, *, wider: bool) -> None:
    connection = find_connection(circulation, name)
    now = [connection.parameters[each] for each in _diameters(connection)]
    if not now or (diameter > min(now) if wider else diameter < max(now)):
        return
    now_words, wanted = in_words(to_unit(min(now), "mm"), "mm"), in_words(to_unit(diameter, "mm"), "mm")
    raise VariantError(
        f"'{name}' has {now_words} already",
        where=circulation.name,
        value=wanted,
        expected=f"a {'larger' if wider else 'smaller'} diameter",
        remedy=f"`{'constrict' if wider else 'dilate'} {name} to {wanted}` does the opposite",
    )


def _check_connection(circulation: Circulation, connection: Connection) -> None:
    known = CATALOGUES["connections"]
    if connection.kind not in known:
        raise VariantError(
            f"unknown kind '{connection.kind}'; {hint(connection.kind, known)}", where=connection.name
        )
    _check_block("connections", connection)


def _check_block(group: str, block: Block) -> None:
    problems = block_problems(group, block)
    if problems:
        first = problems[0]
        raise VariantError(f"{'.'.join(first.place[1:])}: {first.text}", where=block.name)


def _taken(circulation: Circulation, name: str) -> bool:
    groups = (
        "compartments",
        "connections",
        "activations",
        "couplings",
        "surroundings",
        "regulations",
        "ports",
    )
    return any(each.name == name for group in groups for each in getattr(circulation, group))


def _free_name(circulation: Circulation, name: str) -> str:
    """The name, or the first of name_2, name_3, … that is free."""
    free, number = name, 1
    while _taken(circulation, free):
        number += 1
        free = f"{name}_{number}"
    return free
