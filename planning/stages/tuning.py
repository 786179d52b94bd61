"""Tuning the circuits on the baseline: in 0D first, then with what single 3D beats teach, until the targets are met."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from geometry.centerlines.centerline import read_centerline
from hemoplan.case import Variant
from hemoplan.errors import CalibrationError
from hemoplan.results import read_metrics, read_ports
from hemoplan.units import to_unit
from lumped.beat_map import BeatMap, windkessel_beat_map
from lumped.calibrate import Fit, Targets, retune_windkessels, tune_windkessels
from lumped.circuit_file import read_circuit, write_circuit
from lumped.windkessel import WindkesselBank
from planning.calibration import (
    FIRST_CYCLES,
    MAX_ROUNDS,
    MET,
    ROUND_CYCLES,
    Round,
    inflow_waveform,
    reached_pressure,
    read_prediction,
    relative_miss,
    surrogate_of,
    write_calibration,
    write_prediction,
)
from planning.digest import digest_bytes, digest_code, digest_file, digest_inputs, digest_model
from planning.display import Display
from planning.ledger import Drafts, Ledger
from planning.plan import Plan
from planning.stages.simulation import periodic_start, run_solver, simulate, simulation_inputs
from twin.bedside import calibration_targets, given_windkessels


@dataclass(frozen=True, slots=True)
class RoundFolder:
    """The files of one round of the tuning."""

    path: Path

    @property
    def circuit(self) -> Path:
        """The tuned circuits."""
        return self.path / "circuit.json"

    @property
    def prediction(self) -> Path:
        """What the 0D stand-in promises of them."""
        return self.path / "prediction.json"

    @property
    def ports(self) -> Path:
        """Histories of the 3D simulation with them."""
        return self.path / "ports.csv"

    @property
    def state(self) -> Path:
        """Its last state, that the next round starts from."""
        return self.path / "state.npz"


def calibrate(plan: Plan, ledger: Ledger, display: Display) -> WindkesselBank:
    """Find the circuits and simulate the baseline with them.

    Returns:
        The circuits; behind the baseline they start from their periodic state.
    """
    targets = calibration_targets(plan.case)
    if targets is None:
        circuit = periodic_start(plan, plan.baseline, given_windkessels(plan.case))
        beat_map = beat_map_of(plan, plan.baseline, circuit)
        simulate(plan, ledger, display, plan.baseline, circuit, beat_map=beat_map)
        _record(plan, ledger, circuit, [])
        return circuit
    rounds: list[Round] = []
    warm_start: Path | None = None
    circuit = _tune(plan, ledger, targets)
    for number in range(1, MAX_ROUNDS + 1):
        folder = _folder(plan, number)
        _try(plan, ledger, display, number, circuit, warm_start)
        history, period = read_ports(folder.ports), plan.case.patient.period
        reached = reached_pressure(history, period=period, site=targets.site)
        rounds.append(Round(predicted=read_prediction(folder.prediction), reached=reached))
        if relative_miss(history, targets, period=period) <= MET or number == MAX_ROUNDS:
            break
        try:
            better = _retune(plan, ledger, targets, number, circuit)
        except CalibrationError as error:
            display.warn(f"the circuits of round {number} are kept: {error}")
            break
        circuit, warm_start = better, folder.state
    simulate(plan, ledger, display, plan.baseline, circuit, warm_start=warm_start)
    _record(plan, ledger, circuit, rounds)
    return circuit


def beat_map_of(plan: Plan, variant: Variant, circuit: WindkesselBank) -> BeatMap:
    """What a beat leaves of a wrong start of the circuits, for the 0D stand-in of a variant.

    The tuned baseline does without: it goes on from beats that have shown its start to be right.
    """
    centerline = read_centerline(plan.run.variant(variant.name).centerline)
    return windkessel_beat_map(surrogate_of(centerline, plan.case), circuit, inflow_waveform(plan.case))


def _tune(plan: Plan, ledger: Ledger, targets: Targets) -> WindkesselBank:
    """Tune the circuits behind the 0D stand-in that the centrelines make."""
    centerline = plan.run.variant(plan.baseline.name).centerline
    folder = _folder(plan, 1)

    def work(drafts: Drafts) -> str:
        surrogate = surrogate_of(read_centerline(centerline), plan.case)
        fit = tune_windkessels(surrogate, inflow_waveform(plan.case), targets)
        return _keep(drafts, folder, fit)

    inputs = {
        **_aims(plan, targets),
        "centreline": digest_file(centerline),
        "blood": digest_model(plan.case.blood),
    }
    ledger.perform("tuning, round 1", inputs=inputs, outputs=[folder.circuit, folder.prediction], work=work)
    return read_circuit(folder.circuit)


def _retune(
    plan: Plan, ledger: Ledger, targets: Targets, number: int, circuit: WindkesselBank
) -> WindkesselBank:
    """Tune the circuits again, with what the 3D simulation of a round has taught."""
    lesson, folder = _folder(plan, number), _folder(plan, number + 1)

    def work(drafts: Drafts) -> str:
        history = read_ports(lesson.ports)
        return _keep(
            drafts, folder, retune_windkessels(history, circuit, inflow_waveform(plan.case), targets)
        )

    inputs = {
        **_aims(plan, targets),
        "history": digest_file(lesson.ports),
        "circuit": digest_file(lesson.circuit),
    }
    ledger.perform(
        f"tuning, round {number + 1}", inputs=inputs, outputs=[folder.circuit, folder.prediction], work=work
    )
    return read_circuit(folder.circuit)


def _try(
    plan: Plan,
    ledger: Ledger,
    display: Display,
    number: int,
    circuit: WindkesselBank,
    warm_start: Path | None,
) -> None:
    """Simulate the baseline for the few cycles that show the cuff pressure."""
    baseline, folder = plan.baseline, _folder(plan, number)
    source = plan.run.variant(baseline.name)
    inputs = simulation_inputs(plan, baseline, circuit, warm_start)

    def work(drafts: Drafts) -> str:
        run_solver(
            plan,
            display,
            baseline,
            circuit,
            cycles=FIRST_CYCLES if number == 1 else ROUND_CYCLES,
            key=digest_inputs(inputs),
            warm_start=warm_start,
        )
        shutil.copyfile(source.ports, drafts.of(folder.ports))
        shutil.copyfile(source.checkpoint / "state.npz", drafts.of(folder.state))
        site, period = plan.case.patient.cuff.site, plan.case.patient.period
        return f"cuff {reached_pressure(read_ports(source.ports), period=period, site=site)}"

    ledger.perform(f"trial, round {number}", inputs=inputs, outputs=[folder.ports, folder.state], work=work)


def _record(plan: Plan, ledger: Ledger, circuit: WindkesselBank, rounds: list[Round]) -> None:
    """Write down what was wanted, promised and reached."""
    run, baseline = plan.run, plan.run.variant(plan.baseline.name)

    def work(drafts: Drafts) -> str:
        metrics = read_metrics(baseline.metrics)
        write_calibration(
            drafts.of(run.calibration), case=plan.case, circuit=circuit, rounds=rounds, metrics=metrics
        )
        port, cuff = metrics.ports[plan.case.patient.cuff.site], plan.case.patient.cuff
        reached, wanted = (
            "/".join(f"{to_unit(value, 'mmHg'):.0f}" for value in pair)
            for pair in (
                (port.systolic_pressure, port.diastolic_pressure, port.mean_pressure),
                (cuff.systolic, cuff.diastolic, cuff.mean),
            )
        )
        return f"cuff {reached} mmHg, wanted {wanted}" if rounds else f"circuits given; cuff {reached} mmHg"

    ledger.perform(
        "calibration",
        inputs={
            "metrics": digest_file(baseline.metrics),
            "circuit": digest_bytes(repr(circuit).encode()),
            "rounds": digest_bytes(repr(rounds).encode()),
            "patient": digest_model(plan.case.patient, *plan.case.outlets.values()),
            "code": digest_code("planning.calibration"),
        },
        outputs=[run.calibration],
        work=work,
    )


def _aims(plan: Plan, targets: Targets) -> dict[str, str]:
    """Fingerprints of what the circuits are tuned to."""
    return {
        "targets": digest_bytes(repr(targets).encode()),
        "inflow": digest_bytes(
            repr((inflow_waveform(plan.case).values.tolist(), plan.case.patient.period)).encode()
        ),
        "code": digest_code("lumped", "planning.calibration"),
    }


def _keep(drafts: Drafts, folder: RoundFolder, fit: Fit) -> str:
    write_circuit(drafts.of(folder.circuit), fit.circuit)
    write_prediction(drafts.of(folder.prediction), fit)
    return f"0D promises {fit.predicted}"


def _folder(plan: Plan, number: int) -> RoundFolder:
    return RoundFolder(plan.run.path / "calibration" / f"round_{number}")
