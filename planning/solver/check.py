"""Whether the parts of a simulation fit together, found in a second instead of after hours of computing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.domain import Domain
from cfd.elements import Elements
from cfd.simulation import MAX_COURANT, MAX_SPEED, SAME_PERIOD, prescribed_flows
from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError, CaseError, DivergenceError
from hemoplan.patch import Patch
from hemoplan.units import to_unit
from hemoplan.waveform import Waveform
from lumped.boundary_file import Boundary
from lumped.circulation.graph import OUTSIDE
from lumped.engine.boundary import CirculationBoundary
from lumped.windkessel import WindkesselBank
from planning.solver.request import SolveRequest

MAX_MEAN_PRESSURE = 1e5
"""No vessel bears more [Pa], 750 mmHg."""
EVEN_ROWS = 8
"""Rows from which evenly spaced phases are told from a coarse sketch of a wave."""


def check_inflow(inflow: Waveform, path: Path) -> None:
    """Check that there is a flow, into the vessel, over the whole cycle.

    Raises:
        BoundaryError: The flow is zero everywhere or leaves the vessel on average, or the phases look like seconds.
    """
    where, mean = str(path), inflow.mean()
    if not inflow.values.any():
        raise BoundaryError(
            "there is no flow through the inlet", where=where, expected="a flow that is not zero everywhere"
        )
    if mean < -1e-6 * np.abs(inflow.values).max():
        raise BoundaryError(
            "the flow through the inlet leaves the vessel",
            where=where,
            value=f"{to_unit(mean, 'mL/min'):.4g} mL/min on average",
            expected="a positive flow into the vessel",
            remedy="change the sign of the flow",
        )
    phases = inflow.times / inflow.period
    spacing = np.diff(phases)
    gap = 1.0 - phases[-1] + phases[0]
    if len(phases) < EVEN_ROWS or np.ptp(spacing) > 0.01 * spacing.mean() or gap < 2.0 * spacing.mean():
        return
    if abs(phases[-1] + spacing.mean() - inflow.period) < 0.5 * spacing.mean():
        raise BoundaryError(
            "the phases of the inflow look like seconds",
            where=where,
            value=f"{phases[0]:g} to {phases[-1]:g}, for a cycle of {inflow.period:g} s",
            expected="phases of the cycle, from 0 to 1",
            remedy="divide the first column by the length of the cycle",
        )


def check_circuit(circuit: Boundary, mean_flow: float, period: float, path: Path) -> None:
    """Check that a circuit starts from numbers, and can take the prescribed inflow, in cycles of the same length.

    Args:
        circuit: Behind the openings.
        mean_flow: Prescribed, into the vessel [m³/s].
        period: Length of the cycle [s].
        path: The circuit's file.

    Raises:
        BoundaryError: Not so.
    """
    state = circuit.initial_state()
    if not np.isfinite(state).all():
        raise BoundaryError(
            "the circuit starts from values that are not numbers",
            where=str(path),
            value=_not_finite(circuit, state),
        )
    if isinstance(circuit, WindkesselBank):
        _check_windkessels(circuit, mean_flow, path)
    else:
        _check_circulation(circuit, mean_flow, period, path)


def _not_finite(circuit: Boundary, state: FloatArray) -> str:
    """Names of the entries of a state that are not numbers."""
    if isinstance(circuit, WindkesselBank):
        names = [f"{what} of {port}" for what in ("pressure", "flow") for port in circuit.ports]
    else:
        names = [f"{each.quantity} of {each.block}" for each in circuit.model.unknowns]
        names += [f"drive of {name}" for name in circuit.model.inputs]
    bad = [name for name, value in zip(names, state, strict=True) if not np.isfinite(value)]
    return ", ".join(bad[:8])


def _check_circulation(circuit: CirculationBoundary, mean_flow: float, period: float, path: Path) -> None:
    """A circulation beats with the inflow, and has where to leave blood that is prescribed."""
    own = circuit.model.period
    if not abs(own - period) <= SAME_PERIOD * period:
        raise BoundaryError(
            "the circulation's cycle has another length than the simulation's",
            where=str(path),
            value=f"{own:.6g} s",
            expected=f"{period:.6g} s",
            remedy="set the circulation's period, or the period of the inflow",
        )
    graph = circuit.model.circulation
    by_pressure = {port.node for port in graph.ports if port.drive == "pressure"}
    gives_way = any(each.kind == "reservoir" and each.name not in by_pressure for each in graph.compartments)
    gives_way |= any(OUTSIDE in (each.source, each.target) for each in graph.connections)
    if mean_flow != 0.0 and not gives_way:
        raise BoundaryError(
            "blood that is prescribed to flow in gathers in a closed circulation",
            where=str(path),
            value=f"{to_unit(mean_flow, 'mL/min'):.4g} mL/min on average",
            expected="inlets that are ports of the circulation, or a reservoir that takes the blood",
        )


def _check_windkessels(circuit: WindkesselBank, mean_flow: float, path: Path) -> None:
    """Check that the outlets can take the inflow: the mean pressure that drives it through them is bearable.

    With the pressure drop of the 3D domain left out, all outlets have one mean pressure P, and the flows through the
    resistances R_k to the distal pressures P_k add up to the inflow: sum (P - P_k) / R_k = Q. They cannot where all are
    closed.
    """
    conductances = np.array([1.0 / each.total_resistance for each in circuit.windkessels])
    distal = np.array([each.distal_pressure for each in circuit.windkessels])
    with np.errstate(divide="ignore", invalid="ignore"):
        pressure = float((mean_flow + conductances @ distal) / conductances.sum())
    if not abs(pressure) <= MAX_MEAN_PRESSURE:
        narrowest = circuit.ports[int(conductances.argmin())]
        raise BoundaryError(
            "the outlets cannot take the inflow",
            where=str(path),
            value=f"a mean pressure of {to_unit(pressure, 'mmHg'):.3g} mmHg would drive "
            f"{to_unit(mean_flow, 'mL/min'):.4g} mL/min through them",
            expected=f"at most {to_unit(MAX_MEAN_PRESSURE, 'mmHg'):.0f} mmHg",
            remedy=f"lower the resistances, the largest of which is at {narrowest}, or check the unit of the inflow",
        )


def check_openings(
    domain: Domain, circuit: Boundary, inflow: Waveform | Mapping[str, Waveform], request: SolveRequest
) -> Domain:
    """Check that each opening has one boundary condition, and that the request's names are openings.

    Returns:
        The domain with the inlets that are ports of the circuit open to it.

    Raises:
        BoundaryError: An outlet has no port, an inlet neither port nor flow, or one of these no opening.
        CaseError: The pressure gradient is asked for at an unknown opening, or between one and itself.
    """
    try:
        opened = domain.with_ports(circuit.ports)
        prescribed_flows(opened.inlets, inflow)
    except BoundaryError as error:
        raise BoundaryError(
            error.what,
            where=request.circuit,
            value=error.value,
            expected=error.expected,
            remedy=error.remedy,
        ) from None
    openings = [patch.name for patch in domain.patches if patch not in domain.wall]
    for key, name in (("proximal", request.proximal), ("distal", request.distal)):
        if name not in openings:
            raise CaseError(
                "the pressure gradient is asked for at an unknown opening",
                where=key,
                value=name,
                expected=f"one of {', '.join(openings)}",
            )
    if request.proximal == request.distal:
        raise CaseError(
            "the pressure gradient needs two different openings", where="distal", value=request.distal
        )
    return opened


def check_speed(elements: Elements, inflows: Sequence[Waveform], dt: float, *, divided: bool) -> None:
    """Check the speed at each inlet, and how far it carries in a time step, before the first. Collective.

    Args:
        elements: Of the mesh.
        inflows: Flow into the vessel through each inlet.
        dt: Time step [s].
        divided: Whether steps are divided for the Courant number anyway.

    Raises:
        BoundaryError: No blood is as fast: the unit of the inflow is wrong, or that of the mesh.
        DivergenceError: The time step is far too large.
    """
    for inlet, inflow in zip(elements.domain.inlets, inflows, strict=True):
        _check_inlet_speed(elements, inlet, inflow, dt, divided=divided)


def _check_inlet_speed(
    elements: Elements, inlet: Patch, inflow: Waveform, dt: float, *, divided: bool
) -> None:
    areas = elements.patch_facets(inlet).areas
    area, count = elements.domain.comm.allreduce(np.array([areas.sum(), len(areas)]), op=MPI.SUM)
    peak = float(np.abs(inflow.values).max())
    speed = peak / float(area)
    if speed > MAX_SPEED:
        raise BoundaryError(
            "the flow through the inlet is faster than any flow in the body",
            where=inlet.name,
            value=f"{speed:.3g} m/s, from {to_unit(peak, 'mL/s'):.4g} mL/s through {to_unit(area, 'mm^2'):.4g} mm²",
            expected=f"at most {MAX_SPEED:g} m/s",
            remedy="check the unit of the inflow, which is m³/s here, and that of the mesh",
        )
    edge = math.sqrt(4.0 / math.sqrt(3.0) * float(area) / count)
    courant = speed * dt / edge
    if courant > MAX_COURANT and not divided:
        raise DivergenceError(
            "the time step is too large for the flow",
            where=inlet.name,
            value=f"Courant number {courant:.3g} at {1e3 * dt:.3g} ms",
            expected=f"at most {MAX_COURANT:g}",
            remedy=f'choose a smaller step, such as --set solver.time_step="{1e3 * dt * 5.0 / courant:.2g} ms"',
        )
