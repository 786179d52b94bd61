"""What the data tell: closed forms of a linear problem, and Laplace against the posterior itself."""

import numpy as np
import pytest

from hemoplan.errors import CalibrationError
from lumped.bedside.calibrate import calibrate, problem_of
from lumped.bedside.forward import Forward
from lumped.bedside.observables import Flow, reading
from lumped.bedside.population import population_factors
from lumped.bedside.posterior import laplace
from lumped.bedside.prediction import predict
from lumped.bedside.problem import solve
from lumped.bedside.profile import RISE, profile
from lumped.engine.build import build

from .newborns import WORKUP, measured, newborn, truth

SEEN = ("systemic_resistance", "left_ventricle_contractility", "duct_diameter")


def child(noise=0.05, names=SEEN):
    circulation = newborn()
    model = build(circulation)
    factors = tuple(each for each in population_factors(model) if each.name in names)
    values = truth(circulation, WORKUP, np.full(len(factors), 0.4), factors=factors)
    bedside = measured(WORKUP, values, noise * values)
    return circulation, bedside, factors, problem_of(model, bedside, factors)


def test_one_measurement_of_one_parameter():
    # A measurement as good as the prior halves the variance; of another parameter it says nothing.
    found = laplace(np.array([[1.0, 0.0]]))
    assert found.ratios == pytest.approx([0.5, 1.0], abs=1e-15)
    assert found.covariance[0, 1] == 0.0


def test_a_measured_sum_ties_two_parameters():
    # Prior N(0, 1) each and a sum known to s: variance 1 - 1/(2 + s²), correlation -1/(1 + s²).
    s = 0.1
    found = laplace(np.array([[1.0, 1.0]]) / s)
    assert found.ratios == pytest.approx(1.0 - 1.0 / (2.0 + s**2), rel=1e-12)
    ((i, j, correlation),) = found.trades([0, 1])
    assert (i, j) == (0, 1)
    assert correlation == pytest.approx(-1.0 / (1.0 + s**2), rel=1e-12)
    assert found.informed == 1


def test_the_posterior_itself_agrees_with_laplace():
    # Importance sampling: draws from Laplace, weighted by the posterior over it.
    _, _, factors, problem = child()
    mode, _ = solve(problem, np.zeros(len(factors)))
    covariance = laplace(problem.jacobian(mode)).covariance
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal(mode, covariance, 300)
    steps = draws - mode
    proposal = 0.5 * np.einsum("ij,jk,ik->i", steps, np.linalg.inv(covariance), steps)
    logs = np.array([-0.5 * problem.cost(each) for each in draws]) + proposal
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    # Most draws count, so that the comparison is one.
    assert 1.0 / np.sum(weights**2) > 150
    mean = weights @ draws
    spread = np.sqrt(weights @ (draws - mean) ** 2)
    laplace_spread = np.sqrt(np.diag(covariance))
    assert mean == pytest.approx(mode, abs=0.25 * laplace_spread.max())
    assert spread == pytest.approx(laplace_spread, rel=0.15)


def test_the_profile_agrees_with_laplace_where_the_data_are_good():
    _, _, factors, problem = child(noise=0.02)
    mode, _ = solve(problem, np.zeros(len(factors)))
    spread = np.sqrt(laplace(problem.jacobian(mode)).ratios)
    found = profile(problem, mode, 2, spread=float(spread[2]))
    assert found.factor == "duct_diameter"
    assert found.rises.min() == 0.0
    assert (np.diff(found.scores) > 0.0).all()
    half = RISE**0.5 * spread[2]
    assert (mode[2] - found.low, found.high - mode[2]) == pytest.approx((half, half), rel=0.15)


def test_the_profile_of_what_the_data_do_not_see_is_the_prior():
    _, _, factors, problem = child(noise=3.0, names=("systemic_resistance", "systole"))
    mode, _ = solve(problem, np.zeros(len(factors)))
    index = [each.name for each in factors].index("systole")
    found = profile(problem, mode, index, spread=1.0)
    assert (found.low, found.high) == pytest.approx((-1.645, 1.645), rel=0.05)


def test_what_was_not_measured_is_predicted():
    circulation, bedside, factors, _ = child()
    found = calibrate(circulation, bedside, factors=factors)
    wanted = {
        "flow of the duct": Flow(("duct",)),
        "left ventricle": reading("pressure", "left_ventricle", "largest"),
    }
    true = dict(zip(wanted, _true(circulation, wanted, factors), strict=True))
    linear = predict(found, wanted)
    drawn = predict(found, wanted, draws=150, seed=1)
    for name in wanted:
        assert linear[name].low < true[name] < linear[name].high
        assert linear[name].value == pytest.approx(drawn[name].value)
        wide = linear[name].high - linear[name].low
        assert drawn[name].high - drawn[name].low == pytest.approx(wide, rel=0.25)


def _true(circulation, wanted, factors):
    forward = Forward(build(circulation), factors)
    return forward.values(tuple(wanted.values()), forward.beat(np.full(len(factors), 0.4)))


def test_predictions_from_too_few_beats_are_refused(monkeypatch):
    circulation, bedside, factors, _ = child()
    found = calibrate(circulation, bedside, factors=factors)
    beat = Forward.beat

    def seldom(self, scores):
        if scores[0] > 0.0:
            raise CalibrationError("no beat")
        return beat(self, scores)

    monkeypatch.setattr(Forward, "beat", seldom)
    with pytest.raises(CalibrationError, match="too many circulations"):
        predict(found, {"duct": Flow(("duct",))}, draws=40)
