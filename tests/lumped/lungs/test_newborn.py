"""Default newborns breathe, and their blood gases are those of newborns."""

import pytest

from hemoplan.errors import CaseError
from hemoplan.units import ML_PER_MIN, MMHG
from lumped.lungs.breath import solve_breath
from lumped.lungs.exchange import lung_gas
from lumped.lungs.mechanics import CMH2O
from lumped.lungs.modes import PressureControl
from lumped.lungs.newborn import Newborn, preterm_newborn, term_newborn
from lumped.lungs.tube import rohrer


def test_published_compliance() -> None:
    """0.372 kg + 1.067 mL/cmH2O: 2.369 mL/cmH2O at 3.5 kg."""
    assert term_newborn(3.5).respiratory_system.compliance * CMH2O * 1e6 == pytest.approx(2.369, rel=1e-12)
    assert preterm_newborn(1.0).respiratory_system.compliance * CMH2O * 1e6 == pytest.approx(1.439, rel=1e-12)


@pytest.mark.parametrize(("child", "volume"), [(term_newborn(3.5), 5.5), (preterm_newborn(1.0), 6.0)])
def test_effort_moves_the_tidal_volume(child: Newborn, volume: float) -> None:
    breath = solve_breath(child.respiratory_system, child.breathing)
    assert breath.tidal_volume * 1e6 / child.weight == pytest.approx(volume, rel=1e-9)
    assert 2.0 < child.breathing.muscle_pressure / CMH2O < 15.0


@pytest.mark.parametrize("child", [term_newborn(2.5), term_newborn(3.5), preterm_newborn(1.0)])
def test_blood_gas_of_quiet_breathing(child: Newborn) -> None:
    """PaCO2 33–40 mmHg, pH 7.35–7.45, PaO2 60–90 mmHg with the shunt of a tenth that newborns have, SaO2 over 95 %."""
    breath = solve_breath(child.respiratory_system, child.breathing)
    gas = lung_gas(
        breath.alveolar_ventilation(child.respiratory_system.dead_space),
        220.0 * child.weight * ML_PER_MIN,
        child.blood,
        consumption=child.consumption,
        production=child.production,
        shunt=0.12,
    ).arterial
    assert 33.0 < gas.pco2 / MMHG < 40.0
    assert 7.35 < gas.ph < 7.45
    assert 60.0 < gas.po2 / MMHG < 90.0
    assert gas.saturation > 0.95


def test_stiff_lungs_on_a_ventilator() -> None:
    """With a third of the compliance the same pressures move a third of the volume and reach the pleura less."""
    healthy = preterm_newborn(1.0)
    part = healthy.respiratory_system.compartments[0]
    stiff_part = type(part)(compliance=part.compliance / 3.5, resistance=part.resistance)
    system = healthy.respiratory_system
    stiff = type(system)(
        compartments=(stiff_part,),
        chest_wall_compliance=system.chest_wall_compliance,
        functional_residual_capacity=12e-6,
        dead_space=system.dead_space,
    )
    mode = PressureControl(
        rate=50.0 / 60.0,
        inspiratory_time=0.4,
        end_expiratory_pressure=5.0 * CMH2O,
        peak_pressure=17.0 * CMH2O,
    )
    tube = rohrer(healthy.tube, 5e-3 / 60.0)
    soft_breath, stiff_breath = solve_breath(system, mode, tube), solve_breath(stiff, mode, tube)
    ratio = stiff.compliance / system.compliance
    # The soft lungs do not fill to the end through the narrow tube, so that the loss is a little less than the ratio.
    assert ratio < stiff_breath.tidal_volume / soft_breath.tidal_volume < 1.35 * ratio
    rise = stiff_breath.mean_pleural_pressure - stiff.resting_pleural_pressure
    assert rise / stiff_breath.mean_airway_pressure == pytest.approx(0.05, abs=0.03)  # Gerhardt: 5 % in HMD


def test_refusals() -> None:
    with pytest.raises(CaseError, match=r"weight is out of range \(value: 3500 kg\)"):
        term_newborn(3500.0)
    with pytest.raises(CaseError, match="preterm newborn"):
        preterm_newborn(3.0)
