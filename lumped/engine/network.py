"""A circulation as arrays: what the compiled kernels read.

The unknowns y of a circulation, n of them, are in this order: the volumes of its compartments, the flows and openings
of its inertial connections, the pressures of its junctions, and the couplings. The first two kinds have a rate,
y' = f(y, t); a junction and a coupling have none, and f(y, t) = 0 holds at all times: a junction passes on what flows
in. A flow enters f as -Q at one end and +Q at the other, so that the rate of the blood's volume vanishes to round-off.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, IntArray

type Records = NDArray[Any]
"""One record for each part, with the fields that are listed below; -1 means none.

What is always an index is unsigned, which spares the kernels a test for negative ones at each use.
"""

PARAMETER = 0
"""A given quantity that is a parameter of the circulation."""
WAVEFORM = 1
"""A given quantity that is a periodic signal."""
PORT = 2
"""A given quantity that comes from outside at each step, such as a flow out of the 3D domain."""

EDGE_PARTIALS = 7
"""Derivatives that a connection leaves for the Jacobian."""

UNKNOWN = np.dtype([("is_rate", "f8"), ("scale", "f8"), ("row_scale", "f8"), ("diagonal", "u8")])
"""Whether it has a rate (1 or 0); its size, and that of its equation's left-hand side; its slot on the diagonal."""

NODE = np.dtype(
    [
        ("law", "i8"),
        ("at", "i8"),
        ("state", "i8"),
        ("activation", "i8"),
        ("given", "i8"),
        ("coupling", "i8"),
        ("septum", "i8"),
        ("side", "f8"),
    ]
)
"""Law and place of its parameters, its unknown, its activation, the given quantity and the unknown that are
the pressure around it, the unknown of its septum, and whether its bulge adds to the volume (1) or takes from it."""

EDGE = np.dtype(
    [
        ("law", "i8"),
        ("at", "i8"),
        ("source", "u8"),
        ("target", "u8"),
        ("row_from", "u8"),
        ("row_to", "u8"),
        ("flow", "i8"),
        ("opening", "i8"),
        ("given", "i8"),
        ("coupling", "i8"),
    ]
)
"""Law and place of its parameters, the nodes at its ends, the equations that its flow leaves and enters (n where there
is none), its own unknowns, and the given quantity and unknown that are a source's flow or the pressure around it."""

ACTIVATION = np.dtype([("law", "i8"), ("at", "i8")])
GIVEN = np.dtype([("kind", "i8"), ("at", "i8")])
"""One of the kinds above, and which parameter, waveform or input."""

COUPLING = np.dtype(
    [
        ("law", "i8"),
        ("at", "i8"),
        ("row", "u8"),
        ("activation", "i8"),
        ("given", "i8"),
        ("outer", "i8"),
        ("first", "i8"),
        ("second", "i8"),
        ("members", "i8"),
        ("members_end", "i8"),
    ]
)
"""Law and place of its parameters, its unknown, a septum's activation, the given quantity and unknown that are the
pressure around it, the nodes of a wall pressure (first) or a septum (both), and a pericardium's range of members."""

STAMP = np.dtype([("slot", "u8"), ("partial", "u8"), ("chain", "u8"), ("sign", "f8")])
"""A product in the Jacobian df/dy: values[slot] += sign * partial[partial] * chain[chain]."""

PIVOT = np.dtype(
    [
        ("row", "u8"),
        ("diagonal", "u8"),
        ("lower", "i8"),
        ("lower_end", "i8"),
        ("upper", "i8"),
        ("upper_end", "i8"),
        ("update", "i8"),
    ]
)
"""A step of the elimination: its row, the slot of its diagonal, its ranges of entries below and to the right, and
where the slots that it changes begin, row by row of the entries below."""

ENTRY = np.dtype([("slot", "u8"), ("index", "u8")])
"""An entry of the matrix: its slot, and its row (below a pivot, in an input's column) or column (right of a pivot)."""


class Network(NamedTuple):
    """Structure of a circulation. The numbers that a study varies are not here but in the flat parameters.

    Attributes:
        unknowns: (n,) of `UNKNOWN`.
        nodes: (m,) of `NODE`.
        edges: (e,) of `EDGE`.
        activations: (k,) of `ACTIVATION`.
        given: (g,) of `GIVEN`.
        wave_start: (w + 1,) where each waveform's points begin.
        wave_times, wave_values: Points of the waveforms, as shares of the beat and in SI.
        couplings: (c,) of `COUPLING`.
        members: Nodes whose volumes a pericardium holds.
        stamps: (s,) of `STAMP`.
        slot_rate: (v,) 1 where the slot's row has a rate.
        pivots: (n,) of `PIVOT`, in the order of elimination.
        lower, upper: Of `ENTRY`.
        updates: Slots.
        port_start: (q + 1,) where each input's column begins.
        port_entries: Of `ENTRY`: the columns of df/du.
    """

    unknowns: Records
    nodes: Records
    edges: Records
    activations: Records
    given: Records
    wave_start: IntArray
    wave_times: FloatArray
    wave_values: FloatArray
    couplings: Records
    members: IntArray
    stamps: Records
    slot_rate: FloatArray
    pivots: Records
    lower: Records
    upper: Records
    updates: IntArray
    port_start: IntArray
    port_entries: Records


class Workspace(NamedTuple):
    """Arrays that an evaluation fills.

    Attributes:
        activation: (k,)
        given: (g,)
        pressure: (m,) of the nodes [Pa].
        chain: (3 m + 1,) dp/dV, dp/d(coupling around) and dp/d(bulge) of each node, then a one.
        flow: (e,) of the edges [m³/s].
        partial: (7 e + c + 1,) derivatives that edges and couplings leave, then a one.
        f: (n + 1,) rates and residuals; the last takes what leaves the circulation.
        values: (v + …,) of the Jacobian, then of its factors; behind them those of df/du.
        right: (n,) right-hand side and Newton update.
    """

    activation: FloatArray
    given: FloatArray
    pressure: FloatArray
    chain: FloatArray
    flow: FloatArray
    partial: FloatArray
    f: FloatArray
    values: FloatArray
    right: FloatArray


def workspace(network: Network, dtype: type = np.float64) -> Workspace:
    """Arrays of the sizes that a network needs."""
    nodes, edges, n = network.nodes.size, network.edges.size, network.unknowns.size
    sizes = (
        network.activations.size + 1,
        network.given.size + 1,
        nodes,
        3 * nodes + 1,
        edges,
        EDGE_PARTIALS * edges + network.couplings.size + 1,
        n + 1,
        network.slot_rate.size + network.port_entries.size,
        n,
    )
    return Workspace(*(np.zeros(size, dtype) for size in sizes))
