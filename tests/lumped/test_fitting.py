from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.errors import CalibrationError
from hemoplan.results import PortHistory
from lumped.calibrate import tune_windkessels
from lumped.fitting import fit_surrogate
from lumped.simulation import simulate, simulate_to_periodicity

from .arch import FRACTIONS, INFLOW, SURROGATE, targets


@pytest.fixture(scope="module")
def history() -> PortHistory:
    circuit = tune_windkessels(SURROGATE, INFLOW, targets(90, 52, 66)).circuit
    return simulate(SURROGATE, circuit, INFLOW, cycles=2, steps=800).history


def test_known_coefficients_come_back(history: PortHistory) -> None:
    fit = fit_surrogate(history, period=INFLOW.period)
    assert fit.surrogate.outlets == tuple(FRACTIONS)
    np.testing.assert_allclose(fit.surrogate.parameters, SURROGATE.parameters, rtol=0.02, atol=0.0)
    assert fit.surrogate.trunk.inertance == pytest.approx(SURROGATE.trunk.inertance, rel=0.02)
    assert fit.surrogate.trunk.dynamic == pytest.approx(SURROGATE.trunk.dynamic, rel=0.02)
    assert min(fit.r_squared.values()) > 0.995


def test_quality_shows_noise(history: PortHistory) -> None:
    noise = np.random.default_rng(7).normal(0.0, 50.0, history.pressures.shape)
    noise[:, :2] = 0.0
    fit = fit_surrogate(replace(history, pressures=history.pressures + noise), period=INFLOW.period)
    assert fit.rms_error["descending_aorta"] < 25.0
    for outlet in ("brachiocephalic", "left_carotid", "left_subclavian"):
        assert fit.rms_error[outlet] == pytest.approx(50.0, rel=0.2)


def test_uneven_times_fit_as_well(history: PortHistory) -> None:
    """A history that was written at other instants: the first quarter of the cycle thinned out."""
    keep = np.ones(history.times.size, dtype=bool)
    keep[810:1000:2] = False
    thin = PortHistory(
        ports=history.ports,
        times=history.times[keep],
        pressures=history.pressures[keep],
        flows=history.flows[keep],
    )
    fitted = fit_surrogate(thin, period=INFLOW.period).surrogate
    np.testing.assert_allclose(fitted.parameters, SURROGATE.parameters, rtol=0.05, atol=0.0)


def test_what_cannot_be_learnt_from(history: PortHistory) -> None:
    short = PortHistory(
        ports=history.ports,
        times=history.times[:100],
        pressures=history.pressures[:100],
        flows=history.flows[:100],
    )
    with pytest.raises(CalibrationError, match="too short.*at least one cycle of 0.428571 s"):
        fit_surrogate(short, period=INFLOW.period)
    with pytest.raises(CalibrationError, match="not a number"):
        fit_surrogate(replace(history, flows=history.flows * np.nan), period=INFLOW.period)
    circuit = tune_windkessels(SURROGATE, INFLOW, targets(90, 52, 66)).circuit
    coarse = simulate_to_periodicity(SURROGATE, circuit, INFLOW, steps=10).history
    with pytest.raises(CalibrationError, match="too few times"):
        fit_surrogate(coarse, period=INFLOW.period)
