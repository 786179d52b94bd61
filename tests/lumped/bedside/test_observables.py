"""What the bedside sees: derivatives against differences of the whole model, and Doppler against Bernoulli."""

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.units import MMHG
from lumped.bedside.forward import Forward
from lumped.bedside.observables import (
    BernoulliVelocity,
    EjectionFraction,
    Flow,
    FlowRatio,
    HeartRate,
    JetVelocity,
    Reported,
    StrokeVolume,
    reading,
)
from lumped.bedside.population import population_factors
from lumped.bedside.saturations import Saturations
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Connection
from lumped.engine.build import build

from .newborns import newborn

SEEN = {
    "rate": HeartRate(),
    "mean pressure": reading("pressure", "intrathoracic_arteries"),
    "gradient": reading("pressure", "left_ventricle", minus="left_atrium"),
    "output": Flow(("aortic_valve",)),
    "two flows": Flow(("pulmonary_valve", "duct")),
    "stroke": StrokeVolume(("aortic_valve",)),
    "Qp/Qs": FlowRatio(("pulmonary_periphery",), ("systemic_periphery",)),
    "fraction": EjectionFraction("left_ventricle"),
    "jet": JetVelocity("duct"),
    "aortic valve": BernoulliVelocity("left_ventricle", "intrathoracic_arteries"),
}


def test_derivatives_are_those_of_the_model():
    model = build(newborn())
    factors = population_factors(model)
    rng = np.random.default_rng(3)
    scores = 0.3 * rng.standard_normal(len(factors))
    forward = Forward(model, factors, steps=100)
    seen = tuple(SEEN.values())
    exact = forward.jacobian(seen, scores, forward.beat(scores))
    way = rng.standard_normal(len(factors))
    e = 1e-4
    values = {k: forward.values(seen, forward.beat(scores + k * e * way)) for k in (-2, -1, 1, 2)}
    differences = (8.0 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12.0 * e)
    # Pressures at an instant come from the discrete beat, whose extremes stay at one step over so short a way.
    assert exact @ way == pytest.approx(differences, rel=2e-5, abs=0.0)


def test_saturations_have_derivatives_too():
    model = build(load_anatomy("transposition"))
    factors = population_factors(model, lungs=True)
    names = [each.name for each in factors]
    aorta = (Reported("saturation of ascending_aorta"),)
    forward = Forward(model, factors, reporter=Saturations(("ascending_aorta",)))
    zero = np.zeros(len(factors))
    (row,) = forward.jacobian(aorta, zero, forward.beat(zero))
    # The larger the ways between the two circulations, the more red blood comes to the body.
    assert row[names.index("foramen_diameter")] > 0.0
    assert row[names.index("ductus_arteriosus_diameter")] > 0.0
    assert row[names.index("oxygen_consumption")] < 0.0
    assert row[names.index("lung_shunt")] < 0.0
    for name in ("foramen_diameter", "pulmonary_resistance", "lung_shunt"):
        way = np.zeros(len(factors))
        way[names.index(name)] = 0.01
        (above,), (below,) = (forward.values(aorta, forward.beat(k * way)) for k in (1.0, -1.0))
        assert row[names.index(name)] == pytest.approx((above - below) / 0.02, rel=5e-3)


def test_a_factor_moves_what_it_should_and_nothing_that_it_should_not():
    model = build(newborn())
    factors = population_factors(model)
    names = [each.name for each in factors]
    forward = Forward(model, factors, steps=100)
    zero = np.zeros(len(factors))
    rows = forward.jacobian((SEEN["rate"], SEEN["mean pressure"], SEEN["Qp/Qs"]), zero, forward.beat(zero))
    rate, pressure, shunt = rows
    assert rate[names.index("heart_rate")] == pytest.approx(0.11 / model.period, rel=1e-9)
    assert np.count_nonzero(rate) == 1
    for name in ("blood_volume", "systemic_resistance", "left_ventricle_contractility"):
        assert pressure[names.index(name)] > 0.0
    assert pressure[names.index("duct_diameter")] < 0.0
    assert shunt[names.index("duct_diameter")] > 0.0 > shunt[names.index("pulmonary_resistance")]


def test_the_jet_of_a_hole_obeys_bernoulli():
    # An orifice loses the dynamic pressure of its jet, 4 v² in mmHg, but for the little that is viscous.
    circulation = newborn(duct=False)
    hole = Connection(
        name="window",
        kind="hole",
        source="left_ventricle",
        target="right_ventricle",
        parameters={"diameter": 1.5e-3},
    )
    circulation = replace(circulation, connections=(*circulation.connections, hole))
    forward = Forward(build(circulation), (), steps=200)
    beat = forward.beat(np.empty(0))
    jet = JetVelocity("window").value(beat)
    assert jet > 2.0
    assert jet == pytest.approx(BernoulliVelocity("left_ventricle", "right_ventricle").value(beat), rel=0.03)
    assert JetVelocity("window", "backward").value(beat) < jet


def test_a_drop_of_sixteen_mmhg_is_two_metres_a_second():
    velocity = BernoulliVelocity("left_ventricle", "intrathoracic_arteries")
    forward = Forward(build(newborn()), (), steps=100)
    beat = forward.beat(np.empty(0))
    pressures = beat.history.pressures
    nodes = beat.model.nodes
    pressures[:, nodes.index("left_ventricle")] = pressures[:, nodes.index("intrathoracic_arteries")]
    assert velocity.value(beat) == 0.0
    pressures[40, nodes.index("left_ventricle")] += 16.0 * MMHG
    assert velocity.value(beat) == pytest.approx(2.0, rel=1e-12)
