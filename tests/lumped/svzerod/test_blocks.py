"""Blocks against closed forms, and against SciPy's integrators on the equations as the docstrings state them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from lumped.svzerod import Result, parse_model, run

from .files import Entry, boundary, junction, model, one_vessel, steady, valve, vessel

TURN = 2.0 * math.pi
FLOW = boundary("IN", "FLOW", fn="5 * sin(2*pi*t)^2")
OHM = boundary("OUT", "RESISTANCE", R=20.0)


def flow(t: float) -> float:
    return 5.0 * math.sin(TURN * t) ** 2


def solve(content: Entry) -> Result:
    return run(parse_model(content))


def integrate(
    rates: Callable[[float, np.ndarray], list[float]], start: list[float], times: np.ndarray
) -> np.ndarray:
    """States (n, m) at the times, by an integrator of high order with small steps."""
    answer = solve_ivp(
        rates, (0.0, times[-1]), start, method="Radau", t_eval=times, rtol=1e-9, atol=1e-10, max_step=0.01
    )
    assert answer.success
    return answer.y


def close(ours: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max()


# Vessels


def test_second_order_on_a_windkessel() -> None:
    R, Rp, Rd, C = 100.0, 50.0, 500.0, 1e-3
    tau = Rd * C
    errors = []
    for points in (51, 101, 201):
        result = solve(
            model(
                [vessel(0, {"R_poiseuille": R}, inlet="IN", outlet="OUT")],
                [
                    boundary("IN", "FLOW", fn="3*(1 - cos(2*pi*t))"),
                    boundary("OUT", "RCR", Rp=Rp, Rd=Rd, C=C, Pd=0.0),
                ],
                points=points,
            )
        )
        t = result.times
        wave = (np.cos(TURN * t) + TURN * tau * np.sin(TURN * t)) / (1.0 + (TURN * tau) ** 2)
        fade = np.exp(-t / tau)
        capacitor = 3.0 * Rd * (1.0 - fade - wave + fade / (1.0 + (TURN * tau) ** 2))
        expected = (R + Rp) * 3.0 * (1.0 - np.cos(TURN * t)) + capacitor
        errors.append(np.abs(result.series("pressure:IN:v0") - expected).max() / expected.max())
    assert np.log2(np.array(errors[:-1]) / np.array(errors[1:])) == pytest.approx(2.0, abs=0.1)
    assert errors[-1] < 1e-4


def test_inertance_delays_the_flow() -> None:
    """L Q' + (R + 20) Q = 100 sin(2 pi t) from rest."""
    R, L = 30.0, 10.0
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": R, "L": L}, inlet="IN", outlet="OUT")],
            [boundary("IN", "PRESSURE", fn="100*sin(2*pi*t)"), OHM],
            points=2001,
        )
    )
    t, total = result.times, R + 20.0
    size = 100.0 / (total**2 + (TURN * L) ** 2)
    wave = total * np.sin(TURN * t) - TURN * L * np.cos(TURN * t) + TURN * L * np.exp(-total * t / L)
    close(result.series("flow:v0:OUT"), size * wave, 1e-5)


@pytest.mark.parametrize("drop", [700.0, -700.0])
def test_stenosis_drop_is_quadratic(drop: float) -> None:
    content = one_vessel(
        "BloodVessel", steady("OUT", "PRESSURE", 50.0), R_poiseuille=10.0, stenosis_coefficient=3.0
    )
    content["simulation_parameters"]["steady_initial"] = True
    content["boundary_conditions"][0] = steady("IN", "PRESSURE", 50.0 + drop)
    q = (math.sqrt(10.0**2 + 4.0 * 3.0 * 700.0) - 10.0) / (2.0 * 3.0)
    assert solve(content).series("flow:IN:v0")[-1] == pytest.approx(math.copysign(q, drop), rel=1e-9)


def test_vessel_bed_with_compliance_before_it() -> None:
    """BloodVesselRC: Cp P_in' = Q - (P_in - 20 Q) / Rpd."""
    Rpd, Cp = 100.0, 2e-3
    result = solve(
        model(
            [vessel(0, {"Rpd": Rpd, "Cp": Cp}, inlet="IN", outlet="OUT", kind="BloodVesselRC")],
            [FLOW, OHM],
            points=2001,
        )
    )
    expected = integrate(lambda t, y: [(flow(t) - (y[0] - 20.0 * flow(t)) / Rpd) / Cp], [0.0], result.times)
    close(result.series("pressure:IN:v0"), expected[0], 1e-5)


def test_compliance_before_the_resistance() -> None:
    """BloodVesselCRL: C P_in' = Q_in - Q, L Q' = P_in - (R + 20) Q."""
    R, C, L = 40.0, 1e-3, 2.0
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": R, "C": C, "L": L}, inlet="IN", outlet="OUT", kind="BloodVesselCRL")],
            [FLOW, OHM],
            points=2001,
        )
    )
    expected = integrate(
        lambda t, y: [(flow(t) - y[1]) / C, (y[0] - (R + 20.0) * y[1]) / L], [0.0, 0.0], result.times
    )
    close(result.series("pressure:IN:v0"), expected[0], 1e-5)
    close(result.series("flow:v0:OUT"), expected[1], 1e-5)


# Junctions


def fork(kind: str, outlets: tuple[float, float], **values: list[float]) -> Result:
    return solve(
        model(
            [vessel(0, {"R_poiseuille": 2.0}, inlet="IN")]
            + [vessel(i, {"R_poiseuille": 5.0}, outlet=f"OUT{i}") for i in (1, 2)],
            [steady("IN", "FLOW", 5.0)]
            + [boundary(f"OUT{i}", "RESISTANCE", R=R - 5.0) for i, R in enumerate(outlets, 1)],
            junctions=[junction("J", ["v0"], ["v1", "v2"], kind, **values)],
            options={"steady_initial": True},
        )
    )


def test_junction_of_short_vessels() -> None:
    """Outlets for which 200 before the junction drives 3 and 2: 200 = (10 + 1*3) 3 + 161 = (20 + 2*2) 2 + 152."""
    result = fork(
        "BloodVesselJunction",
        (161.0 / 3.0, 152.0 / 2.0),
        R_poiseuille=[10.0, 20.0],
        L=[0.5, 0.25],
        stenosis_coefficient=[1.0, 2.0],
    )
    for name, value in (
        ("pressure:v0:J", 200.0),
        ("pressure:J:v1", 161.0),
        ("pressure:J:v2", 152.0),
        ("flow:J:v1", 3.0),
        ("flow:J:v2", 2.0),
        ("pressure:IN:v0", 210.0),
    ):
        assert result.series(name)[-1] == pytest.approx(value, rel=1e-8)


def test_junction_of_resistances() -> None:
    """In the middle: 200 = 5 R_0 below the inlet, and 3 and 2 flow on through R_1 and R_2."""
    result = fork("resistive_junction", ((200.0 - 30.0) / 3.0, (200.0 - 40.0) / 2.0), R=[4.0, 10.0, 20.0])
    for name, value in (
        ("pressure_c:J", 200.0),
        ("pressure:v0:J", 220.0),
        ("pressure:J:v1", 170.0),
        ("pressure:J:v2", 160.0),
        ("flow:J:v1", 3.0),
        ("flow:J:v2", 2.0),
    ):
        assert result.series(name)[-1] == pytest.approx(value, rel=1e-8)


# Outlets

PIM = ([0.0, 0.25, 1.0], [100.0, 900.0, 100.0])


def coronary(varying: bool) -> tuple[Result, np.ndarray]:
    Ra, Rv, Ca, Cim, Pv = 20.0, 60.0, 5e-4, 2e-3, 30.0
    low, high, rise, fall = 40.0, 160.0, 0.3, 0.4
    small = {"Ra2_min": low, "Ra2_max": high, "T_vc": rise, "T_vr": fall} if varying else {"Ra2": low}
    bed = {"Ra1": Ra, **small, "Rv1": Rv, "Ca": Ca, "Cc": Cim, "Pim": PIM[1], "t": PIM[0], "P_v": Pv}
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": 10.0}, inlet="IN", outlet="OUT")],
            [FLOW, boundary("OUT", "CORONARY_VAR_RES" if varying else "CORONARY", **bed)],
            points=4001,
        )
    )

    def resistance(t: float) -> float:
        if not varying:
            return low
        shape = 0.5 * (1.0 - math.cos(math.pi * t / rise))
        if t > rise:
            shape = 0.5 * (1.0 + math.cos(math.pi * (t - rise) / fall)) if t <= rise + fall else 0.0
        return (math.sqrt(low) + (math.sqrt(high) - math.sqrt(low)) * shape) ** 2

    def rates(t: float, y: np.ndarray) -> list[float]:
        arterial, stored = y
        inside = stored / Cim + float(np.interp(t, *PIM)) - PIM[1][0]
        into = (arterial - inside) / resistance(t)
        return [(flow(t) - into) / Ca, into - (inside - Pv) / Rv]

    expected = integrate(rates, [0.0, 0.0], result.times)
    return result, expected


@pytest.mark.parametrize("varying", [False, True])
def test_coronary_bed(varying: bool) -> None:
    result, (arterial, stored) = coronary(varying)
    flows = np.array([flow(t) for t in result.times])
    close(result.series("pressure:v0:OUT"), arterial + 20.0 * flows, 1e-4)
    close(result.series("volume_im:OUT"), stored, 1e-4)


def test_impedance_is_a_convolution() -> None:
    """In the third period the flow of a whole period is known; P and Q(t) are those at two thirds of a time step."""
    count = 64
    z = 40.0 * np.exp(-np.arange(count) / 8.0)
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": 10.0}, inlet="IN", outlet="OUT")],
            [FLOW, boundary("OUT", "IMPEDANCE", z=z.tolist(), Pd=80.0)],
            points=count + 1,
            cycles=3,
        )
    )
    q, p = result.series("flow:v0:OUT"), result.series("pressure:v0:OUT")
    steps = np.arange(2 * count, 3 * count)
    past = np.array([z[1:] @ q[n + 1 - np.arange(1, count)] for n in steps])
    within = [each[steps] / 3.0 + each[steps + 1] * 2.0 / 3.0 for each in (p, q)]
    close(within[0], 80.0 + z[0] * within[1] + past, 1e-9)


def test_windkessel_of_a_loop_between_two_prescribed_ends() -> None:
    """ClosedLoopRCR behind a vessel, its outlet held by a coupling: C P_c' = Q - (P_c - 30) / Rd."""
    Rp, Rd, C = 10.0, 200.0, 2e-3
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": 10.0}, inlet="IN", outlet="BED")],
            [FLOW, boundary("BED", "ClosedLoopRCR", Rp=Rp, Rd=Rd, C=C, closed_loop_outlet=False)],
            external_solver_coupling_blocks=[
                {
                    "name": "VEINS",
                    "type": "PRESSURE",
                    "location": "outlet",
                    "connected_block": "BED",
                    "periodic": False,
                    "values": {"t": [0.0, 2.0], "P": [30.0, 30.0]},
                }
            ],
            initial_condition={"pressure_all": 30.0, "P_c:BED": 30.0},
            points=2001,
        )
    )
    expected = integrate(lambda t, y: [(flow(t) - (y[0] - 30.0) / Rd) / C], [30.0], result.times)
    close(result.series("P_c:BED"), expected[0], 1e-5)


def test_time_step_of_an_external_solver() -> None:
    """One time step of 0.2 in 400 parts: a flow that rises from 1 to 3 into a resistance."""
    result = solve(
        model(
            [vessel(0, {"R_poiseuille": 10.0}, outlet="OUT")],
            [OHM],
            external_solver_coupling_blocks=[
                {
                    "name": "INLET",
                    "type": "FLOW",
                    "location": "inlet",
                    "connected_block": "v0",
                    "periodic": False,
                    "values": {"t": [0.0, 0.2], "Q": [1.0, 3.0]},
                }
            ],
            initial_condition={
                "flow:INLET:v0": 1.0,
                "flow:v0:OUT": 1.0,
                "pressure:INLET:v0": 30.0,
                "pressure:v0:OUT": 20.0,
            },
            initial_condition_d={
                "flow:INLET:v0": 10.0,
                "flow:v0:OUT": 10.0,
                "pressure:INLET:v0": 300.0,
                "pressure:v0:OUT": 200.0,
            },
            options={"coupled_simulation": True, "number_of_time_pts": 401, "external_step_size": 0.2},
        )
    )
    assert result.times[-1] == pytest.approx(0.2)
    assert result.series("pressure:INLET:v0") == pytest.approx(30.0 + 300.0 * result.times, rel=1e-9)


# Valves and chambers


@pytest.mark.parametrize("kind", ["PiecewiseValve", "ValveTanh"])
def test_valve_opens_forwards(kind: str) -> None:
    R, Rmin, Rmax, k = 10.0, 1.0, 5000.0, 0.05
    more = {"Steepness": k} if kind == "ValveTanh" else {}
    result = solve(
        model(
            [
                vessel(0, {"R_poiseuille": R}, inlet="IN"),
                vessel(1, {"R_poiseuille": R}, outlet="OUT"),
            ],
            [boundary("IN", "PRESSURE", fn="100*sin(2*pi*t)"), steady("OUT", "PRESSURE", 0.0)],
            valves=[valve("V", kind, "v0", "v1", Rmax=Rmax, Rmin=Rmin, **more)],
            points=4001,
        )
    )

    def resistance(drop: float) -> float:
        if kind == "PiecewiseValve":
            return Rmin if drop > 0.0 else Rmax
        return Rmin + 0.5 * (Rmax - Rmin) * (1.0 + math.tanh(-k * drop))

    expected = []
    for t in result.times:
        pressure = 100.0 * math.sin(TURN * t)
        if kind == "PiecewiseValve":
            expected.append(pressure / (2.0 * R + resistance(pressure)))
        else:
            drop = brentq(
                lambda d, p=pressure: d * 2.0 * R - (p - d) * resistance(d), -200.0, 200.0, xtol=1e-13
            )
            expected.append((pressure - drop) / (2.0 * R))
    close(result.series("flow:v0:V"), np.array(expected), 5e-3 if kind == "PiecewiseValve" else 1e-4)


def chamber_between(kind: str, volume: float, activation: Entry | None, **values: float) -> Result:
    entry = {"name": "H", "type": kind, "values": values}
    if activation is not None:
        entry["activation_function"] = activation
    return solve(
        model(
            [
                vessel(0, {"R_poiseuille": 1.0}, inlet="IN"),
                vessel(1, {"R_poiseuille": 5.0, "L": 0.2}, outlet="OUT"),
            ],
            [FLOW, OHM],
            junctions=[junction("A", ["v0"], ["H"]), junction("B", ["H"], ["v1"])],
            chambers=[entry],
            initial_condition={"Vc:H": volume},
            points=4001,
        )
    )


def half_cosine(t: float) -> float:
    return 0.5 - 0.5 * math.cos(TURN * (t - 0.1) / 0.4) if 0.1 <= t <= 0.5 else 0.0


def elastance_with_rest_volume(t: float, V: float) -> float:
    A = half_cosine(t)
    return (4.0 + 36.0 * A) * (V - (8.0 - 3.0 * A))


def exponential(t: float, V: float) -> float:
    A = half_cosine(t)
    return A * 40.0 * (V - 2.0) + (1.0 - A) * 10.0 * math.expm1(0.2 * (V - 2.0))


def linear_elastance(t: float, V: float) -> float:
    A = 0.5 * (1.0 - math.cos(math.pi * (t - 0.1) / 0.2)) if 0.1 <= t < 0.3 else 0.0
    if 0.3 <= t < 0.6:
        A = 0.5 * (1.0 + math.cos(math.pi * (t - 0.3) / 0.3))
    return (4.0 + 36.0 * A) * (V - 5.0)


HALF_COSINE = {"type": "half_cosine", "t_active": 0.1, "t_twitch": 0.4}
PIECEWISE = {"contract_start": 0.1, "relax_start": 0.3, "contract_duration": 0.2, "relax_duration": 0.3}
CHAMBERS: list[tuple[str, float, Entry | None, Entry, Callable[[float, float], float]]] = [
    (
        "ChamberElastanceInductor",
        8.0,
        HALF_COSINE,
        {"Emax": 40.0, "Emin": 4.0, "Vrd": 8.0, "Vrs": 5.0, "Impedance": 0.3},
        elastance_with_rest_volume,
    ),
    (
        "ChamberElastanceInductorExponential",
        2.0,
        HALF_COSINE,
        {"Emax": 40.0, "Kxp": 10.0, "Kxv": 0.2, "Vaso": 2.0, "Impedance": 0.3},
        exponential,
    ),
    (
        "LinearElastanceChamber",
        5.0,
        None,
        {"Emax": 36.0, "Epass": 4.0, "Vrest": 5.0, **PIECEWISE},
        linear_elastance,
    ),
]


@pytest.mark.parametrize("case", CHAMBERS, ids=lambda case: case[0])
def test_chamber(case: tuple[str, float, Entry | None, Entry, Callable[[float, float], float]]) -> None:
    """V' = Q_in - Q, (L + 0.2) Q' = P(t, V) - 25 Q."""
    kind, volume, activation, values, pressure = case
    result = chamber_between(kind, volume, activation, **values)
    inertance = values.get("Impedance", 0.0) + 0.2

    def rates(t: float, y: np.ndarray) -> list[float]:
        return [flow(t) - y[1], (pressure(t, y[0]) - 25.0 * y[1]) / inertance]

    V, Q = integrate(rates, [volume, 0.0], result.times)
    close(result.series("Vc:H"), V, 1e-4)
    close(result.series("flow:H:B"), Q, 1e-4)


def mooney_rivlin(C: float) -> float:
    return 4.0 * (1.0 - C**-3) * (1000.0 + 40.0 * C)


def exponential_wall(C: float) -> float:
    matrix, fibres = 2.0 * C + C**-2 - 3.0, C - 1.0
    of_matrix = 8.0 * 300.0 * 2.0 * (1.0 - C**-3) * matrix * math.exp(2.0 * matrix**2)
    return of_matrix + 4.0 * 200.0 * 3.0 * fibres * math.exp(3.0 * fibres**2)


@pytest.mark.parametrize(
    ("material", "stress"),
    [
        (None, mooney_rivlin),
        ({"type": "exponential", "C0": 300.0, "C1": 2.0, "C2": 200.0, "C3": 3.0}, exponential_wall),
    ],
)
def test_spherical_ventricle(material: Entry | None, stress: Callable[[float], float]) -> None:
    """A thick sphere between a prescribed inflow and a resistance of 500."""
    rho, d0, r0, eta, sigma, up, down = 1000.0, 0.5, 2.0, 5.0, 4000.0, 30.0, -20.0
    wall = {
        "rho": rho,
        "thick0": d0,
        "radius0": r0,
        "eta": eta,
        "sigma_max": sigma,
        "alpha_max": up,
        "alpha_min": down,
    }
    timing = {"tsys": 0.2, "tdias": 0.5, "steepness": 0.02}
    values = {**wall, **timing, **({"W1": 1000.0, "W2": 40.0} if material is None else {})}
    more = {} if material is None else {"material": material}
    result = solve(
        model(
            [vessel(0, values, inlet="IN", outlet="OUT", kind="ChamberSphere", **more)],
            [FLOW, boundary("OUT", "RESISTANCE", R=500.0)],
            points=4001,
            options={"absolute_tolerance": 1e-7},
        )
    )

    def rates(t: float, y: np.ndarray) -> list[float]:
        r, v, tau = y
        C = (1.0 + r / r0) ** 2
        S = tau + stress(C) + eta * 2.0 * (1.0 + r / r0) * v / r0 * (1.0 + 2.0 * C**-6)
        P = 500.0 * (flow(t) - 4.0 * math.pi * r0**2 * C * v)
        f = 0.25 * (1.0 + math.tanh((t - 0.2) / 0.02)) * (1.0 - math.tanh((t - 0.5) / 0.02))
        a = up * f + down * (1.0 - f)
        return [v, (P * C - d0 / r0 * (1.0 + r / r0) * S) / (rho * d0), sigma * max(a, 0.0) - abs(a) * tau]

    r, v, tau = integrate(rates, [0.0, 0.0, 0.0], result.times)
    assert r.max() > 1e-2
    close(result.series("radius:v0"), r, 1e-3)
    close(result.series("velo:v0"), v, 3e-3)
    close(result.series("tau:v0"), tau, 1e-3)


# What is kept


def test_rows_at_intervals_and_the_last_cycle() -> None:
    content = one_vessel("BloodVessel", OHM, R_poiseuille=10.0, C=1e-3)
    content["simulation_parameters"] |= {"number_of_cardiac_cycles": 3, "output_interval": 2}
    whole = solve(content)
    assert whole.times == pytest.approx(np.arange(0.0, 3.01, 0.2))
    content["simulation_parameters"]["output_all_cycles"] = False
    last = solve(content)
    assert last.times == pytest.approx(np.arange(0.0, 1.01, 0.2))
    assert last.y == pytest.approx(whole.y[-6:])


def test_steady_start_is_the_mean_of_the_samples() -> None:
    """Both ends count: (0 + 8 + 4 + 0) / 4 = 3."""
    content = model(
        [vessel(0, {"R_poiseuille": 10.0}, inlet="IN", outlet="OUT")],
        [
            boundary("IN", "FLOW", t=[0.0, 0.2, 0.5, 1.0], Q=[0.0, 8.0, 4.0, 0.0]),
            boundary("OUT", "RCR", Rp=10.0, Rd=90.0, C=1.0, Pd=5.0),
        ],
        options={"steady_initial": True},
    )
    assert solve(content).series("pressure_c:OUT")[0] == pytest.approx(5.0 + 90.0 * 3.0, rel=1e-8)
