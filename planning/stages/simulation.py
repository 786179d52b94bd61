"""The flow simulations: one request a variant, prolonged where it is not periodic yet, resumed where it was stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from geometry.centerlines.centerline import read_centerline
from hemoplan.case import Case, Variant
from hemoplan.errors import HemoplanError
from hemoplan.results import FlowMetrics, read_metrics
from hemoplan.units import to_unit
from lumped.beat_map import BeatMap, write_beat_map
from lumped.boundary_file import Boundary, boundary_text, write_boundary
from lumped.engine.boundary import CirculationBoundary
from lumped.simulation import periodic_circuit
from lumped.windkessel import WindkesselBank
from planning.calibration import inflow_waveform, surrogate_of, write_inflow
from planning.digest import digest_bytes, digest_code, digest_file, digest_inputs, digest_model
from planning.display import Display
from planning.ledger import Drafts, Ledger
from planning.plan import Plan
from planning.run_folder import VariantFolder
from planning.solver.launch import Progress, launch_solver
from planning.solver.request import SolveRequest, read_request, write_request
from planning.wording import duration

BEAT_MAP = "beat_map.json"
EXTRA_CYCLES = 2
"""Most cycles that a simulation is prolonged by until it is periodic."""


def simulate(
    plan: Plan,
    ledger: Ledger,
    display: Display,
    variant: Variant,
    circuit: Boundary,
    *,
    warm_start: Path | None = None,
    beat_map: BeatMap | None = None,
) -> None:
    """Simulate a variant for the cycles of the case, and up to two more until it is periodic.

    Args:
        plan, ledger, display: The run.
        variant: The variant.
        circuit: Behind its outlets, or behind all openings, with the state at t = 0.
        warm_start: Checkpoint on the same mesh whose velocity is the first one.
        beat_map: By which the circuit's state is corrected between beats, if it is to be.
    """
    folder = plan.run.variant(variant.name)
    inputs = simulation_inputs(plan, variant, circuit, warm_start)

    def solve(cycles: int) -> FlowMetrics:
        return run_solver(
            plan,
            display,
            variant,
            circuit,
            cycles=cycles,
            key=digest_inputs(inputs),
            warm_start=warm_start,
            beat_map=beat_map,
        )

    def work(drafts: Drafts) -> str:
        wanted = plan.case.solver.cycles
        metrics = solve(wanted)
        cycles = _cycles_done(folder, wanted)
        while not metrics.health.periodic and cycles < wanted + EXTRA_CYCLES:
            cycles += 1
            metrics = solve(cycles)
        change = max(metrics.health.periodicity_pressure, metrics.health.periodicity_flow)
        if not metrics.health.periodic:
            display.warn(
                f"{variant.name}: not periodic after {cycles} cycles; the last two differ by {100 * change:.1f} % "
                "(raise solver.cycles)"
            )
        gradient = to_unit(metrics.peak_to_peak_gradient, "mmHg")
        return f"gradient {gradient:.1f} mmHg peak to peak, {cycles} cycles, periodic to {100 * change:.1f} %"

    ledger.perform(
        f"simulation {variant.name}",
        inputs={**inputs, "cycles": str(plan.case.solver.cycles)},
        outputs=[
            folder.metrics,
            folder.ports,
            folder.peak_field,
            folder.mean_field,
            folder.wall_field,
            *([folder.circuit_beat] if isinstance(circuit, CirculationBoundary) else []),
        ],
        work=work,
    )


def simulation_inputs(
    plan: Plan, variant: Variant, circuit: Boundary, warm_start: Path | None
) -> Mapping[str, str]:
    """Fingerprints of all that a simulation depends on, but for the number of cycles."""
    case, folder = plan.case, plan.run.variant(variant.name)
    settings = case.solver.model_copy(update={"cycles": 0})
    return {
        "mesh": digest_file(folder.mesh.path),
        "circuit": digest_bytes(_as_text(circuit).encode()),
        "inflow": _digest_inflow(case),
        "profile": _profile(case),
        "blood": digest_model(case.blood),
        "solver": digest_model(settings),
        "comparison": digest_model(case.comparison),
        "start": "rest" if warm_start is None else digest_file(warm_start),
        "code": digest_code(
            "cfd", "planning.solver", "lumped.acceleration", "lumped.beat_map", _laws(circuit)
        ),
    }


def _as_text(circuit: Boundary) -> str:
    return boundary_text(circuit) if isinstance(circuit, CirculationBoundary) else repr(circuit)


def _laws(circuit: Boundary) -> str:
    """The package whose code a circuit's answers come from."""
    return "lumped" if isinstance(circuit, CirculationBoundary) else "lumped.windkessel"


def _profile(case: Case) -> Literal["plug", "parabolic", "womersley"]:
    """Of the velocity at a prescribed inlet; that of an open one follows from the flow."""
    return "plug" if case.inflow is None else case.inflow.profile


def _digest_inflow(case: Case) -> str:
    if case.inflow is None:
        return "none"
    return digest_bytes(repr((inflow_waveform(case).values.tolist(), case.patient.period)).encode())


def periodic_start(plan: Plan, variant: Variant, circuit: WindkesselBank) -> WindkesselBank:
    """The circuits with the state at t = 0 that is periodic for the 0D stand-in of a variant."""
    centerline = read_centerline(plan.run.variant(variant.name).centerline)
    surrogate = surrogate_of(centerline, plan.case)
    return periodic_circuit(surrogate, circuit.reordered(surrogate.outlets), inflow_waveform(plan.case))


def run_solver(
    plan: Plan,
    display: Display,
    variant: Variant,
    circuit: Boundary,
    *,
    cycles: int,
    key: str,
    warm_start: Path | None = None,
    beat_map: BeatMap | None = None,
) -> FlowMetrics:
    """Have one simulation done, from its checkpoint where there is one of the same key.

    Args:
        plan, display, variant, circuit, warm_start, beat_map: As of `simulate`.
        cycles: Cycles to run.
        key: Fingerprint of all that the simulation depends on, but for the cycles; a checkpoint of another is removed.
    """
    folder = plan.run.variant(variant.name)
    request = _request(plan, variant, cycles, warm_start)
    if beat_map is not None:
        write_beat_map(folder.path / BEAT_MAP, beat_map)
        request = replace(request, beat_map=BEAT_MAP)
    path = folder.path / "solve.json"
    request = _settle_checkpoint(folder, request, path, key)
    folder.fields.mkdir(exist_ok=True)
    write_boundary(folder.circuit, circuit)
    if plan.case.inflow is not None:
        write_inflow(folder.inflow, inflow_waveform(plan.case))
    write_request(path, request)
    launch_solver(path, ranks=plan.ranks, report=_reporter(display), keep_open=[plan.lock])
    return read_metrics(folder.metrics)


def _request(plan: Plan, variant: Variant, cycles: int, warm_start: Path | None) -> SolveRequest:
    case, folder = plan.case, plan.run.variant(variant.name)
    solver, blood = case.solver, case.blood
    return SolveRequest(
        variant=variant.name,
        proximal=case.comparison.proximal,
        distal=case.comparison.distal,
        mesh=folder.mesh.path.name,
        circuit=folder.circuit.name,
        inflow=None if case.inflow is None else folder.inflow.name,
        period=case.patient.period,
        cycles=cycles,
        time_step=solver.time_step,
        output_interval=solver.output_interval,
        density=blood.density,
        viscosity=blood.viscosity,
        thinning=blood.model == "carreau-yasuda",
        elements=solver.elements,
        convection=solver.convection,
        courant=solver.courant,
        stabilise=solver.stabilise,
        periodic_tolerance=solver.periodic_tolerance,
        warm_start=None if warm_start is None else os.path.relpath(warm_start, folder.path),
        profile=_profile(case),
        backflow=solver.backflow,
    )


def _settle_checkpoint(folder: VariantFolder, request: SolveRequest, path: Path, key: str) -> SolveRequest:
    """Keep a checkpoint that the request can go on from, and remove any other.

    A simulation that was stopped while it was prolonged keeps its larger number of cycles.
    """
    note = folder.checkpoint / "key.txt"
    kept = note.is_file() and note.read_text(encoding="utf-8") == key
    if kept:
        earlier = _earlier_cycles(path, request)
        if earlier is not None and request.cycles < earlier <= request.cycles + EXTRA_CYCLES:
            return replace(request, cycles=earlier)
        kept = earlier is not None and earlier <= request.cycles
    if not kept:
        shutil.rmtree(folder.checkpoint, ignore_errors=True)
    folder.checkpoint.mkdir(exist_ok=True)
    note.write_text(key, encoding="utf-8")
    return request


def _earlier_cycles(path: Path, request: SolveRequest) -> int | None:
    """Cycles of the request that lies on disk, where it is equal to another but for them."""
    try:
        earlier = read_request(path)
    except HemoplanError:
        return None
    return earlier.cycles if replace(earlier, cycles=request.cycles) == request else None


def _cycles_done(folder: VariantFolder, wanted: int) -> int:
    return max(wanted, read_request(folder.path / "solve.json").cycles)


def _reporter(display: Display) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        text = (
            f"cycle {progress.cycle} of {progress.cycles}, CFL {progress.courant:.1f}, "
            f"{duration(progress.seconds_left)} left"
        )
        display.update(progress.fraction, text)

    return report
