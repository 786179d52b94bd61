"""Laws of regulation: set point, slope, limits."""

import numpy as np
import pytest

from hemoplan.units import MMHG
from lumped.regulation.curves import logistic_factor, plateau_factor

AUTOREGULATED = {"normal": 45.0, "lower": 30.0, "upper": 70.0, "rounding": 0.5}


@pytest.mark.parametrize("gain", [0.02, -0.02, 0.001])
def test_logistic_has_its_slope_and_its_limits(gain: float) -> None:
    least, greatest = 0.7, 1.5
    assert logistic_factor(0.0, gain, least, greatest) == pytest.approx(1.0, rel=1e-15)
    up, down = (logistic_factor(x, gain, least, greatest) for x in (1e-4, -1e-4))
    assert (up - down) / 2e-4 == pytest.approx(gain, rel=1e-6)
    ends = [logistic_factor(x, gain, least, greatest) for x in (-1e6, 1e6)]
    assert sorted(ends) == pytest.approx([least, greatest], rel=1e-12)
    curve = [logistic_factor(x, gain, least, greatest) for x in np.linspace(-200.0, 200.0, 401)]
    assert np.all(np.diff(curve) * np.sign(gain) > 0.0)


def test_no_gain_does_nothing() -> None:
    assert logistic_factor(-30.0, 0.0, 0.7, 1.5) == 1.0


def test_plateau_of_flow() -> None:
    """Flow = p / f: constant between the limits, proportional to the pressure beyond them."""
    pressures = np.array([5.0, 10.0, 20.0, 35.0, 45.0, 60.0, 65.0, 80.0, 120.0])
    factors = np.array([plateau_factor(p, strength=1.0, **AUTOREGULATED) for p in pressures])
    flow = pressures / factors / 45.0
    inside = (pressures > 33.0) & (pressures < 67.0)
    assert flow[inside] == pytest.approx(1.0, abs=2e-3)
    assert flow[:3] == pytest.approx(pressures[:3] / 30.0, rel=1e-3)
    assert flow[-2:] == pytest.approx(pressures[-2:] / 70.0, rel=1e-3)
    assert plateau_factor(45.0, strength=1.0, **AUTOREGULATED) == 1.0


def test_weak_autoregulation_lets_flow_follow_pressure() -> None:
    """Between the limits flow goes as p^(1 - a)."""
    flows = [p / plateau_factor(p, strength=0.6, **AUTOREGULATED) for p in (40.0, 60.0)]
    assert np.log(flows[1] / flows[0]) / np.log(1.5) == pytest.approx(0.4, abs=1e-3)
    assert plateau_factor(80.0, strength=0.0, **AUTOREGULATED) == 1.0


def test_default_heart_gain_is_that_of_term_newborns() -> None:
    """10.23 +- 2.92 ms/mmHg at term (Drouin 1997), at a period of 460 ms."""
    from lumped.regulation.kinds import REGULATIONS

    values = REGULATIONS["baroreflex"].complete({"set_pressure": 50.0 * MMHG})
    period = [
        460.0
        * logistic_factor(x * MMHG, values["period_gain"], values["period_least"], values["period_greatest"])
        for x in (-0.5, 0.5)
    ]
    assert period[1] - period[0] == pytest.approx(10.23, abs=1.0)
