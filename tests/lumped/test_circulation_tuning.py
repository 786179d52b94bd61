"""A closed circulation tuned behind a star: aims met, what a 3D beat has shown allowed for, errors in words."""

from __future__ import annotations

import numpy as np
import pytest

from hemoplan.errors import CalibrationError, VariantError
from hemoplan.units import MMHG
from lumped.circulation_tuning import Aim, beat_of, tune_circulation
from lumped.engine.measures import Measure
from lumped.stand_in import stand_in_beat, started
from tests.lumped.test_stand_in import STEPS, TUBE, isthmus, isthmus_beat

PRESSURE = Measure(quantity="pressure", of="descending_aorta")
TO_THE_LEGS = Measure(quantity="flow", of="aortic_hiatus")
EJECTED = Measure(quantity="flow", of="aortic_valve")
KNOBS = {
    "below": [(f"{name}_arteries", "resistance") for name in ("splanchnic", "renal", "iliac")],
    "above": [(f"{name}_artery", "resistance") for name in ("left_carotid", "right_carotid", "left_subclavian")],
}  # fmt: skip
AIMS = (
    Aim(of=PRESSURE, wanted=58.0 * MMHG),
    Aim(of=TO_THE_LEGS, over=EJECTED, wanted=0.55),
)


def test_a_pressure_and_a_share_of_the_flow_are_met() -> None:
    tuned = tune_circulation(isthmus(), [TUBE], AIMS, KNOBS)
    beat = stand_in_beat(tuned, [TUBE])
    assert PRESSURE.value(beat.history) == pytest.approx(58.0 * MMHG, rel=2e-4)
    share = beat.history.flow("aortic_hiatus")[1:].mean() / beat.history.flow("aortic_valve")[1:].mean()
    assert share == pytest.approx(0.55, rel=2e-3)
    assert tuned.initial_state() == pytest.approx(started(beat).initial_state(), rel=1e-4, abs=1e-9)


def test_what_the_domain_has_shown_is_allowed_for() -> None:
    """Where the 3D beat had a tenth less pressure than its stand-in, the stand-in is tuned to a tenth more."""
    plain = [aim.value(isthmus_beat().history) for aim in AIMS]
    tuned = tune_circulation(isthmus(), [TUBE], AIMS, KNOBS, reached=[0.9 * plain[0], plain[1]])
    found = PRESSURE.value(stand_in_beat(tuned, [TUBE]).history)
    assert found == pytest.approx(58.0 * MMHG + 0.1 * plain[0], rel=5e-4)


def test_a_beat_is_known_from_the_flows_of_the_domain() -> None:
    """Driven by the stand-in's flows, the circulation does what it did behind the stand-in."""
    beat = isthmus_beat()
    flows = np.column_stack([beat.outflow(port) for port in beat.boundary.ports])
    alone = beat_of(beat.boundary, started(beat).initial_state(), flows[1:])
    assert alone.times.size == STEPS + 1
    for aim in AIMS:
        assert aim.value(alone) == pytest.approx(aim.value(beat.history), rel=1e-3)


def test_what_cannot_be_met_is_named_with_the_nearest() -> None:
    with pytest.raises(
        CalibrationError, match="aortic_hiatus.*with above changed.*expected 0.99 .*Change the aim"
    ):
        tune_circulation(
            isthmus(), [TUBE], [Aim(of=TO_THE_LEGS, over=EJECTED, wanted=0.99)], {"above": KNOBS["above"]}
        )


def test_an_unknown_knob_is_named() -> None:
    with pytest.raises(VariantError, match="there is no block 'renal_artery'; did you mean 'renal_arteries'"):
        tune_circulation(isthmus(), [TUBE], AIMS, {"below": [("renal_artery", "resistance")]})
