"""Breaths against closed forms, Otis' dynamic compliance and an independent integration."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from hemoplan.errors import CaseError
from lumped.lungs.breath import solve_breath
from lumped.lungs.mechanics import (
    CMH2O,
    LungCompartment,
    RespiratorySystem,
    inflated_volume,
    one_compartment,
)
from lumped.lungs.modes import (
    ContinuousPressure,
    HighFrequencyOscillation,
    PressureControl,
    PressureSupport,
    SpontaneousBreathing,
    VolumeControl,
    breath_phases,
)
from lumped.lungs.tube import NO_TUBE, EndotrachealTube, RohrerTube, rohrer

ML = 1e-6
ML_PER_CMH2O = ML / CMH2O
CMH2O_S_PER_L = CMH2O * 1e3
TUBE = rohrer(EndotrachealTube(inner_diameter=3.0e-3), 8e-3 / 60.0)


def term_lungs(resistance: float = 40.0) -> RespiratorySystem:
    return one_compartment(
        compliance=2.369 * ML_PER_CMH2O,
        resistance=resistance * CMH2O_S_PER_L,
        chest_wall_compliance=14.7 * ML_PER_CMH2O,
        functional_residual_capacity=73.0 * ML,
        dead_space=8.4 * ML,
    )


def uneven_lungs() -> RespiratorySystem:
    """A stiff and fast part beside a soft and slow one: time constants of 0.03 and 0.29 s."""
    return RespiratorySystem(
        compartments=(
            LungCompartment(compliance=0.9 * ML_PER_CMH2O, resistance=30.0 * CMH2O_S_PER_L),
            LungCompartment(compliance=1.8 * ML_PER_CMH2O, resistance=160.0 * CMH2O_S_PER_L),
        ),
        chest_wall_compliance=14.7 * ML_PER_CMH2O,
        central_resistance=15.0 * CMH2O_S_PER_L,
        functional_residual_capacity=73.0 * ML,
        dead_space=8.4 * ML,
    )


def pressure_control(rate: float = 40.0, inspiration: float = 0.35, rise: float = 0.0) -> PressureControl:
    return PressureControl(
        rate=rate / 60.0,
        inspiratory_time=inspiration,
        end_expiratory_pressure=5.0 * CMH2O,
        peak_pressure=17.0 * CMH2O,
        rise_time=rise,
    )


MODES = {
    "spontaneous": SpontaneousBreathing(rate=0.75, inspiratory_time=0.4, muscle_pressure=9.0 * CMH2O),
    "cpap": ContinuousPressure(
        rate=0.75, inspiratory_time=0.4, muscle_pressure=9.0 * CMH2O, end_expiratory_pressure=6.0 * CMH2O
    ),
    "support": PressureSupport(
        rate=0.9,
        inspiratory_time=0.35,
        muscle_pressure=4.0 * CMH2O,
        end_expiratory_pressure=5.0 * CMH2O,
        support=8.0 * CMH2O,
        rise_time=0.1,
    ),
    "control": pressure_control(rate=60.0, rise=0.08),
    "volume": VolumeControl(
        rate=1.0,
        inspiratory_time=0.35,
        tidal_volume=20.0 * ML,
        end_expiratory_pressure=5.0 * CMH2O,
        pause=0.1,
    ),
}


@pytest.mark.parametrize(("resistance", "volume"), [(40.0, 27.72), (80.0, 23.94)])
def test_published_tidal_volume(resistance: float, volume: float) -> None:
    found = inflated_volume(
        12.0 * CMH2O, 0.35, compliance=2.369 * ML_PER_CMH2O, resistance=resistance * CMH2O_S_PER_L
    )
    assert found / ML == pytest.approx(volume, abs=0.006)


@pytest.mark.parametrize("rate", [20.0, 40.0, 80.0, 120.0])
@pytest.mark.parametrize("resistance", [20.0, 40.0, 150.0])
def test_pressure_control_closed_form(rate: float, resistance: float) -> None:
    """Geometric series of breaths: both the tidal volume and the gas that stays behind, exactly."""
    lungs, mode = term_lungs(resistance), pressure_control(rate=rate, inspiration=0.4 * 60.0 / rate)
    breath = solve_breath(lungs, mode)
    C, tau, period = lungs.compliance, lungs.resistance * lungs.compliance, 60.0 / rate
    filled, left = math.exp(-0.4 * period / tau), math.exp(-0.6 * period / tau)
    dP = 12.0 * CMH2O
    volume = C * dP * (1.0 - filled) * (1.0 - left) / (1.0 - filled * left)
    trapped = dP * (1.0 - filled) * left / (1.0 - filled * left)
    assert breath.tidal_volume == pytest.approx(volume, rel=1e-9)
    assert breath.auto_peep == pytest.approx(trapped, rel=1e-9, abs=1e-9)
    assert breath.mean_airway_pressure == pytest.approx((5.0 + 12.0 * 0.4) * CMH2O, rel=1e-12)
    assert breath.minute_ventilation == pytest.approx(volume / period, rel=1e-9)


def test_slow_rise_lowers_the_mean_pressure() -> None:
    """A ramp of 0.1 s takes half of its area: 12 cmH2O · 0.05 s · rate."""
    steep, slow = (solve_breath(term_lungs(), pressure_control(rise=rise)) for rise in (0.0, 0.1))
    lost = 12.0 * CMH2O * 0.05 * 40.0 / 60.0
    assert steep.mean_airway_pressure - slow.mean_airway_pressure == pytest.approx(lost, rel=1e-9)


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_volume_control_closed_form(pause: float) -> None:
    """The peak is resistive plus elastic plus what was there at the start; the pause takes the resistive part."""
    mode = VolumeControl(
        rate=1.0,
        inspiratory_time=0.4,
        tidal_volume=21.0 * ML,
        end_expiratory_pressure=4.0 * CMH2O,
        pause=pause,
    )
    lungs = term_lungs(90.0)
    breath = solve_breath(lungs, mode)
    left = math.exp(-(0.6 - pause) / (lungs.resistance * lungs.compliance))
    trapped = 21.0 * ML / lungs.compliance * left / (1.0 - left)
    peak = 4.0 * CMH2O + trapped + 21.0 * ML / lungs.compliance + lungs.resistance * 21.0 * ML / 0.4
    assert breath.tidal_volume == pytest.approx(21.0 * ML, rel=1e-9)
    assert breath.auto_peep == pytest.approx(trapped, rel=1e-9)
    assert breath.peak_pressure == pytest.approx(peak, rel=1e-9)
    if pause:
        plateau = breath.airway_pressure[np.searchsorted(breath.times, 0.5)]
        assert plateau == pytest.approx(peak - lungs.resistance * 21.0 * ML / 0.4, rel=1e-9)


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("lungs", [term_lungs(), uneven_lungs()], ids=["even", "uneven"])
def test_means_of_a_linear_breath(lungs: RespiratorySystem, name: str) -> None:
    """Over a periodic breath no gas stays: mean volume is compliance times mean of airway plus muscle pressure."""
    mode = MODES[name]
    breath = solve_breath(lungs, mode)
    muscle = 0.0
    if isinstance(mode, SpontaneousBreathing | ContinuousPressure | PressureSupport):
        muscle = mode.muscle_pressure * 2.0 / math.pi * mode.inspiratory_time * mode.rate
    expected = lungs.compliance * (breath.mean_airway_pressure + muscle)
    assert breath.mean_lung_volume - 73.0 * ML == pytest.approx(expected, rel=1e-7)
    wall = expected / lungs.chest_wall_compliance - muscle
    assert breath.mean_pleural_pressure == pytest.approx(lungs.resting_pleural_pressure + wall, rel=1e-7)


def reference(lungs: RespiratorySystem, name: str, tube: RohrerTube) -> tuple[np.ndarray, float]:
    """Volumes over one late breath by DOP853 from the equations as they are drawn; and its tidal volume."""
    mode = MODES[name]
    C = np.array([each.compliance for each in lungs.compartments])
    R = np.array([each.resistance for each in lungs.compartments])

    def rates(t: float, v: np.ndarray, phase, begin: float) -> np.ndarray:  # type: ignore[no-untyped-def]
        drive = phase.start + phase.slope * (t - begin)
        muscle = phase.muscle * math.sin(phase.muscle_frequency * (t - begin) + phase.muscle_angle)
        recoil = v / C + v.sum() / lungs.chest_wall_compliance - muscle

        def total(node: float) -> float:
            return float(((node - recoil) / R).sum())

        def surplus(node: float) -> float:
            flow = total(node)
            if phase.flow_driven:
                return flow - drive
            return node + lungs.central_resistance * flow + tube.pressure_loss(flow) - drive

        node = brentq(surplus, -1e4, 1e5, xtol=1e-11, rtol=1e-14)
        return np.asarray((node - recoil) / R)

    v, kept = np.zeros(len(C)), []
    for breath in range(8):
        begin = 0.0
        for phase in breath_phases(mode):
            span = (begin, begin + phase.duration)
            last = breath == 7
            solution = solve_ivp(
                rates, span, v, "DOP853", np.linspace(*span, 201) if last else None, args=(phase, begin),
                rtol=1e-9, atol=1e-14,
            )  # fmt: skip
            v, begin = solution.y[:, -1], span[1]
            if last:
                kept.append(solution.y.T)
    volumes = np.concatenate(kept)
    return volumes, float(np.ptp(volumes.sum(axis=1)))


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("tube", [NO_TUBE, TUBE], ids=["bare", "tube"])
def test_against_independent_integration(tube: RohrerTube, name: str) -> None:
    lungs = uneven_lungs()
    breath = solve_breath(lungs, MODES[name], tube)
    volumes, tidal = reference(lungs, name, tube)
    assert np.abs(breath.volumes - volumes).max() < 1e-6 * tidal
    assert breath.tidal_volume == pytest.approx(tidal, rel=1e-4)  # the reference has it at its samples only


def test_airway_pressure_of_volume_control_through_a_tube() -> None:
    """The pressure that the ventilator must make adds the tube's loss to what the bare lungs need."""
    lungs = uneven_lungs()
    bare, tubed = (solve_breath(lungs, MODES["volume"], tube) for tube in (NO_TUBE, TUBE))
    flow = 20.0 * ML / 0.35
    start = tubed.auto_peep - bare.auto_peep  # the tube slows expiration, so that more gas stays
    assert tubed.peak_pressure - bare.peak_pressure == pytest.approx(
        TUBE.pressure_loss(flow) + start, rel=0.02
    )
    assert start > 0.0


def test_equal_time_constants_are_one_compartment() -> None:
    """Two parts with the same time constant fill like one of the summed compliance."""
    parts = tuple(
        LungCompartment(compliance=c * ML_PER_CMH2O, resistance=60.0 / c * CMH2O_S_PER_L) for c in (0.8, 1.6)
    )
    lungs = replace(uneven_lungs(), compartments=parts)
    whole = replace(
        lungs,
        compartments=(LungCompartment(compliance=2.4 * ML_PER_CMH2O, resistance=60.0 / 2.4 * CMH2O_S_PER_L),),
    )
    both, single = solve_breath(lungs, MODES["control"]), solve_breath(whole, MODES["control"])
    assert both.tidal_volume == pytest.approx(single.tidal_volume, rel=1e-10)
    assert both.volumes[:, 1] == pytest.approx(2.0 * both.volumes[:, 0], rel=1e-9)


def test_pendelluft_in_the_pause() -> None:
    """With the airway closed the fast part empties into the slow one, and nothing leaves."""
    breath = solve_breath(uneven_lungs(), MODES["volume"])
    pause = (breath.times > 0.351) & (breath.times < 0.449)
    assert np.abs(breath.flow[pause]).max() < 1e-12
    fast, slow = np.diff(breath.volumes[pause], axis=0).T
    assert np.all(fast < 0.0) and np.all(slow > 0.0)


@pytest.mark.parametrize("frequency", [3.0, 6.0, 10.0, 15.0])
def test_dynamic_compliance_of_otis(frequency: float) -> None:
    """Resistance and compliance of two parallel units at a frequency: Otis et al. 1956, equations 3 and 4."""
    lungs = replace(uneven_lungs(), central_resistance=0.0, chest_wall_compliance=999.0 * ML_PER_CMH2O)
    (C1, R1), (C2, R2) = ((each.compliance, each.resistance) for each in lungs.compartments)
    T1, T2, w = R1 * C1, R2 * C2, 2.0 * math.pi * frequency
    mixed = (w * (T2 * C1 + T1 * C2)) ** 2 + (C1 + C2) ** 2
    C = mixed / (w**2 * (T1**2 * C2 + T2**2 * C1) + C1 + C2)
    R = (w**2 * T1 * T2 * (T2 * C1 + T1 * C2) + T1 * C1 + T2 * C2) / mixed
    mode = HighFrequencyOscillation(frequency=frequency, mean_pressure=12.0 * CMH2O, amplitude=20.0 * CMH2O)
    wall = 1.0 / (w * lungs.chest_wall_compliance)
    expected = 20.0 * CMH2O / w / math.hypot(R, 1.0 / (w * C) + wall)
    assert solve_breath(lungs, mode).tidal_volume == pytest.approx(expected, rel=1e-10)


def test_oscillation_through_a_tube() -> None:
    """The sine that the impedances give satisfies the equation of motion in its first harmonic."""
    lungs = term_lungs()
    mode = HighFrequencyOscillation(frequency=10.0, mean_pressure=12.0 * CMH2O, amplitude=30.0 * CMH2O)
    breath = solve_breath(lungs, mode, TUBE)
    w = 20.0 * math.pi
    loss = np.array([TUBE.pressure_loss(flow) for flow in breath.flow])
    acceleration = np.gradient(breath.flow, breath.times)
    balance = (
        breath.airway_pressure
        - loss
        - TUBE.inertance * acceleration
        - lungs.resistance * breath.flow
        - breath.volumes.sum(axis=1) / lungs.compliance
    )
    for wave in (np.sin(w * breath.times), np.cos(w * breath.times)):
        share = 2.0 * np.trapezoid(balance * wave, breath.times) * 10.0
        assert abs(share) < 2e-3 * 15.0 * CMH2O
    assert 1.0 < breath.tidal_volume / 3.5 / ML < 4.0  # mL/kg, as delivered at the bedside
    assert breath.mean_pleural_pressure - lungs.resting_pleural_pressure == pytest.approx(
        12.0 * CMH2O * lungs.transmission, rel=1e-12
    )


def test_narrow_tube_traps_gas() -> None:
    """A smaller tube: less volume and more auto-PEEP at the same pressures."""
    mode = pressure_control(rate=80.0, inspiration=0.3)
    breaths = [
        solve_breath(term_lungs(), mode, rohrer(EndotrachealTube(inner_diameter=size), 10e-3 / 60.0))
        for size in (4.0e-3, 3.5e-3, 3.0e-3, 2.5e-3)
    ]
    volumes = [each.tidal_volume for each in breaths]
    trapped = [each.auto_peep for each in breaths]
    assert volumes == sorted(volumes, reverse=True) and trapped == sorted(trapped)
    assert volumes[-1] < 0.8 * volumes[0]


def test_chest_wall_transmits_pressure() -> None:
    """Of a static pressure C_lung / (C_lung + Cw) reaches the pleura; muscle effort lowers it."""
    lungs = term_lungs()
    passive = solve_breath(lungs, pressure_control())
    rise = passive.mean_pleural_pressure - lungs.resting_pleural_pressure
    assert rise == pytest.approx(passive.mean_airway_pressure * lungs.transmission, rel=1e-7)
    active = solve_breath(lungs, MODES["spontaneous"])
    assert active.pleural_pressure.min() < lungs.resting_pleural_pressure - 5.0 * CMH2O


def test_alveolar_ventilation_needs_more_than_dead_space() -> None:
    breath = solve_breath(term_lungs(), pressure_control())
    assert breath.alveolar_ventilation(8.4 * ML) == pytest.approx(
        (breath.tidal_volume - 8.4 * ML) * 40.0 / 60.0, rel=1e-12
    )
    assert breath.alveolar_ventilation(100.0 * ML) == 0.0


def test_refuses_impossible_lungs() -> None:
    with pytest.raises(CaseError, match="without a compartment"):
        replace(uneven_lungs(), compartments=())
    with pytest.raises(CaseError, match="below that of the chest wall"):
        one_compartment(
            compliance=2e-8,
            resistance=4e6,
            chest_wall_compliance=1e-8,
            functional_residual_capacity=7e-5,
            dead_space=8e-6,
        )
    with pytest.raises(CaseError, match=r"\[lung compartment\] compliance is out of range"):
        LungCompartment(compliance=-1e-8, resistance=4e6)
