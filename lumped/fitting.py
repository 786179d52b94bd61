"""What a 3D simulation teaches its surrogate: the coefficients of the star, by least squares over one cycle.

For every outlet k and time of the cycle the equations of `lumped.surrogate` are linear in the coefficients,

    p_in - P_k = R_0 Q_in + L_0 dQ_in/dt - D_0 |Q_in| Q_in + R_k Q_k + K_k |Q_k| Q_k + L_k dQ_k/dt,

and none of these may be negative. So all of them come from one non-negative least-squares problem (Lawson and
Hanson, Solving Least Squares Problems, 1974, DOI 10.1137/1.9781611971217).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from hemoplan.arrays import FloatArray
from hemoplan.errors import CalibrationError
from hemoplan.results import PortHistory
from lumped.surrogate import Branch, Surrogate, Trunk

RIDGE = 1e-4
"""Weight of the pull of the scaled coefficients to zero. It decides between the trunk and the branches where
their flows are nearly proportional, and costs the others next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateFit:
    """A surrogate fitted to a simulation, and how well it repeats the pressure drop to each outlet.

    Attributes:
        surrogate: The fitted star.
        rms_error: Root mean square of what is left of the pressure drop, by outlet [Pa].
        r_squared: Share of the drop's mean square that the star explains, by outlet; 1 is perfect.
    """

    surrogate: Surrogate
    rms_error: Mapping[str, float]
    r_squared: Mapping[str, float]


def fit_surrogate(history: PortHistory, *, period: float) -> SurrogateFit:
    """Fit the star to the last cycle of a simulation.

    Args:
        history: At least one cycle of pressures and flows, the inlet first.
        period: Length of the cycle [s].

    Raises:
        CalibrationError: The history is shorter than a cycle, has fewer than 20 times in it, or holds a value
            that is not a number.
    """
    cycle = last_cycle(history, period)
    inlet, outlets = cycle.ports[0], cycle.ports[1:]
    steps, n = cycle.times.size, len(outlets)
    flow_in = -cycle.flows[:, 0]
    rate_in = _periodic_rate(cycle.times, flow_in, period)
    design = np.zeros((n * steps, 3 + 3 * n))
    drops = np.empty(n * steps)
    for k in range(n):
        rows = slice(k * steps, (k + 1) * steps)
        flow = cycle.flows[:, 1 + k]
        drops[rows] = cycle.pressures[:, 0] - cycle.pressures[:, 1 + k]
        design[rows, :3] = np.column_stack([flow_in, rate_in, -np.abs(flow_in) * flow_in])
        rate = _periodic_rate(cycle.times, flow, period)
        design[rows, 3 + 3 * k : 6 + 3 * k] = np.column_stack([flow, np.abs(flow) * flow, rate])
    coefficients = _non_negative(design, drops)
    left = (drops - design @ coefficients).reshape(n, steps)
    wanted = drops.reshape(n, steps)
    branches = coefficients[3:].reshape(n, 3)
    return SurrogateFit(
        surrogate=Surrogate(
            inlet=inlet,
            outlets=outlets,
            branches=tuple(
                Branch(resistance=float(R), loss=float(K), inertance=float(L)) for R, K, L in branches
            ),
            trunk=Trunk(
                resistance=float(coefficients[0]),
                inertance=float(coefficients[1]),
                dynamic=float(coefficients[2]),
            ),
        ),
        rms_error={name: float(np.sqrt(np.mean(left[k] ** 2))) for k, name in enumerate(outlets)},
        r_squared={
            name: float(1.0 - np.sum(left[k] ** 2) / max(np.sum(wanted[k] ** 2), 1e-12))
            for k, name in enumerate(outlets)
        },
    )


def last_cycle(history: PortHistory, period: float) -> PortHistory:
    """The last cycle of a history, with times from 0 to the period.

    Raises:
        CalibrationError: As `fit_surrogate`.
    """
    if not (np.isfinite(history.pressures).all() and np.isfinite(history.flows).all()):
        raise CalibrationError("the history holds a value that is not a number", where="surrogate")
    if history.times.size == 0 or history.times[-1] < (1.0 - 1e-3) * period:
        raise CalibrationError(
            "the history is too short to learn from",
            where="surrogate",
            value=f"{history.times[-1] if history.times.size else 0.0:g} s",
            expected=f"at least one cycle of {period:g} s",
        )
    end = float(history.times[-1])
    inside = history.times > end - period * (1.0 - 1e-6)
    if inside.sum() < 20:
        raise CalibrationError(
            "the last cycle of the history has too few times to learn from",
            where="surrogate",
            value=int(inside.sum()),
            expected="at least 20",
        )
    return PortHistory(
        ports=history.ports,
        times=history.times[inside] - (end - period),
        pressures=history.pressures[inside],
        flows=history.flows[inside],
    )


def _periodic_rate(times: FloatArray, values: FloatArray, period: float) -> FloatArray:
    """(m,) time derivative of a periodic signal by central differences, at any spacing."""
    around = np.concatenate([[times[-1] - period], times, [times[0] + period]])
    signal = np.concatenate([[values[-1]], values, [values[0]]])
    return np.asarray(np.gradient(signal, around)[1:-1], dtype=np.float64)


def _non_negative(design: FloatArray, target: FloatArray) -> FloatArray:
    """Least squares with non-negative coefficients, in scaled columns with a small ridge."""
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0.0] = 1.0
    size = max(float(np.linalg.norm(target)), 1e-12)
    ridge = RIDGE * np.eye(design.shape[1])
    matrix = np.vstack([design / scale, ridge])
    solution, _ = nnls(matrix, np.concatenate([target / size, np.zeros(design.shape[1])]), maxiter=1000)
    return np.asarray(solution * size / scale, dtype=np.float64)
