"""What a report says in plain words: what each variant is, and what it does."""

from __future__ import annotations

from hemoplan.case import Band, Baseline, Case, ClosedCirculation, Ligation, SurgicalPatch, Variant
from hemoplan.results import FlowMetrics
from hemoplan.units import to_unit
from planning.report.compare import Comparison
from planning.wording import plain, signed, spoken


def describe_variant(variant: Variant) -> str:
    """What is done to the vessel."""
    if isinstance(variant, Baseline):
        return "the anatomy as scanned"
    if isinstance(variant, Ligation):
        return f"the vessel tied off over {plain(to_unit(variant.length, 'mm'), 1)} mm"
    diameter, length = (plain(to_unit(value, "mm"), 1) for value in (variant.diameter, variant.length))
    if isinstance(variant, SurgicalPatch):
        return (
            f"enlarged to {diameter} mm over {length} mm with a patch on the {variant.side} side of the bend"
        )
    if isinstance(variant, Band):
        return f"the vessel banded to {diameter} mm over {length} mm"
    return f"the narrowing dilated to {diameter} mm over {length} mm"


def summarise(comparison: Comparison, metrics: FlowMetrics) -> str:
    """What one variant does to the circulation, in two or three sentences."""
    name, base = metrics.variant, comparison.baseline
    others = name != base

    def told(key: str) -> str:
        row = comparison.row(key)
        text = f"{plain(comparison.value(key, name), row.digits)} {row.unit}".rstrip()
        if others:
            difference = signed(comparison.difference(key, name), row.digits)
            text += f" ({difference}{' points' if row.unit == '%' else ''})"
        return text

    sentences = [
        f"Systolic pressure falls by {told('peak_to_peak_gradient')} from {spoken(metrics.proximal)} to "
        f"{spoken(metrics.distal)}; the mean gradient is {told('mean_gradient')}."
    ]
    if any(row.key == "circulation.qp_over_qs" for row in comparison.rows):
        sentences.append(
            f"The lungs receive {told('circulation.qp_over_qs')} times the flow of the body; the left ventricle pumps "
            f"{told('circulation.output.left_ventricle')}, the right one {told('circulation.output.right_ventricle')}."
        )
    if metrics.distal in metrics.flow_split:
        sentences.append(
            f"The {spoken(metrics.distal)} receives {told(f'flow.{metrics.distal}')}, "
            f"{told(f'split.{metrics.distal}')} of the inflow."
        )
    sentences.append(
        f"The fastest blood moves at {told('peak_velocity')}; {told('power_loss')} of power are lost."
    )
    return " ".join(sentences)


def list_assumptions(case: Case) -> tuple[str, ...]:
    """What the numbers rest on, and what they cannot tell."""
    blood, solver = case.blood, case.solver
    stabilised = (
        "jets that the mesh does not resolve are stabilised (orthogonal subscales); the share of the "
        "dissipation that this takes is in the table of numerical health"
        if solver.stabilise
        else "the flow is not stabilised"
    )
    rheology = (
        "is Newtonian" if blood.model == "newtonian" else "thins with shear (Carreau–Yasuda), at high shear"
    )
    return (
        "The walls are rigid: no compliance of the aorta itself, no movement with the heart.",
        f"Blood {rheology}: {plain(to_unit(blood.viscosity, 'mPa*s'), 2)} mPa·s, "
        f"{plain(to_unit(blood.density, 'kg/m^3'), 0)} kg/m³.",
        *(_of_the_loop(case, case.circulation) if case.circulation is not None else _of_the_inflow(case)),
        *_of_the_extensions(case),
        f"The flow is computed with {solver.elements} elements on one mesh a variant "
        f"with a step of {1e3 * solver.time_step:.3g} ms; {stabilised}.",
        "A variant is an idealised shape. The anatomy that an operation really leaves is the largest source "
        "of error of any such prediction.",
    )


def _of_the_extensions(case: Case) -> tuple[str, ...]:
    """What straight pieces beyond the openings add."""
    extended = [
        f"{spoken(opening.name)} by {plain(opening.extension, 1)}"
        for opening in case.openings
        if opening.extension
    ]
    if not extended:
        return ()
    return (
        f"The vessel goes on straight beyond its openings: {', '.join(extended)} diameters. Pictures and wall shear "
        "stress leave these pieces out. Pressures, gradients and flows are those at their far ends, and losses and "
        "washout hold what happens in them.",
    )


def _of_the_inflow(case: Case) -> tuple[str, ...]:
    """What a prescribed inflow takes for granted."""
    return (
        f"The inflow is the same in all variants: {plain(to_unit(case.mean_inflow, 'mL/min'), 0)} mL/min at "
        f"{plain(to_unit(case.patient.heart_rate, '1/min'), 0)} beats/min. "
        "The heart does not answer to the operation.",
        "The peripheral circulation is tuned to the child before the operation and does not change with it: "
        "no autoregulation, no healing, no growth, no recoil of the vessel.",
        "No duct and no collateral vessels other than the openings named above.",
    )


def _of_the_loop(case: Case, circulation: ClosedCirculation) -> tuple[str, ...]:
    """What a closed circulation takes for granted."""
    source = circulation.anatomy or (circulation.path.name if circulation.path is not None else "")
    fitted = "fitted to the bedside data" if circulation.bedside is not None else "not tuned to the cuff"
    return (
        f"Nothing is prescribed at the openings: a closed circulation ({spoken(source)}) with a beating heart lies "
        f"behind them, scaled to {plain(to_unit(case.patient.weight, 'kg'), 2)} kg and "
        f"{plain(to_unit(case.patient.heart_rate, '1/min'), 0)} beats/min, {fitted}.",
        "The heart meets another load after an operation and ejects another volume, but its contractility and rate, "
        "the vessels’ resistances and the volume of blood stay: no reflex, no autoregulation, no healing, no growth. "
        "It is the state minutes after the operation, not that of the next day.",
        "Oxygen saturations follow from the flows of the last beat, as if it went on for ever. Blood within the 3D "
        "domain is taken to be carried as its 0D branches would carry it.",
    )
