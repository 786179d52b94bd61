"""Periodic in three 3D beats where plain marching needs more than eight, and no peak where a state was corrected."""

from dataclasses import replace

import numpy as np
import pytest

from lumped.windkessel import WindkesselBank
from tests.verification.few_beats import CONVERGED, closed_loop, narrow_loop, run, windkessels

CASES = {"windkessels": windkessels, "closed loop": closed_loop}
BEATS = 7


def periodic_pressures(case):
    """Of a run that has settled: its own last beats agree to 1e-4."""
    course = run(case, case.near, beats=BEATS, accelerated=True)
    assert course.changes()[-1].max() < 1e-4
    return course.pressures(BEATS)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_start_is_periodic_at_the_third_beat(name):
    case = CASES[name]()
    course = run(case, case.wrong, beats=3, accelerated=True)
    pressure, flow = course.changes()[-1]
    assert pressure < CONVERGED
    assert flow < CONVERGED
    # A small change alone could be that of a slow course: this is the periodic beat.
    assert course.distances(periodic_pressures(case))[-1] < CONVERGED


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_plain_beats_take_more_than_eight(name):
    case = CASES[name]()
    course = run(case, case.wrong, beats=9, accelerated=False)
    assert (course.changes()[:, 0] > CONVERGED).all()


@pytest.mark.slow
def test_the_stand_in_alone_leaves_little_to_do():
    """Where it is right, one beat settles the flow; a narrow isthmus it misjudges, and corrections are needed."""
    case = closed_loop()
    course = run(case, case.near, beats=3, accelerated=False)
    assert course.distances(periodic_pressures(case))[-1] < CONVERGED
    case = narrow_loop()
    periodic = periodic_pressures(case)
    left = {
        accelerated: run(case, case.near, beats=3, accelerated=accelerated).distances(periodic)[-1]
        for accelerated in (False, True)
    }
    assert left[True] < 0.1 * CONVERGED < CONVERGED < left[False]


@pytest.mark.parametrize(
    ("pair", "mean", "shares"),
    [("P1-P1", 8e-6, [0.6, 1.3, 0.9]), ("P2-P1", 1e-6, [0.69, 0.71, 0.70])],
)
def test_no_peak_follows_a_correction(pair, mean, shares):
    """The capacitors start uneven, so that corrections differ and flows must be redistributed.

    The accurate pair is not stabilised, and the coarse duct takes no jet from outlet to outlet.
    """
    case = windkessels(pair, mean)
    assert isinstance(case.near, WindkesselBank)
    uneven = tuple((np.array(shares) * case.near.start_pressures).tolist())
    course = run(case, replace(case.near, start_pressures=uneven), beats=3, accelerated=True)
    periodic = run(case, case.near, beats=4, accelerated=True).pressures(4)
    before, after = course.pressures(1)[-1], course.pressures(2)[:8]
    assert np.abs(periodic[-1] - before).max() > 0.1 * np.ptp(periodic)  # there was something to correct
    assert np.abs(after - periodic[:8]).max() < CONVERGED * np.ptp(periodic)
