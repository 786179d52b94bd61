"""What a report says in plain words: what each variant is, and what it does."""

from __future__ import annotations

from hemoplan.case import Baseline, Case, SurgicalPatch, Variant
from hemoplan.results import FlowMetrics
from hemoplan.units import to_unit
from planning.compare import Comparison
from planning.wording import plain, signed, spoken


def describe_variant(variant: Variant) -> str:
    """What is done to the vessel."""
    if isinstance(variant, Baseline):
        return "the anatomy as scanned"
    diameter, length = (plain(to_unit(value, "mm"), 1) for value in (variant.diameter, variant.length))
    if isinstance(variant, SurgicalPatch):
        return (
            f"enlarged to {diameter} mm over {length} mm with a patch on the {variant.side} side of the bend"
        )
    return f"the narrowing dilated to {diameter} mm over {length} mm"


def summarise(comparison: Comparison, metrics: FlowMetrics) -> str:
    """What one variant does to the circulation, in two or three sentences."""
    name, base = metrics.variant, comparison.baseline
    others = name != base

    def told(key: str) -> str:
        row = comparison.row(key)
        text = f"{plain(comparison.value(key, name), row.digits)} {row.unit}"
        if others:
            difference = signed(comparison.difference(key, name), row.digits)
            text += f" ({difference}{' points' if row.unit == '%' else ''})"
        return text

    sentences = [
        f"Systolic pressure falls by {told('peak_to_peak_gradient')} from {spoken(metrics.proximal)} to "
        f"{spoken(metrics.distal)}; the mean gradient is {told('mean_gradient')}."
    ]
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
        f"The inflow is the same in all variants: {plain(to_unit(case.mean_inflow, 'mL/min'), 0)} mL/min at "
        f"{plain(to_unit(case.patient.heart_rate, '1/min'), 0)} beats/min. "
        "The heart does not answer to the operation.",
        "The peripheral circulation is tuned to the child before the operation and does not change with it: "
        "no autoregulation, no healing, no growth, no recoil of the vessel.",
        "No duct and no collateral vessels other than the openings named above.",
        f"The flow is computed with {solver.elements} elements on one mesh a variant "
        f"with a step of {1e3 * solver.time_step:.3g} ms; {stabilised}.",
        "A variant is an idealised shape. The anatomy that an operation really leaves is the largest source "
        "of error of any such prediction.",
    )
