from __future__ import annotations

import numpy as np
import pytest

from hemoplan.errors import BoundaryError
from lumped.aortic_flow import aortic_flow

PERIOD, MEAN = 60.0 / 140.0, 250e-6 / 60.0 * 3.4


def test_mean_is_exact() -> None:
    assert aortic_flow(PERIOD, MEAN).mean() == pytest.approx(MEAN, rel=1e-14)


def test_shape_is_that_of_a_newborn() -> None:
    flow = aortic_flow(PERIOD, MEAN)
    times = np.linspace(0.0, PERIOD, 4000, endpoint=False)
    values = flow.sample(times)
    peak = values.argmax()
    assert 4.0 < values[peak] / MEAN < 4.5
    assert 0.040 < times[peak] < 0.060
    ejecting = times[values > 0.01 * values[peak]]
    assert ejecting[-1] / PERIOD == pytest.approx(0.40, abs=0.01)
    assert -0.10 < values.min() / values.max() < -0.03
    assert values[0] == 0.0
    np.testing.assert_allclose(values[times > 0.485 * PERIOD], 0.0, atol=1e-9 * MEAN)


def test_shape_has_no_corner() -> None:
    flow = aortic_flow(PERIOD, MEAN)
    slopes = np.diff(np.append(flow.values, flow.values[0]))
    jumps = np.abs(np.diff(np.append(slopes, slopes[0])))
    assert jumps.max() < 0.2 * np.abs(slopes).max()


@pytest.mark.parametrize(("period", "mean"), [(0.0, 1e-6), (-1.0, 1e-6), (0.4, 0.0), (0.4, float("nan"))])
def test_impossible_arguments(period: float, mean: float) -> None:
    with pytest.raises(BoundaryError, match="aortic waveform is impossible"):
        aortic_flow(period, mean)
