from __future__ import annotations

import numpy as np
import pytest

from lumped.blocks.connection_laws import driven_flow, inertial_rate, leaflet_rates, lossy_flow, positive_part
from lumped.blocks.connections import CONNECTIONS
from lumped.blocks.record import Blood

MMHG = 133.322387415
R, K = 5e6, 3e12  # 0.0375 mmHg s/mL and 0.0225 mmHg s²/mL²: a newborn's valve
WIDTH = 0.1 * MMHG
KINDS = {
    "resistor": {"resistance": R},
    "loss": {"resistance": R, "quadratic_loss": K},
    "valve": {"resistance": R, "quadratic_loss": K, "opening_pressure": WIDTH},
    "flap": {"diameter": 5e-3, "opening_pressure": WIDTH, "leak_diameter": 1e-3},
    "sigmoid_valve": {"resistance": R, "closed_resistance": 1e4 * R, "steepness": 10.0 / MMHG},
    "collapsible_vessel": {"resistance": R, "opening_pressure": WIDTH},
    "duct": {"first_diameter": 6e-3, "second_diameter": 2e-3, "length": 1e-2},
}
STEP = 1e-30


def law_of(name: str) -> tuple[int, np.ndarray]:
    """Law and numbers of a connection."""
    kind = CONNECTIONS[name]
    return kind.law, np.array(kind.pack(kind.complete(KINDS[name]), Blood()))


def flow(name: str, pa: float, pb: float, pe: float = 0.0) -> float:
    law, p = law_of(name)
    return float(driven_flow(law, p, 0, pa, pb, pe)[0])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("drop", [-15.0, -0.3, -0.05, 0.02, 0.09, 0.4, 15.0])
def test_derivatives_of_the_flow(name: str, drop: float) -> None:
    law, p = law_of(name)
    pb, pe = complex(8.0 * MMHG), complex(8.03 * MMHG)
    pa = pb + drop * MMHG
    _, *slopes = driven_flow(law, p, 0, pa, pb, pe)
    h = 1j * STEP
    moved = [
        driven_flow(law, p, 0, pa + h, pb, pe)[0],
        driven_flow(law, p, 0, pa, pb + h, pe)[0],
        driven_flow(law, p, 0, pa, pb, pe + h)[0],
    ]
    for slope, other in zip(slopes, moved, strict=True):
        assert slope.real == pytest.approx(other.imag / STEP, rel=1e-9, abs=1e-25)


@pytest.mark.parametrize("name", KINDS)
def test_flow_rises_with_the_pressure_drop_and_its_slope_has_no_jump(name: str) -> None:
    law, p = law_of(name)
    drops = np.linspace(-0.5, 0.5, 20001) * MMHG
    values = np.array([driven_flow(law, p, 0, d + 900.0, 900.0, 880.0) for d in drops])
    if name != "sigmoid_valve":  # its published law falls for a stretch where it closes
        assert (values[:, 1] >= 0.0).all()
        assert (np.diff(values[:, 0]) >= 0.0).all()
    assert np.abs(np.diff(values[:, 1])).max() < 1e-2 * values[:, 1].max()


def test_lossy_flow_inverts_the_quadratic_loss() -> None:
    for drop in np.array([-80.0, -1e-9, 0.0, 1e-12, 0.3, 120.0]) * MMHG:
        for resistance in (1.0, R, 1e9):
            Q, slope = lossy_flow(resistance, K, drop)
            assert resistance * Q + K * abs(Q) * Q == pytest.approx(drop, rel=1e-13, abs=1e-300)
            assert slope == pytest.approx(1.0 / (resistance + 2.0 * K * abs(Q)), rel=1e-12)


def test_loss_without_quadratic_part_is_a_resistor() -> None:
    assert lossy_flow(R, 0.0, 7.0)[0] == pytest.approx(7.0 / R, rel=1e-15)


def test_loss_can_differ_with_the_direction() -> None:
    """A cone from 6 to 2 mm at a drop where the dynamic pressure is all but 2 %.

    Forward it loses (0.5 / 81 + 1) times that in the narrow end, backward (0.5 + 1 / 81) times.
    """
    forward, backward = flow("duct", 90.0 * MMHG, 0.0), flow("duct", 0.0, 90.0 * MMHG)
    assert -backward / forward == pytest.approx(np.sqrt((0.5 / 81.0 + 1.0) / (0.5 + 1.0 / 81.0)), rel=0.02)


def test_positive_part_is_rounded_with_two_continuous_derivatives() -> None:
    w = 0.1 * MMHG
    assert positive_part(-1.0, w) == (0.0, 0.0)
    assert positive_part(0.0, w) == (0.0, 0.0)
    value, slope = positive_part(w, w)
    assert (value, slope) == (pytest.approx(0.5 * w), 1.0)
    x = np.linspace(-0.5 * w, 1.5 * w, 4001)
    slopes = np.array([positive_part(each, w)[1] for each in x])
    bend = np.diff(slopes) / np.diff(x)
    assert (np.diff(slopes) >= 0.0).all()
    assert np.abs(np.diff(bend)).max() < 0.01 / w


def test_closed_valve_is_tight() -> None:
    for drop in (-1e-9, -0.1, -60.0):
        assert flow("valve", drop * MMHG, 0.0) == 0.0


def test_open_valve_loses_its_opening_pressure_by_half() -> None:
    """Beyond the rounding, the flow is that of the drop less half of its width."""
    drop = 4.0 * MMHG
    Q = flow("valve", drop, 0.0)
    assert R * Q + K * Q * Q == pytest.approx(drop - 0.5 * WIDTH, rel=1e-13)


def test_leak_passes_a_jet_backward() -> None:
    """Torricelli's speed through 70 % of the leak of 1 mm; what the hole's viscous part takes is below 2 %."""
    Q = flow("flap", 0.0, 60.0 * MMHG)
    jet = 0.7 * 0.25 * np.pi * 1e-6 * np.sqrt(2.0 * 60.0 * MMHG / 1060.0)
    assert Q == pytest.approx(-jet, rel=0.02)
    assert flow("flap", 60.0 * MMHG, 0.0) == pytest.approx(25.0 * jet, rel=0.02)


def test_sigmoid_valve_between_its_resistances() -> None:
    assert flow("sigmoid_valve", 20.0 * MMHG, 0.0) == pytest.approx(20.0 * MMHG / R, rel=1e-12)
    assert flow("sigmoid_valve", 0.0, 20.0 * MMHG) == pytest.approx(-20.0 * MMHG / (1e4 * R), rel=1e-9)


@pytest.mark.parametrize(
    ("pa", "pb", "pe", "drive"),
    [
        (12.0, 5.0, 2.0, 7.0),  # open along its length: what counts is the drop (zone 3)
        (12.0, 5.0, 8.0, 4.0 - 0.05),  # closed at its end: what counts is the pressure around it (zone 2)
        (6.0, 5.0, 8.0, 0.0),  # closed: nothing flows (zone 1)
    ],
)
def test_collapsible_vessel_in_its_three_zones(pa: float, pb: float, pe: float, drive: float) -> None:
    assert flow("collapsible_vessel", pa * MMHG, pb * MMHG, pe * MMHG) == pytest.approx(
        drive * MMHG / R, rel=1e-12, abs=1e-30
    )


def test_waterfall_does_not_feel_what_is_downstream() -> None:
    flows = {flow("collapsible_vessel", 12.0 * MMHG, pb * MMHG, 8.0 * MMHG) for pb in (-3.0, 0.0, 5.0, 7.9)}
    assert len(flows) == 1


@pytest.mark.parametrize("Q", [-4e-6, 0.0, 9e-6])
def test_derivatives_of_an_inertial_rate(Q: float) -> None:
    p = np.array([R, K, 2.0 * K, 2.4e5])
    pa, pb = complex(50.0 * MMHG), complex(47.0 * MMHG)
    rate, dp, dQ = inertial_rate(p, 0, pa, pb, complex(Q))
    assert rate.real == pytest.approx((3.0 * MMHG - R * Q - (K if Q > 0 else 2.0 * K) * abs(Q) * Q) / 2.4e5)
    assert dp.real == pytest.approx(inertial_rate(p, 0, pa + 1j * STEP, pb, complex(Q))[0].imag / STEP)
    assert dQ.real == pytest.approx(inertial_rate(p, 0, pa, pb, complex(Q, STEP))[0].imag / STEP)


LEAFLETS = np.array([5e-5, 1e-9, 1e-2, 1060.0, 0.2, 0.3, 1e5])


@pytest.mark.parametrize(("drop", "Q", "z"), [(3.0, 8e-6, 0.7), (-2.0, 3e-6, 0.4), (-5.0, -2e-7, 0.02)])
def test_derivatives_of_leaflets(drop: float, Q: float, z: float) -> None:
    pb = complex(40.0 * MMHG)
    at = (pb + drop * MMHG, pb, complex(Q), complex(z))
    rate, dp, dQ, dz, speed, speed_dp, speed_dz = leaflet_rates(LEAFLETS, 0, *at)
    h = 1j * STEP
    in_p = leaflet_rates(LEAFLETS, 0, at[0] + h, *at[1:])
    in_Q = leaflet_rates(LEAFLETS, 0, *at[:2], at[2] + h, at[3])
    in_z = leaflet_rates(LEAFLETS, 0, *at[:3], at[3] + h)
    expected = [in_p[0], in_Q[0], in_z[0], in_p[4], in_z[4]]
    found = [dp, dQ, dz, speed_dp, speed_dz]
    assert [each.real for each in found] == pytest.approx([each.imag / STEP for each in expected], rel=1e-12)
    assert (speed.real > 0.0) == (drop > 0.0)
    assert np.isfinite(rate.real)


def test_leaflets_move_toward_open_and_closed_and_stay_there() -> None:
    assert leaflet_rates(LEAFLETS, 0, 500.0, 0.0, 1e-6, 1.0)[4] == 0.0
    assert leaflet_rates(LEAFLETS, 0, 0.0, 500.0, -1e-9, 0.0)[4] == 0.0
    assert leaflet_rates(LEAFLETS, 0, 500.0, 0.0, 1e-6, 0.0)[4] == pytest.approx(0.2 * 500.0)


def test_open_leaflets_at_steady_flow_lose_the_dynamic_pressure() -> None:
    """dQ/dt vanishes where the drop is R Q + rho U² / 2."""
    Q = 2e-5
    drop = 1e5 * Q + 0.5 * 1060.0 * (Q / 5e-5) ** 2
    assert leaflet_rates(LEAFLETS, 0, drop, 0.0, Q, 1.0)[0] == pytest.approx(0.0, abs=1e-12)
