"""Fitting a circulation to a child: `calibrate(circulation, bedside)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError
from hemoplan.spelling import hint
from lumped.bedside.calibration import HALF_WIDTH, Calibration, FittedFactor, TargetFit, Verdict
from lumped.bedside.contradictions import check_targets
from lumped.bedside.factors import (
    Factor,
    Member,
    changed_circulation,
    multipliers,
    parameter_values,
)
from lumped.bedside.forward import STEPS, Forward, Reporter
from lumped.bedside.population import population_factors
from lumped.bedside.posterior import SEEN, UNSEEN, Posterior, laplace
from lumped.bedside.problem import Problem, solve
from lumped.bedside.saturations import Saturations
from lumped.bedside.targets import Bedside, FactorChange, observable
from lumped.bedside.words import frozen_words, warning_words
from lumped.circulation.graph import Circulation
from lumped.circulation.scaling import scale
from lumped.engine.build import build
from lumped.engine.model import Model
from lumped.engine.sensitivity import BLOOD, PERIOD


def calibrate(
    circulation: Circulation,
    bedside: Bedside,
    *,
    factors: Sequence[Factor] | None = None,
    steps: int = STEPS,
    reporter: Reporter | None = None,
) -> Calibration:
    """Fit a circulation to what is known of a child.

    The circulation is scaled to the child's weight, and its factors are found with their priors from the population.
    The mode of the posterior is sought; what the data do not see is then put back to the population's value and kept
    there, and the rest is fitted once more. Intervals are those of all factors together: that a frozen one is not
    known widens the intervals of the others.

    Args:
        circulation: The anatomy.
        bedside: What is known of the child.
        factors: What to fit; the factors of the population, changed as the bedside data say, if not given.
        steps: Steps a beat.
        reporter: Works out what the beat alone does not say, in the place of `Saturations`.

    Raises:
        CalibrationError: Targets contradict each other or the circulation, or a factor makes no sense.
        BoundaryError: The circulation makes no sense, or has no periodic beat as it is given.
        VariantError: The weight is out of range.
    """
    check_targets(bedside, circulation)
    if bedside.weight is not None and bedside.weight != circulation.weight:
        circulation = scale(circulation, bedside.weight)
    model = build(circulation)
    if factors is None:
        saturations = any(each.quantity == "saturation" for each in bedside.targets)
        narrow = _measured_across(bedside, model)
        factors = changed_factors(model, population_factors(model, narrow=narrow, lungs=saturations), bedside)
    problem = problem_of(model, bedside, factors, steps=steps, reporter=reporter)
    scores, converged = solve(problem, np.zeros(len(factors)))
    free = np.ones(len(factors), dtype=bool)
    while (unseen := free & (laplace(problem.jacobian(scores)).ratios > UNSEEN)).any():
        free &= ~unseen
        scores, converged = solve(problem, np.where(free, scores, 0.0), free=free)
    return _result(problem, bedside, scores, free, converged)


def problem_of(
    model: Model,
    bedside: Bedside,
    factors: Sequence[Factor],
    *,
    steps: int = STEPS,
    reporter: Reporter | None = None,
) -> Problem:
    """The least-squares problem of a child.

    Raises:
        CalibrationError: There is nothing to fit.
    """
    if not factors:
        where = bedside.origin or bedside.name
        raise CalibrationError("nothing is left to fit", where=where, remedy="leave a factor free")
    if reporter is None:
        sampled = dict.fromkeys(each.of[0] for each in bedside.targets if each.quantity == "saturation")
        reporter = Saturations(tuple(sampled)) if sampled else None
    return Problem(
        forward=Forward(model, tuple(factors), steps=steps, reporter=reporter),
        observables=tuple(observable(each, model.circulation) for each in bedside.targets),
        measured=np.array([each.value for each in bedside.targets]),
        sigmas=np.array([each.sigma for each in bedside.targets]),
    )


def changed_factors(model: Model, factors: Sequence[Factor], bedside: Bedside) -> tuple[Factor, ...]:
    """Factors with what the bedside data say of them: other spreads, fixed ones left out, new groups.

    Raises:
        CalibrationError: There is no such factor or parameter, or a new one has no spread.
    """
    found = {each.name: each for each in factors}
    for change in bedside.factors:
        where = f"{bedside.origin or bedside.name}: factors.{change.name}"
        if change.members:
            found[change.name] = _own_factor(model, change, where)
        elif change.name not in found:
            raise CalibrationError(
                f"the circulation has no factor '{change.name}'; {hint(change.name, found)}",
                where=where,
                remedy="give 'members' to make a new one",
            )
        elif change.log_sd is not None:
            found[change.name] = replace(found[change.name], log_sd=change.log_sd, reason="given")
        if change.fixed:
            del found[change.name]
    return tuple(found.values())


def _own_factor(model: Model, change: FactorChange, where: str) -> Factor:
    """A factor that the bedside data define.

    Raises:
        CalibrationError: A parameter does not exist or is zero, or there is no spread.
    """
    if change.log_sd is None:
        raise CalibrationError("a new factor needs 'log_sd', its spread", where=where)
    for block, parameter in change.members:
        if (block, parameter) in (PERIOD, BLOOD):
            continue
        if block not in model.blocks:
            raise CalibrationError(
                f"the circulation has no block '{block}'; {hint(block, model.blocks)}", where=where
            )
        values = model.blocks[block].values
        if parameter not in values:
            raise CalibrationError(
                f"'{block}' has no parameter '{parameter}'; {hint(parameter, values)}", where=where
            )
        if not values[parameter] > 0.0:
            raise CalibrationError(
                f"'{block}.{parameter}' cannot be multiplied",
                where=where,
                value=values[parameter],
                expected="a number above zero",
            )
    return Factor(
        name=change.name,
        meaning=f"the {change.name.replace('_', ' ')}",
        members=tuple(Member(block, parameter) for block, parameter in change.members),
        log_sd=change.log_sd,
        reason="given",
    )


def _measured_across(bedside: Bedside, model: Model) -> set[str]:
    """Connections across which something was measured: they may be narrow in this child."""
    jets = {each.of[0] for each in bedside.targets if each.quantity == "velocity"}
    drops = [{*each.of, *each.second} for each in bedside.targets if each.quantity == "pressure_drop"]
    return jets | {each.name for each in model.circulation.connections if {each.source, each.target} in drops}


def _result(
    problem: Problem, bedside: Bedside, scores: FloatArray, free: FloatArray, converged: bool
) -> Calibration:
    """Everything at the mode."""
    forward = problem.forward
    beat = problem.beat(scores)
    rows = problem.jacobian(scores)
    posterior = laplace(rows)
    values = parameter_values(forward.model, forward.factors, scores)
    fitted = _fitted_factors(forward.factors, scores, posterior, free, values)
    targets = _target_fits(problem, bedside, scores, rows, posterior)
    misfit, departure = float(np.sum(problem.misses(scores) ** 2)), float(np.sum(scores**2))
    plausibility = float(chi2.sf(misfit + departure, len(targets)))
    volumes = {
        each.block: float(beat.history.unknowns[0][index])
        for index, each in enumerate(beat.model.unknowns)
        if each.quantity == "volume"
    }
    parameters = {key: value for key, value in values.items() if key != BLOOD}
    meanings = [each.meaning for each in forward.factors]
    trades = [
        (meanings[i], meanings[j], correlation)
        for i, j, correlation in posterior.trades([int(index) for index in np.flatnonzero(free)])
    ]
    return Calibration(
        name=bedside.name,
        circulation=changed_circulation(forward.model.circulation, parameters, volumes),
        factors=fitted,
        targets=targets,
        covariance=posterior.covariance,
        misfit=misfit,
        departure=departure,
        plausibility=plausibility,
        informed=posterior.informed,
        frozen=frozen_words(fitted, forward.model),
        warnings=warning_words(
            fitted, targets, trades=trades, plausibility=plausibility, converged=converged
        ),
        converged=converged,
        evaluations=forward.evaluations,
        steps=forward.steps,
    )


def _fitted_factors(
    factors: Sequence[Factor],
    scores: FloatArray,
    posterior: Posterior,
    free: FloatArray,
    values: dict[tuple[str, str], float],
) -> tuple[FittedFactor, ...]:
    found = []
    for index, factor in enumerate(factors):
        ratio = float(posterior.ratios[index])
        # A frozen one is as wide as the population, since that is all that is known of it.
        spread = ratio**0.5 if free[index] else 1.0
        reach = np.array([-HALF_WIDTH, 0.0, HALF_WIDTH]) * spread
        low, middle, high = (
            float(multipliers([factor], np.array([scores[index] + each]))[0]) for each in reach
        )
        verdict: Verdict = "partly" if ratio > SEEN else "identified"
        found.append(
            FittedFactor(
                factor=factor,
                score=float(scores[index]),
                multiplier=middle,
                low=low,
                high=high,
                variance_ratio=ratio,
                verdict=verdict if free[index] else "frozen",
                values=tuple(values[member.key] for member in factor.members),
            )
        )
    return tuple(found)


def _target_fits(
    problem: Problem, bedside: Bedside, scores: FloatArray, rows: FloatArray, posterior: Posterior
) -> tuple[TargetFit, ...]:
    values = problem.forward.values(problem.observables, problem.beat(scores))
    spreads = np.sqrt(np.einsum("ij,jk,ik->i", rows, posterior.covariance, rows)) * problem.sigmas
    return tuple(
        TargetFit(
            target=target,
            value=float(value),
            low=float(value - HALF_WIDTH * spread),
            high=float(value + HALF_WIDTH * spread),
        )
        for target, value, spread in zip(bedside.targets, values, spreads, strict=True)
    )
