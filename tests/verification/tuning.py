"""Windkessels behind a narrow duct tuned to a cuff and to shares of the flow, with the 3D domain in the loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cfd.flow_state import FlowState
from cfd.fractional_step import FractionalStep
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.results import PortHistory
from hemoplan.units import MMHG
from hemoplan.waveform import Waveform
from lumped.aortic_flow import aortic_flow
from lumped.calibrate import CuffPressure, Targets, retune_windkessels, tune_windkessels
from lumped.windkessel import WindkesselBank
from planning.calibration import relative_miss
from tests.verification.few_beats import FLUID, PERIOD, STEPS, duct_domain, duct_star

SCALE = 0.6
"""Of the duct: 2.4 mm wide, so that its own pressure drop counts."""
MEAN = 3.5e-6
"""Through the inlet [m³/s]."""
TARGETS = Targets(
    cuff=CuffPressure(systolic=66.0 * MMHG, diastolic=38.0 * MMHG, mean=49.0 * MMHG),
    site="inlet",
    fractions={"left": 0.2, "outlet": 0.5, "right": 0.3},
    venous_pressure=5.0 * MMHG,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What the tuning did.

    Attributes:
        misses: Largest relative miss of a target in each 3D beat that was compared.
        periodic_miss: That of the periodic beat with the last circuits.
    """

    misses: tuple[float, ...]
    periodic_miss: float


def tune(corrections: int) -> Tuned:
    """One beat to set the flow in motion, then a beat for each set of circuits, corrected as often as asked."""
    domain, inflow = duct_domain(SCALE), aortic_flow(PERIOD, MEAN)
    stepper = build_stepper(domain, FLUID, "P1-P1", DEFAULTS["P1-P1"])
    order = tuple(patch.name for patch in domain.outlets)
    circuit = tune_windkessels(duct_star(SCALE), inflow, TARGETS).circuit
    history, flow = march(stepper, circuit.reordered(order), inflow, None, beats=2)
    misses = [relative_miss(history, TARGETS, period=PERIOD)]
    for _ in range(corrections):
        circuit = retune_windkessels(history, circuit, inflow, TARGETS).circuit
        history, flow = march(stepper, circuit.reordered(order), inflow, flow, beats=1)
        misses.append(relative_miss(history, TARGETS, period=PERIOD))
    history, _ = march(stepper, circuit.reordered(order), inflow, flow, beats=4)
    return Tuned(misses=tuple(misses), periodic_miss=relative_miss(history, TARGETS, period=PERIOD))


def march(
    stepper: FractionalStep,
    circuit: WindkesselBank,
    inflow: Waveform,
    flow: FlowState | None,
    *,
    beats: int,
) -> tuple[PortHistory, FlowState]:
    """Beats from the circuit's start and the velocity of another flow, as a run with a warm start."""
    state = stepper.initial_state(circuit)
    if flow is not None:
        state = replace(state, velocity=flow.velocity, previous_velocity=flow.velocity)
    simulation = Simulation(stepper, circuit, inflow, dt=PERIOD / STEPS, cycles=beats)
    state = simulation.run(state)
    return simulation.history(), state
