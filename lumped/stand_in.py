"""A circulation whose 3D domain is played by 0D stars: where its periodic beat, and the start near it, come from.

```text
   node of the inlet o---trunk---+---branch---o node of outlet 1
                                 +---branch---o node of outlet 2
```

Every star of `lumped.surrogate` stands for one lumen of the domain; a domain that an edit has cut in two has two stars.
Its numbers are those of the star but for three things. The node of a port is at rest, so that the trunk's dynamic
pressure, with which a static pressure would rise, drops out. Where several ways meet, the one of least inertance has
none: with inertia all around, nothing would determine the pressure of the parting. A star of one branch is one vessel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from lumped.circulation.graph import Circulation, Compartment, Connection
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.marching import STEPS, History
from lumped.engine.periodic import periodic
from lumped.surrogate import Branch, Surrogate

LEAST_RESISTANCE = 100.0
"""Of a way through the domain [Pa s/m³]: a millionth of a newborn's."""
LEAST_INERTANCE = 1.0
"""Of a way through the domain [Pa s²/m³]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInBeat:
    """The periodic beat of a circulation with stars in the place of the 3D domain.

    Attributes:
        boundary: The circulation behind the openings, that the 3D domain meets.
        stand_ins: A star for each lumen of the domain.
        history: The beat of the whole.
    """

    boundary: CirculationBoundary
    stand_ins: tuple[Surrogate, ...]
    history: History

    def outflow(self, port: str) -> FloatArray:
        """(s + 1,) flow out of the domain at a port [m³/s]."""
        way, sign = ways_to_ports(self.stand_ins)[port]
        return np.asarray(sign * self.history.flow(way))


def joined(boundary: CirculationBoundary, stand_ins: Sequence[Surrogate]) -> Circulation:
    """The circulation without ports, with stars between the nodes that they had.

    Args:
        boundary: The circulation behind the openings.
        stand_ins: A star for each lumen; together they have each port once.

    Raises:
        BoundaryError: The openings of the stars are not the ports.
    """
    given = boundary.model.circulation
    openings = [name for star in stand_ins for name in (star.inlet, *star.outlets)]
    if sorted(openings) != sorted(boundary.ports):
        raise BoundaryError(
            "the stand-ins of the 3D domain have other openings than the circulation has ports",
            where=given.origin or given.name,
            value=", ".join(openings) or "none",
            expected=", ".join(boundary.ports),
        )
    held = {port.node for port in given.ports if port.drive == "pressure"}
    node = {port.name: port.node for port in given.ports}
    compartments = [
        Compartment(name=each.name, kind="junction") if each.name in held else each
        for each in given.compartments
    ]
    ways: list[Connection] = []
    for star in stand_ins:
        if len(star.outlets) == 1:
            ways.append(_way(star.outlets[0], _one_vessel(star), node[star.inlet], node[star.outlets[0]]))
            continue
        parting = f"parting of {star.inlet}"
        compartments.append(Compartment(name=parting, kind="junction"))
        trunk = Branch(resistance=star.trunk.resistance, inertance=star.trunk.inertance)
        branches = {star.inlet: trunk} | dict(zip(star.outlets, star.branches, strict=True))
        lightest = min(branches, key=lambda port: branches[port].inertance)
        for port, branch in branches.items():
            ends = (node[port], parting) if port == star.inlet else (parting, node[port])
            ways.append(_way(port, branch, *ends, inertial=port != lightest))
    return replace(given, compartments=tuple(compartments), connections=(*given.connections, *ways), ports=())


def ways_to_ports(stand_ins: Sequence[Surrogate]) -> dict[str, tuple[str, float]]:
    """By port: the connection of the joined circulation that passes its flow, and 1 where that leaves the domain."""
    ways: dict[str, tuple[str, float]] = {}
    for star in stand_ins:
        ways |= {outlet: (f"domain at {outlet}", 1.0) for outlet in star.outlets}
        first = star.inlet if len(star.outlets) > 1 else star.outlets[0]
        ways[star.inlet] = (f"domain at {first}", -1.0)
    return ways


def stand_in_beat(
    boundary: CirculationBoundary, stand_ins: Sequence[Surrogate], *, steps: int = STEPS
) -> StandInBeat:
    """The periodic beat of the whole in 0D, with the blood that the boundary starts with.

    Args:
        boundary, stand_ins: As of `joined`.
        steps: Steps a beat, a multiple of four.

    Raises:
        BoundaryError: As `joined`, or no beat repeats itself.
    """
    model = build(joined(boundary, stand_ins))
    begun = boundary.model.start if boundary.start is None else boundary.start
    known = {
        (each.block, each.quantity): float(value)
        for each, value in zip(boundary.model.unknowns, begun, strict=True)
    }
    start = np.array([known.get((each.block, each.quantity), 0.0) for each in model.unknowns])
    history = periodic(model, steps=steps, start=start).history
    return StandInBeat(boundary=boundary, stand_ins=tuple(stand_ins), history=history)


def started(beat: StandInBeat) -> CirculationBoundary:
    """The boundary of a beat of the whole, with the unknowns and the drives of the beat's first moment."""
    boundary, history = beat.boundary, beat.history
    found = {(each.block, each.quantity): index for index, each in enumerate(history.model.unknowns)}
    rows = [found[each.block, each.quantity] for each in boundary.model.unknowns]
    drives = [
        history.pressure(port.node)[0] if port.drive == "pressure" else beat.outflow(port.name)[0]
        for port in boundary.model.circulation.ports
    ]
    return replace(boundary, start=history.unknowns[0, rows], start_drives=np.array(drives))


def periodic_boundary(
    boundary: CirculationBoundary, stand_ins: Sequence[Surrogate], *, steps: int = STEPS
) -> CirculationBoundary:
    """The same circulation, starting from the beat that it repeats behind the stand-ins of the 3D domain.

    Args:
        boundary: The circulation behind the openings; its blood at t = 0 is kept.
        stand_ins: A star for each lumen of the domain.
        steps: Steps of the 0D beat, a multiple of four.

    Raises:
        BoundaryError: The openings of the stars are not the ports, or no beat repeats itself.
    """
    return started(stand_in_beat(boundary, stand_ins, steps=steps))


def _one_vessel(star: Surrogate) -> Branch:
    (branch,) = star.branches
    return Branch(
        resistance=star.trunk.resistance + branch.resistance,
        loss=branch.loss,
        inertance=star.trunk.inertance + branch.inertance,
    )


def _way(port: str, branch: Branch, source: str, target: str, *, inertial: bool = True) -> Connection:
    """The connection of a branch, from the parting's side to the node."""
    parameters = {
        "resistance": max(branch.resistance, LEAST_RESISTANCE),
        "quadratic_loss": branch.loss,
    }
    if inertial:
        parameters["inertance"] = max(branch.inertance, LEAST_INERTANCE)
    return Connection(
        name=f"domain at {port}",
        kind="inertial_vessel" if inertial else "loss",
        source=source,
        target=target,
        parameters=parameters,
    )
