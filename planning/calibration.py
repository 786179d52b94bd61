"""From a case to boundary circuits: the inflow, the 0D stand-in of a vessel, the targets, and how well they are met."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.centerlines.centerline import Centerline
from hemoplan.arrays import FloatArray
from hemoplan.case import Blood, Case
from hemoplan.errors import CaseError
from hemoplan.results import FlowMetrics, PortHistory
from hemoplan.waveform import Waveform, read_waveform
from lumped.aortic_flow import aortic_flow
from lumped.calibrate import CuffPressure, Fit, Targets, cuff_pressure
from lumped.surrogate import Surrogate, VesselPath, surrogate_from_paths
from lumped.windkessel import WindkesselBank

MET = 0.02
"""Miss of a target in the 3D simulation, as a share of it, from which the circuits are tuned again."""
MAX_ROUNDS = 3
"""Most 3D simulations of the baseline that the tuning may take: the first, and two corrections."""
FIRST_CYCLES, ROUND_CYCLES = 2, 1
"""Cycles of the first one, which sets the flow in motion, and of the others; the last is compared with the targets."""


def inflow_waveform(case: Case) -> Waveform:
    """Flow through the inlet over one cycle [m³/s], scaled to the case's mean flow.

    Raises:
        CaseError: The waveform's file cannot be read, or its mean is not positive.
    """
    period, mean = case.patient.period, case.mean_inflow
    if str(case.prescribed.waveform) == "aortic":
        return aortic_flow(period, mean)
    shape = read_waveform(case.prescribed.waveform, period)
    if not shape.mean() > 0.0:
        raise CaseError(
            "the mean of the inflow waveform must be positive, so that it can be scaled to the mean flow",
            where=str(case.prescribed.waveform),
            value=f"mean {shape.mean():g}",
        )
    return shape.scaled(mean / shape.mean())


def write_inflow(path: Path, inflow: Waveform) -> None:
    """Write a waveform as CSV: phase of the cycle and flow [m³/s]."""
    table = np.column_stack([inflow.times / inflow.period, inflow.values])
    np.savetxt(path, table, delimiter=",", header="phase,flow_m3_per_s", fmt="%.12e")


def surrogate_of(centerline: Centerline, case: Case) -> Surrogate:
    """The 0D stand-in of a vessel, from its centrelines, with the outlets in the order of the case."""
    blood: Blood = case.blood
    paths = {}
    for name in case.outlet_names:
        line = centerline.branch(name)
        # The sphere at either end is cut by the cap; the radius one sphere further inside is that of the vessel.
        radius = _held_at_ends(line.arc, line.radius)
        paths[name] = VesselPath(arc_length=line.arc, radius=radius)
    return surrogate_from_paths(
        case.inlet,
        paths,
        density=blood.density,
        viscosity=blood.viscosity,
        trunk_length=shared_length(centerline),
    )


def shared_length(centerline: Centerline) -> float:
    """How far all lines run together from the inlet [m]."""
    first, *others = centerline.lines
    shared = len(first.points)
    for other in others:
        n = min(shared, len(other.points))
        apart = np.linalg.norm(first.points[:n] - other.points[:n], axis=1) > 1e-9
        shared = int(apart.argmax()) if apart.any() else n
    return float(first.arc[max(shared - 1, 0)]) if others else 0.0


def reached_pressure(history: PortHistory, *, period: float, site: str) -> CuffPressure:
    """Pressures at the cuff's site in the last cycle of a 3D simulation."""
    return cuff_pressure(history.cycle(period, -1), site)


def largest_miss(reached: CuffPressure, wanted: CuffPressure) -> float:
    """Largest difference of systolic, diastolic and mean pressure [Pa]."""
    pairs = (
        (reached.systolic, wanted.systolic),
        (reached.diastolic, wanted.diastolic),
        (reached.mean, wanted.mean),
    )
    return max(abs(one - other) for one, other in pairs)


def relative_miss(history: PortHistory, targets: Targets, *, period: float) -> float:
    """Largest miss of a cuff pressure or flow fraction in the last cycle of a 3D simulation, as a share of it."""
    cycle = history.cycle(period, -1)
    reached, wanted = cuff_pressure(cycle, targets.site), targets.cuff
    flows = {outlet: float(cycle.flow(outlet).mean()) for outlet in targets.fractions}
    total = sum(flows.values())
    pairs = [
        (reached.systolic, wanted.systolic),
        (reached.diastolic, wanted.diastolic),
        (reached.mean, wanted.mean),
        *((flow / total, targets.fractions[outlet]) for outlet, flow in flows.items()),
    ]
    return max(abs(found - aim) / aim for found, aim in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One 3D simulation of the tuning.

    Attributes:
        predicted: Pressures at the cuff's site that the 0D stand-in promised.
        reached: Those of the 3D simulation's last cycle.
    """

    predicted: CuffPressure
    reached: CuffPressure


def write_calibration(
    path: Path, *, case: Case, circuit: WindkesselBank, rounds: Sequence[Round], metrics: FlowMetrics
) -> None:
    """Write `calibration.json` (SI units): targets, what was promised and reached, and the circuits.

    Args:
        path: The file.
        case: The case.
        circuit: The circuits behind the outlets.
        rounds: The rounds of the tuning; none where the circuits were given.
        metrics: Of the baseline's final simulation.
    """
    cuff, port = case.patient.cuff, metrics.ports[case.patient.cuff.site]
    targets = CuffPressure(systolic=cuff.systolic, diastolic=cuff.diastolic, mean=cuff.mean)
    reached = CuffPressure(
        systolic=port.systolic_pressure, diastolic=port.diastolic_pressure, mean=port.mean_pressure
    )
    content: dict[str, Any] = {
        "tuned": bool(rounds),
        "site": cuff.site,
        "targets": asdict(targets),
        "achieved": asdict(rounds[-1].predicted) if rounds else {},
        "reached": asdict(reached),
        "residuals": {name: value - asdict(targets)[name] for name, value in asdict(reached).items()},
        "rounds": [
            {
                "predicted": asdict(entry.predicted),
                "reached": asdict(entry.reached),
                "largest_miss": largest_miss(entry.reached, targets),
            }
            for entry in rounds
        ],
        "outlets": {
            name: {
                **asdict(windkessel),
                "flow_fraction_target": case.outlets[name].flow_fraction,
                "flow_fraction_reached": metrics.flow_split[name],
            }
            for name, windkessel in zip(circuit.ports, circuit.windkessels, strict=True)
        },
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_prediction(path: Path, fit: Fit) -> None:
    """Write what the 0D stand-in promises of its tuned circuits (SI units)."""
    content = {"cuff": asdict(fit.predicted), "fractions": dict(fit.fractions)}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_prediction(path: Path) -> CuffPressure:
    """The cuff pressures that `write_prediction` wrote."""
    entry: Mapping[str, float] = json.loads(path.read_text(encoding="utf-8"))["cuff"]
    return CuffPressure(systolic=entry["systolic"], diastolic=entry["diastolic"], mean=entry["mean"])


def _held_at_ends(arc: FloatArray, radius: FloatArray) -> FloatArray:
    """Radii whose values within one radius of either end are those at that distance from it."""
    inside = (arc >= radius[0]) & (arc <= arc[-1] - radius[-1])
    return np.interp(arc, arc[inside], radius[inside]) if inside.sum() >= 2 else radius
