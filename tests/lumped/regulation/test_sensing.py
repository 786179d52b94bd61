"""What regulations feel of a beat."""

from dataclasses import replace

import numpy as np
import pytest

from hemoplan.units import ML_PER_MIN
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import GasExchange
from lumped.engine.build import build
from lumped.engine.measures import mean_over_beat
from lumped.engine.periodic import periodic
from lumped.gas.transport import periodic_gas
from lumped.regulation.sensing import Lungs, lungs_of


def test_mean_of_a_beat() -> None:
    """The first and the last point are the same moment: sin² has the mean 1/2, a ramp the mean of its ends."""
    share = np.linspace(0.0, 1.0, 21)
    assert mean_over_beat(np.sin(np.pi * share) ** 2) == pytest.approx(0.5, rel=1e-14)
    assert mean_over_beat(3.0 + 2.0 * share) == pytest.approx(4.0, rel=1e-14)


def test_lungs_feel_the_blood_that_comes_and_that_is_in_them() -> None:
    gas = GasExchange(
        oxygen_consumption=15.0 * ML_PER_MIN,
        consumers={"extrathoracic_veins": 1.0},
        lungs=("pulmonary_veins",),
        alveolar_ventilation=300.0 * ML_PER_MIN,
        shunt_share=0.2,
    )
    beat = periodic_gas(periodic(build(replace(load_anatomy("cc0_neonate"), gas=gas))).history)
    felt = lungs_of(beat, 1.3)
    assert felt.inflation == 1.3
    assert felt.alveolar_po2 == beat.alveolar[0]
    assert felt.venous_po2 == pytest.approx(beat.sample("pulmonary_arteries").po2, rel=1e-4)
    assert felt.ph == pytest.approx(beat.sample("pulmonary_veins").ph, rel=1e-5)
    assert felt.ph > beat.sample("pulmonary_arteries").ph + 0.01


def test_nothing_is_felt_of_gas_that_is_not_followed() -> None:
    assert lungs_of(None, 0.8) == Lungs(inflation=0.8)
