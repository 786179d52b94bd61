"""From a finished simulation to the numbers that are compared."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.cycle_statistics import CycleStatistics
from cfd.elements import Elements
from cfd.mesh_order import MeshOrder
from cfd.simulation import Simulation
from hemoplan.arrays import FloatArray
from hemoplan.results import Distribution, FlowMetrics, NumericalHealth, PortHistory, PortMetrics

SMALL_RANGE = 0.05
"""A port whose pressure or flow swings by less than this share of the largest swing is held to that."""


def flow_metrics(
    simulation: Simulation,
    statistics: CycleStatistics,
    order: MeshOrder,
    *,
    age: FloatArray | None,
    beyond: NDArray[np.bool_],
    variant: str,
    proximal: str,
    distal: str,
    periodic_tolerance: float,
    wall_seconds: float,
    quality_min: float,
) -> FlowMetrics:
    """Metrics of the last cycle; see `hemoplan.results.FlowMetrics` for the definitions. Collective.

    `age` is the mean age at the vertices, see `cfd.residence`. The wall at vertices `beyond` the vessel, in extensions
    of its openings, does not count.
    """
    history = simulation.history()
    period = simulation.period
    last = history.cycle(period, -1)
    stepper = simulation.stepper
    entrances = [patch.name for patch in stepper.elements.domain.entrances]
    inflow = float(sum(max(-last.flow(port).mean(), 0.0) for port in last.ports))
    difference = last.pressure(proximal) - last.pressure(distal)
    viscous, numerical = statistics.mean_dissipation()
    wall = statistics.wall_indices()
    on_wall = np.where(beyond, 0.0, statistics.wall_shear.areas)
    return FlowMetrics(
        variant=variant,
        period=period,
        inlet=entrances[0],
        proximal=proximal,
        distal=distal,
        ports={port: _port_metrics(last, port, statistics) for port in last.ports},
        flow_split={
            port: float(last.flow(port).mean()) / inflow for port in last.ports if port not in entrances
        },
        peak_to_peak_gradient=float(last.pressure(proximal).max() - last.pressure(distal).max()),
        peak_gradient=float(difference.max()),
        mean_gradient=float(difference.mean()),
        power_loss=statistics.mean_power(),
        dissipation=viscous + numerical,
        peak_velocity=statistics.scalars["speed_max"],
        tawss=_gathered_distribution(wall.tawss, on_wall, order),
        osi=_gathered_distribution(wall.osi, on_wall, order),
        rrt=_gathered_distribution(wall.rrt, on_wall, order),
        transwss=_gathered_distribution(wall.transwss, on_wall, order),
        washout_time=stepper.vertices.domain.comm.allreduce(float(stepper.vertices.volumes.sum())) / inflow,
        age=None if age is None else _gathered_distribution(age, stepper.vertex_volumes, order),
        health=_health(
            simulation,
            statistics,
            history,
            inflow=inflow,
            periodic_tolerance=periodic_tolerance,
            wall_seconds=wall_seconds,
            quality_min=quality_min,
            stabilisation_share=numerical / viscous if viscous > 0.0 else 0.0,
        ),
    )


def _port_metrics(last: PortHistory, port: str, statistics: CycleStatistics) -> PortMetrics:
    pressure = last.pressure(port)
    mean_total, peak_total = statistics.total_pressures(port)
    return PortMetrics(
        mean_pressure=float(pressure.mean()),
        systolic_pressure=float(pressure.max()),
        diastolic_pressure=float(pressure.min()),
        mean_flow=float(last.flow(port).mean()),
        mean_total_pressure=mean_total,
        peak_total_pressure=peak_total,
    )


def _health(
    simulation: Simulation,
    statistics: CycleStatistics,
    history: PortHistory,
    *,
    inflow: float,
    periodic_tolerance: float,
    wall_seconds: float,
    quality_min: float,
    stabilisation_share: float,
) -> NumericalHealth:
    stepper, record = simulation.stepper, simulation.record
    elements = stepper.vertices
    comm = elements.domain.comm
    pressure_change, flow_change = periodicity(history, simulation.period)
    shortest, longest = _edge_lengths(elements)
    last = slice(-simulation.steps_per_cycle, None)
    corrections = np.array(record.uncorrected_flows)[last] - history.flows[last]
    return NumericalHealth(
        cells=int(elements.domain.mesh.topology.index_map(3).size_global),
        vertices=int(elements.domain.mesh.topology.index_map(0).size_global),
        edge_min=float(comm.allreduce(shortest, op=MPI.MIN)),
        edge_max=float(comm.allreduce(longest, op=MPI.MAX)),
        quality_min=quality_min,
        time_step=simulation.dt,
        steps=len(record.flows),
        cfl_max=statistics.scalars["cfl_max"],
        mass_imbalance_max=float(np.abs(history.flows.sum(axis=1)).max() / inflow),
        outlet_correction_max=float(np.abs(corrections).max() / inflow),
        periodicity_pressure=pressure_change,
        periodicity_flow=flow_change,
        periodic_tolerance=periodic_tolerance,
        velocity_iterations=float(np.mean(record.velocity_iterations)),
        pressure_iterations=float(np.mean(record.pressure_iterations)),
        wall_seconds=wall_seconds,
        ranks=comm.size,
        stabilisation_share=stabilisation_share,
        energy_residual=statistics.energy_residual(),
    )


def periodicity(history: PortHistory, period: float) -> tuple[float, float]:
    """Largest change of any port's pressure, and of any port's flow, between the last two cycles, over its own range.

    A range counts as a twentieth of the largest one at least. NaN where there is one cycle alone, which nothing can be
    compared with.
    """
    if round(float(history.times[-1]) / period) < 2:
        return np.nan, np.nan
    last, before = history.cycle(period, -1), history.cycle(period, -2)
    return (
        _largest_change(before.pressures, last.pressures),
        _largest_change(before.flows, last.flows),
    )


def _largest_change(before: FloatArray, after: FloatArray) -> float:
    """Of (n, k) values of k ports, each over its own range."""
    ranges = np.ptp(after, axis=0)
    scale = np.maximum(ranges, max(SMALL_RANGE * float(ranges.max()), 1e-30))
    return float((np.abs(after - before).max(axis=0) / scale).max())


def _edge_lengths(elements: Elements) -> tuple[float, float]:
    corners = elements.coordinates[elements.cells]
    pairs = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    lengths = np.linalg.norm(corners[:, pairs[:, 0]] - corners[:, pairs[:, 1]], axis=2)
    return float(lengths.min(initial=np.inf)), float(lengths.max(initial=0.0))


def _gathered_distribution(values: FloatArray, weights: FloatArray, order: MeshOrder) -> Distribution:
    """Distribution of the values (n,) at all vertices with a weight. Collective."""
    whole, share = order.gather(values), order.gather(weights)
    found = None
    if whole is not None and share is not None:
        found = distribution(whole[share > 0.0], share[share > 0.0])
    result: Distribution = order.comm.bcast(found)
    return result


def distribution(values: FloatArray, weights: FloatArray) -> Distribution:
    """Weighted mean and percentiles."""
    ascending = np.argsort(values)
    share = np.cumsum(weights[ascending]) - 0.5 * weights[ascending]
    p01, p05, median, p95, p99 = (
        float(np.interp(level * weights.sum(), share, values[ascending]))
        for level in (0.01, 0.05, 0.5, 0.95, 0.99)
    )
    mean = float((weights * values).sum() / weights.sum())
    return Distribution(mean=mean, p01=p01, p05=p05, median=median, p95=p95, p99=p99)
