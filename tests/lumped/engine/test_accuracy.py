"""Order of the scheme, an independent integrator, conservation."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hemoplan.units import MMHG
from lumped.engine.build import build
from lumped.engine.marching import march
from lumped.engine.periodic import periodic

from .circuits import ML, everything, neonate, smooth_loop


def test_second_order_on_a_smooth_circulation():
    model = build(smooth_loop())
    reference = march(model, beats=2, steps=6400)
    errors = []
    for steps in (50, 100, 200):
        history = march(model, beats=2, steps=steps)
        stride = 6400 // steps
        errors.append(np.abs(history.pressures - reference.pressures[::stride]).max())
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert orders == pytest.approx(2.0, abs=0.15)


def test_smooth_circulation_agrees_with_an_independent_integrator():
    """The same circuit written out by hand, in mmHg and mL, for SciPy's Radau at tight tolerance."""

    def rates(t, y):
        pump, artery, vein, outflow = y
        angle = 2.0 * np.pi * t / 0.5
        elastance = 1.0 + 5.0 * (0.5 - 0.5 * np.cos(angle) + 0.1 * np.sin(2.0 * angle))
        p_pump, p_artery, p_vein = elastance * (pump - 1.0), (artery - 2.0) / 0.2, (vein - 20.0) / 2.0
        # the fork: p_artery - p = 0.5 Q, Q = (p - p_vein) / 3 + q, p - p_vein = q + 0.2 q |q|
        drop = p_artery - p_vein
        q = np.roots([0.2, 1.0, 0.0])[0]
        for _ in range(60):  # Newton on q, the flow of the branch with the quadratic loss
            x = q + 0.2 * q * abs(q)
            f = x + 0.5 * (x / 3.0 + q) - drop
            slope = 1.0 + 0.4 * abs(q)
            q -= f / (slope * (1.0 + 0.5 / 3.0) + 0.5)
        x = q + 0.2 * q * abs(q)
        stem = x / 3.0 + q
        inflow = (p_vein - p_pump) / 0.2
        return [
            inflow - outflow,
            outflow - stem,
            stem - inflow,
            (p_pump - p_artery - 0.3 * outflow - 0.01 * abs(outflow) * outflow) / 0.01,
        ]

    solution = solve_ivp(rates, (0.0, 1.0), [6.0, 10.0, 30.0, 0.0], "Radau", rtol=1e-10, atol=1e-12)
    history = march(build(smooth_loop()), beats=2, steps=3200)
    for index, name in enumerate(("pump", "artery", "vein")):
        assert history.volume(name)[-1] / ML == pytest.approx(solution.y[index, -1], rel=2e-6)
    assert history.flow("outflow")[-1] / ML == pytest.approx(solution.y[3, -1], rel=2e-6, abs=2e-6)


def test_volume_does_not_drift_over_a_thousand_beats(peer_cases):
    model = build(neonate(peer_cases, duct=True))
    history = march(model, beats=1000, steps=100)
    assert model.total_volume(history.unknowns[-1]) == pytest.approx(
        model.total_volume(history.unknowns[0]), rel=1e-12
    )


@pytest.mark.parametrize(
    ("duct", "aorta", "lungs", "stroke", "outputs"),
    [
        (False, (66.7, 38.5, 49.7), (28.5, 9.3, 15.6), (5.05, 1.73), (430.0, 431.0)),
        (True, (69.9, 19.3, 35.3), (50.9, 17.4, 28.9), (9.21, 0.96), (1069.0, 298.0)),
    ],
)
def test_the_cc0_newborn_reproduces_its_published_table(peer_cases, duct, aorta, lungs, stroke, outputs):
    """Outputs of the same model by LSODA at 1e-7, in mmHg, mL and mL/min."""
    history = periodic(build(neonate(peer_cases, duct=duct)), steps=400).history
    for name, expected in (("ITHA", aorta), ("PA", lungs)):
        p = history.pressure(name)[:-1] / MMHG
        assert (p.max(), p.min(), p.mean()) == pytest.approx(expected, abs=0.1)
    volume = history.volume("LV") / ML
    assert (volume.max(), volume.min()) == pytest.approx(stroke, abs=0.01)
    for name, expected in zip(("aortic", "pulmonary"), outputs, strict=True):
        assert history.flow(name)[:-1].mean() / ML * 60.0 == pytest.approx(expected, rel=5e-3)


def test_every_kind_of_block_runs_and_blood_is_accounted_for():
    model = build(everything())
    history = march(model, beats=3, steps=400)
    volume = history.unknowns[:, [i for i, each in enumerate(model.unknowns) if each.quantity == "volume"]]
    gain = volume.sum(axis=1)[-1] - volume.sum(axis=1)[0]
    into = history.flow("drip") - history.flow("band") - history.flow("bleeding")
    assert gain == pytest.approx(np.trapezoid(into, history.times), rel=1e-3)  # the bleeding has kinks
    assert history.pressure("AO").max() < 200.0 * MMHG
