"""Rates, residuals and Jacobian of a circulation at one moment: the loop over its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.blocks.activation_laws import activation
from lumped.blocks.compartment_laws import JUNCTION, RESERVOIR, STIFFENING, transmural_pressure
from lumped.blocks.connection_laws import (
    INERTIAL,
    LEAFLET_VALVE,
    SOURCE,
    driven_flow,
    inertial_rate,
    leaflet_rates,
)
from lumped.blocks.coupling_laws import PERICARDIUM, SHARE
from lumped.compiled import compiled, inlined
from lumped.engine.network import (
    EDGE_PARTIALS,
    PARAMETER,
    WAVEFORM,
    Network,
    Workspace,
)


@compiled
def evaluate(net: Network, p: Any, T: Any, share: float, u: FloatArray, y: Any, w: Workspace) -> None:
    """Fill the workspace: node pressures, edge flows, f(y, t), and what `differentiate` needs.

    Args:
        net: Structure of the circulation.
        p: Flat parameters, real or complex.
        T: Period of the beat [s].
        share: Time since the start of a beat, as a share of the period.
        u: (q,) inputs of the ports.
        y: (n,) unknowns.
        w: What is filled.
    """
    for k in range(net.activations.size):
        w.activation[k] = activation(net.activations[k].law, p, net.activations[k].at, share * T, T)
    for k in range(net.given.size):
        kind, at = net.given[k].kind, net.given[k].at
        if kind == PARAMETER:
            w.given[k] = p[at]
        elif kind == WAVEFORM:
            w.given[k] = _wave(net, at, share)
        else:
            w.given[k] = u[at]
    _nodes(net, p, y, w)
    for i in range(w.f.size):
        w.f[i] = 0.0
    _edges(net, p, y, w)
    _couplings(net, p, y, w)


@inlined
def differentiate(net: Network, w: Workspace) -> None:
    """Fill the values of df/dy and df/du at what the workspace was evaluated at."""
    for s in range(w.values.size):
        w.values[s] = 0.0
    for s in range(net.stamps.size):
        stamp = net.stamps[s]
        w.values[stamp.slot] += stamp.sign * w.partial[stamp.partial] * w.chain[stamp.chain]


@inlined
def _wave(net: Network, k: int, share: float) -> float:
    """A periodic, piecewise linear signal at a share of the beat; its first point is repeated at its end."""
    low, high = net.wave_start[k], net.wave_start[k + 1]
    x = share - np.floor(share)
    if x < net.wave_times[low]:
        x += 1.0
    i = low + np.searchsorted(net.wave_times[low:high], x, side="right") - 1
    if i >= high - 1:
        i = high - 2
    z = (x - net.wave_times[i]) / (net.wave_times[i + 1] - net.wave_times[i])
    return float(net.wave_values[i] + z * (net.wave_values[i + 1] - net.wave_values[i]))


@inlined
def _nodes(net: Network, p: Any, y: Any, w: Workspace) -> None:
    """Pressure of each node, and its derivatives."""
    w.chain[3 * net.nodes.size] = 1.0
    for i in range(net.nodes.size):
        node = net.nodes[i]
        if node.law == JUNCTION:
            w.pressure[i] = y[node.state]
            w.chain[3 * i] = 1.0
            continue
        around = 0.0 * w.pressure[i]
        if node.given >= 0:
            around += w.given[node.given]
        if node.law == RESERVOIR:
            w.pressure[i] = around
            continue
        if node.coupling >= 0:
            around += y[node.coupling]
        V = y[node.state]
        if node.septum >= 0:
            V = V + node.side * y[node.septum]
        a = 0.0 * around
        if node.activation >= 0:
            a = a + w.activation[node.activation]
        wall, slope = transmural_pressure(node.law, p, node.at, V, a)
        w.pressure[i] = wall + around
        w.chain[3 * i] = slope
        w.chain[3 * i + 1] = 1.0
        w.chain[3 * i + 2] = node.side * slope


@inlined
def _edges(net: Network, p: Any, y: Any, w: Workspace) -> None:
    """Flow of each edge into the equations of its ends, and the equations of its own unknowns."""
    w.partial[w.partial.size - 1] = 1.0
    for e in range(net.edges.size):
        edge, k = net.edges[e], EDGE_PARTIALS * e
        law, at = edge.law, edge.at
        given = 0.0 * w.flow[e]
        if edge.given >= 0:
            given = given + w.given[edge.given]
        if law == SOURCE:
            flow = given
        else:
            pa, pb = w.pressure[edge.source], w.pressure[edge.target]
            if law < INERTIAL:
                if edge.coupling >= 0:
                    given = given + y[edge.coupling]
                flow, da, db, de = driven_flow(law, p, at, pa, pb, given)
                w.partial[k], w.partial[k + 1], w.partial[k + 2] = da, db, de
            else:
                flow = y[edge.flow]
                if law == LEAFLET_VALVE:
                    z = y[edge.opening]
                    rate, dp, dQ, dz, speed, dspeed, self_slope = leaflet_rates(p, at, pa, pb, flow, z)
                    w.f[edge.opening] = speed
                    w.partial[k + 3], w.partial[k + 4] = dz, dspeed
                    w.partial[k + 5], w.partial[k + 6] = -dspeed, self_slope
                else:
                    rate, dp, dQ = inertial_rate(p, at, pa, pb, flow)
                w.f[edge.flow] = rate
                w.partial[k], w.partial[k + 1], w.partial[k + 2] = dp, -dp, dQ
        w.flow[e] = flow
        w.f[edge.row_from] -= flow
        w.f[edge.row_to] += flow


@inlined
def _couplings(net: Network, p: Any, y: Any, w: Workspace) -> None:
    """Residual of each coupling."""
    first_partial = EDGE_PARTIALS * net.edges.size
    for c in range(net.couplings.size):
        tie = net.couplings[c]
        law, at, row = tie.law, tie.at, tie.row
        around = 0.0 * w.f[row]
        if tie.given >= 0:
            around += w.given[tie.given]
        if tie.outer >= 0:
            around += y[tie.outer]
        if law == PERICARDIUM:
            volume = 0.0 * w.f[row]
            for k in range(tie.members, tie.members_end):
                volume += y[net.nodes[net.members[k]].state]
            tension, slope = transmural_pressure(STIFFENING, p, at, volume, around)
            w.f[row] = tension + around - y[row]
            w.partial[first_partial + c] = slope
        elif law == SHARE:
            node = net.nodes[tie.first]
            outside = 0.0 * around
            if node.given >= 0:
                outside += w.given[node.given]
            if node.coupling >= 0:
                outside += y[node.coupling]
            w.f[row] = p[at] * (w.pressure[tie.first] - outside) + around - y[row]
            w.partial[first_partial + c] = p[at]
        else:
            E = p[at] + (p[at + 1] - p[at]) * w.activation[tie.activation]
            w.f[row] = w.pressure[tie.first] - w.pressure[tie.second] - E * y[row]
            w.partial[first_partial + c] = E
