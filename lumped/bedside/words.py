"""A calibration in plain words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hemoplan.units import to_unit
from lumped.bedside.calibration import IMPLAUSIBLE, MISSED, UNUSUAL, Calibration, FittedFactor, TargetFit
from lumped.bedside.factors import GAS, Factor, Member, parameter_of, value_of
from lumped.bedside.targets import shown
from lumped.engine.model import Model
from lumped.engine.sensitivity import BLOOD, PERIOD

FEW = 2
"""Parameters of a group that a sentence names."""


def frozen_words(factors: Sequence[FittedFactor], model: Model) -> tuple[str, ...]:
    """What the data do not tell, one sentence a factor."""
    return tuple(
        f"the data do not tell {each.factor.meaning}; it was kept at the population's {_values(each.factor, model)}"
        for each in factors
        if each.verdict == "frozen"
    )


def _values(factor: Factor, model: Model) -> str:
    """A factor's parameters as they are given, in clinical units."""
    alike = len({member.parameter for member in factor.members}) == 1
    said = [
        parameter_text(model, member, value_of(model, member), named=not alike)
        for member in factor.members[:FEW]
    ]
    more = len(factor.members) - FEW
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")


def parameter_text(model: Model, member: Member, value: float, *, named: bool) -> str:
    """A parameter's value with its unit and its block, and its own name if that is not plain."""
    if member.key == PERIOD:
        return shown(1.0 / value, "1/min")
    if member.key == BLOOD:
        return shown(value, "mL")
    unit = parameter_of(model, *member.key).unit
    if member.block == GAS:
        return shown(value, unit)
    name = f", {member.parameter.replace('_', ' ')}" if named else ""
    return f"{shown(value, unit)} ({member.block}{name})"


def warning_words(
    factors: Sequence[FittedFactor],
    targets: Sequence[TargetFit],
    *,
    trades: Sequence[tuple[str, str, float]],
    plausibility: float,
    converged: bool,
) -> tuple[str, ...]:
    """What to be careful of."""
    found = []
    if not converged:
        found.append("the search was stopped before it came to an end: the fit may not be the best")
    if plausibility < IMPLAUSIBLE:
        found.append(
            "data and circulation do not fit together: so large a disagreement has a probability of "
            f"{plausibility:.1g}; an anatomy that lacks a lesion, or a measurement that is wrong, may be why"
        )
    for target in targets:
        if abs(target.miss) > MISSED:
            said = target.target
            found.append(
                f"{said.name} is missed by {abs(target.miss):.1f} standard deviations: "
                f"{said.shown(target.value)} where {said.shown(said.value)} was measured"
            )
    for each in factors:
        if abs(each.score) > UNUSUAL:
            found.append(
                f"{each.factor.meaning} is {each.multiplier:.2f} times the usual, "
                f"{abs(each.score):.1f} standard deviations of the population away"
            )
    for one, other, correlation in trades:
        more = "more" if correlation > 0.0 else "less"
        found.append(
            f"the data hardly tell {one} and {other} apart: more of the one with {more} of the other fits as well "
            f"(correlation {correlation:.2f})"
        )
    return tuple(found)


def report(calibration: Calibration) -> Iterator[str]:
    """The result as lines of text: targets, factors, what the data do not tell, warnings."""
    yield f"{'target':32} {'measured':>22} {'model':>14} {'90 %':>22} {'miss':>6}"
    for each in calibration.targets:
        said = each.target
        measured = f"{said.shown(said.value)} ± {_number(said.sigma, said.unit)}"
        interval = f"{_number(each.low, said.unit)} to {_number(each.high, said.unit)}"
        yield f"{said.name:32} {measured:>22} {said.shown(each.value):>14} {interval:>22} {each.miss:>+6.2f}"
    yield ""
    yield f"{'parameter':32} {'times':>8} {'90 %':>16} {'score':>7} {'variance':>9}  told"
    for fitted in calibration.factors:
        interval = f"{fitted.low:.2f} to {fitted.high:.2f}"
        yield (
            f"{fitted.factor.name:32} {fitted.multiplier:>8.3f} {interval:>16} {fitted.score:>+7.2f} "
            f"{fitted.variance_ratio:>9.3f}  {fitted.verdict}"
        )
    for heading, lines in (("not told", calibration.frozen), ("warnings", calibration.warnings)):
        if lines:
            yield ""
            yield f"{heading}:"
            yield from (f"- {line}" for line in lines)


def _number(value: float, unit: str) -> str:
    return f"{value if unit == '1' else to_unit(value, unit):.3g}"
