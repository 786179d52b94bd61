"""The stages of a case with a closed circulation: the child's own, each variant's, and what came of both."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from hemoplan.case import Case, ClosedCirculation, Variant
from hemoplan.errors import CaseError
from hemoplan.results import read_metrics, read_ports
from hemoplan.units import to_unit
from lumped.bedside.calibrate import calibrate as fit_to_bedside
from lumped.bedside.calibration_file import write_calibration as write_fit
from lumped.bedside.file import read_bedside
from lumped.calibrate import CuffPressure, cuff_pressure
from lumped.circulation.file import read_circulation, write_circulation
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.marching import History
from lumped.physiology.outputs import Output
from planning.closed_loop.history import shifted_volume, whole_beat
from planning.closed_loop.loop import (
    Loop,
    beat_map_of,
    boundary_of,
    check_loop,
    loop_of,
    of_the_child,
    of_variant,
    own_beat,
    read_source,
)
from planning.closed_loop.outputs import (
    SHIFTED,
    LoopOutputs,
    alone_outputs,
    outputs_of_beat,
    write_outputs,
)
from planning.digest import digest_code, digest_file, digest_model
from planning.display import Display
from planning.ledger import Drafts, Ledger
from planning.plan import Plan
from planning.run_folder import RunFolder
from planning.solver.circuit_record import read_beat
from planning.stages.simulation import simulate

WEIGHT_DIFFERENCE = 0.005
"""Share by which the weight of the bedside data may differ from the case's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopBeats:
    """The last beat of a variant, with the 3D domain in it and in 0D alone.

    Attributes:
        loop: The variant's circulation.
        coupled: The beat of the 3D simulation.
        alone: The beat that the 0D circulation repeats.
        shifted: Blood that the beat of the 3D simulation has moved between compartments [m³].
    """

    loop: Loop
    coupled: History
    alone: History
    shifted: float


def check_circulation(case: Case, source: ClosedCirculation) -> None:
    """Check before any work that circulation, surgery and openings fit together.

    Raises:
        CaseError, BoundaryError, VariantError: They do not; see `planning.closed_loop.loop`.
        CalibrationError: The bedside data cannot be read.
    """
    circulation = of_the_child(read_source(source), case)
    check_loop(loop_of(circulation, source))
    if source.bedside is not None:
        weight, own = read_bedside(source.bedside).weight, float(case.patient.weight)
        if weight is not None and abs(weight - own) > WEIGHT_DIFFERENCE * own:
            raise CaseError(
                "the weight of the bedside data is not that of the case",
                where=f"circulation.bedside: {source.bedside}",
                value=f"{weight:g} kg",
                expected=f"{own:g} kg, as patient.weight says",
            )
    for name, steps in source.surgery.items():
        of_variant(circulation, name, steps)


def simulate_variants(plan: Plan, ledger: Ledger, display: Display, source: ClosedCirculation) -> None:
    """Simulate all variants within the closed circulation, and say what it does in each."""
    prepare_circulation(plan, ledger, source)
    blood: float | None = None
    for variant in plan.variants:
        _operate(plan, ledger, source, variant)
        loop = read_loop(plan.run, source, variant.name)
        boundary = boundary_of(loop, blood=blood)
        blood = boundary.model.total_volume(boundary.initial_state())
        simulate(plan, ledger, display, variant, boundary, beat_map=beat_map_of(loop, boundary))
        _summarise(plan, ledger, source, variant, boundary)
    _compare_cuff(plan, ledger)


def prepare_circulation(plan: Plan, ledger: Ledger, source: ClosedCirculation) -> None:
    """The child's circulation: scaled to weight and heart rate, and fitted to the bedside data if there are any."""
    run, case = plan.run, plan.case

    def work(drafts: Drafts) -> str:
        circulation = of_the_child(read_source(source), case)
        summary = f"{circulation.name}, {circulation.weight:g} kg"
        if source.bedside is not None:
            fit = fit_to_bedside(circulation, read_bedside(source.bedside))
            write_fit(drafts.of(run.bedside_fit), fit)
            circulation = of_the_child(fit.circulation, case)
            summary += f", fitted to {len(fit.targets)} targets"
        write_circulation(drafts.of(run.circulation), circulation)
        return summary

    ledger.perform(
        "circulation",
        inputs={
            "source": digest_model(source.model_copy(update={"surgery": {}})),
            "file": "none" if source.path is None else digest_file(source.path),
            "bedside": "none" if source.bedside is None else digest_file(source.bedside),
            "patient": digest_model(case.patient),
            "code": digest_code("lumped", "planning.closed_loop.loop"),
        },
        outputs=[run.circulation, *([run.bedside_fit] if source.bedside is not None else [])],
        work=work,
    )


def _operate(plan: Plan, ledger: Ledger, source: ClosedCirculation, variant: Variant) -> None:
    """The circulation of a variant, with the same blood as before the operation."""
    run, folder = plan.run, plan.run.variant(variant.name)
    steps = source.surgery.get(variant.name, ())

    def work(drafts: Drafts) -> str:
        circulation = of_variant(read_circulation(run.circulation), variant.name, steps)
        write_circulation(drafts.of(folder.circulation), circulation)
        outputs = alone_outputs(loop_of(circulation, source), own_beat(circulation))
        told = f", Qp/Qs {outputs['qp_over_qs'].shown:.2f} in 0D alone" if "qp_over_qs" in outputs else ""
        return ("; ".join(steps) or "as it is") + told

    ledger.perform(
        f"circulation {variant.name}",
        inputs={
            "circulation": digest_file(run.circulation),
            "steps": "; ".join(steps),
            "source": digest_model(source),
            "code": digest_code("lumped", "planning.closed_loop.loop", "planning.closed_loop.outputs"),
        },
        outputs=[folder.circulation],
        work=work,
    )


def _summarise(
    plan: Plan,
    ledger: Ledger,
    source: ClosedCirculation,
    variant: Variant,
    boundary: CirculationBoundary,
) -> None:
    """What the circulation does in the last beat of the simulation, and in 0D alone."""
    run, folder = plan.run, plan.run.variant(variant.name)

    def work(drafts: Drafts) -> str:
        beats = _beats(run, source, variant.name, boundary)
        cycle = read_ports(folder.ports).cycle(plan.case.patient.period, -1)
        flows = {opening: cycle.flow(opening) for opening in cycle.ports}
        outputs = LoopOutputs(
            coupled={
                **outputs_of_beat(beats.loop, beats.coupled, flows),
                SHIFTED: Output(beats.shifted, "mL"),
            },
            alone={**alone_outputs(beats.loop, beats.alone), SHIFTED: Output(0.0, "mL")},
            branches=tuple(each.name for each in beats.loop.branches),
            openings=tuple(cycle.ports),
        )
        write_outputs(drafts.of(folder.circulation_outputs), outputs)
        if "qp_over_qs" not in outputs.coupled:
            return f"{to_unit(boundary.model.period, 'ms'):.0f} ms a beat"
        pair = (table["qp_over_qs"].shown for table in (outputs.coupled, outputs.alone))
        return "Qp/Qs {:.2f} in 3D–0D, {:.2f} in 0D alone".format(*pair)

    ledger.perform(
        f"outputs {variant.name}",
        inputs={
            "circulation": digest_file(folder.circulation),
            "record": digest_file(folder.circuit_beat),
            "ports": digest_file(folder.ports),
            "code": digest_code("lumped", "planning.closed_loop.history", "planning.closed_loop.outputs"),
        },
        outputs=[folder.circulation_outputs],
        work=work,
    )


def read_loop(run: RunFolder, source: ClosedCirculation, variant: str) -> Loop:
    """The circulation of a variant, as the run has left it."""
    return loop_of(read_circulation(run.variant(variant).circulation), source)


def read_beats(run: RunFolder, source: ClosedCirculation, variant: str) -> LoopBeats:
    """The last beat of a variant that has been simulated.

    Raises:
        HemoplanError: The record of the beat is missing or damaged.
    """
    return _beats(run, source, variant, boundary_of(read_loop(run, source, variant)))


def _beats(
    run: RunFolder, source: ClosedCirculation, variant: str, boundary: CirculationBoundary
) -> LoopBeats:
    folder = run.variant(variant)
    loop = read_loop(run, source, variant)
    history = read_ports(folder.ports)
    steps = len(history.cycle(boundary.model.period, -1).times)
    record = read_beat(folder.circuit_beat, steps=steps)
    coupled = whole_beat(loop, boundary, record, where=folder.circuit_beat)
    return LoopBeats(
        loop=loop,
        coupled=coupled,
        alone=own_beat(loop.circulation),
        shifted=shifted_volume(boundary, record),
    )


def _compare_cuff(plan: Plan, ledger: Ledger) -> None:
    """Write down what the cuff says and what came out: nothing is tuned to it here."""
    run, baseline, cuff = plan.run, plan.run.variant(plan.baseline.name), plan.case.patient.cuff

    def work(drafts: Drafts) -> str:
        cycle = read_ports(baseline.ports).cycle(plan.case.patient.period, -1)
        reached = cuff_pressure(cycle, cuff.site)
        wanted = CuffPressure(systolic=cuff.systolic, diastolic=cuff.diastolic, mean=cuff.mean)
        misses = {name: value - asdict(wanted)[name] for name, value in asdict(reached).items()}
        content = {
            "tuned": False,
            "site": cuff.site,
            "targets": asdict(wanted),
            "reached": asdict(reached),
            "residuals": misses,
        }
        path = drafts.of(run.calibration)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return f"cuff {reached}, measured {wanted}"

    ledger.perform(
        "calibration",
        inputs={
            "ports": digest_file(baseline.ports),
            "metrics": str(read_metrics(baseline.metrics).period),
            "patient": digest_model(plan.case.patient),
            "code": digest_code("lumped.calibrate"),
        },
        outputs=[run.calibration],
        work=work,
    )
