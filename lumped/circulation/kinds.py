"""The kinds of block by the group of a circulation that they belong to, and what the graph must know of them."""

from __future__ import annotations

from collections.abc import Mapping

from lumped.blocks.compartment_laws import JUNCTION
from lumped.blocks.compartments import COMPARTMENTS
from lumped.blocks.connection_laws import LOSS, RESISTOR, SIGMOID_VALVE
from lumped.blocks.connections import CONNECTIONS
from lumped.blocks.couplings import COUPLINGS
from lumped.blocks.record import Kind
from lumped.blocks.rhythms import RHYTHMS
from lumped.circulation.graph import Activation, Compartment, Connection, Coupling, Regulation
from lumped.regulation.kinds import REGULATIONS

type Block = Activation | Coupling | Compartment | Connection | Regulation
"""A part of a circulation that has a kind with parameters."""

CATALOGUES: Mapping[str, Mapping[str, Kind]] = {
    "activations": RHYTHMS,
    "couplings": COUPLINGS,
    "compartments": COMPARTMENTS,
    "connections": CONNECTIONS,
    "regulations": REGULATIONS,
}

GIVEN_BY_WAVEFORM = {"reservoir": "pressure", "pump": "flow"}
"""Kinds that may have a waveform, and the parameter in whose place it stands."""

_ALWAYS_OPEN = frozenset({RESISTOR, LOSS, SIGMOID_VALVE})


def holds_blood(compartment: Compartment) -> bool:
    """Whether it has a volume; False for a junction, a reservoir and an unknown kind."""
    kind = COMPARTMENTS.get(compartment.kind)
    return kind is not None and kind.law < JUNCTION


def always_open(connection: Connection) -> bool:
    """Whether its flow follows from the pressures at its ends at all times, so that it can fix a junction's pressure.

    A closed valve and a collapsed vessel are tight; an inertial flow is a state, and that of a pump is given.
    """
    kind = CONNECTIONS.get(connection.kind)
    return kind is not None and kind.law in _ALWAYS_OPEN
