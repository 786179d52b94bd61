"""One phase of a breath through a nonlinear tube, compiled.

With the conductances g_k = 1 / R_k of the airways, recoils p_k and G = sum(g), the pressure at the branching is

    p_b = (Q + sum(g_k p_k)) / G

so that the flow is the root of a quadratic, (K1 + R0 + 1/G) Q + K2 |Q| Q = P_aw + P_mus - sum(g_k p_k) / G, and the
compartments fill with q_k = g_k (p_b - p_k). A flow-driven phase has Q given. The volumes are marched by the classical
Runge–Kutta method.
"""

from __future__ import annotations

import numpy as np

from hemoplan.arrays import FloatArray
from lumped.compiled import compiled


@compiled
def march(
    volumes: FloatArray,
    E: FloatArray,
    g: FloatArray,
    central: float,
    linear: float,
    quadratic: float,
    phase: FloatArray,
    steps: int,
    every: int,
) -> tuple[FloatArray, FloatArray]:
    """One phase by Runge–Kutta 4; samples of volumes and rates after every `every` steps.

    Args:
        volumes: (n,) at the start.
        E: (n, n) elastances.
        g: (n,) conductances of the airways.
        central: Central resistance.
        linear: K1 of the tube.
        quadratic: K2 of the tube.
        phase: Duration, whether flow-driven, start, slope, muscle, its frequency, its angle.
        steps: Number of steps.
        every: Steps between samples.
    """
    n = volumes.size
    dt = phase[0] / steps
    samples = steps // every + 1
    kept, kept_rates = np.empty((samples, n)), np.empty((samples, n))
    v = volumes.copy()
    stages = np.empty((4, n))
    for k in range(steps + 1):
        for stage in range(4):
            t = dt * (k + (0.0 if stage == 0 else (1.0 if stage == 3 else 0.5)))
            at = v.copy()
            if stage == 1 or stage == 2:
                at += 0.5 * dt * stages[stage - 1]
            elif stage == 3:
                at += dt * stages[2]
            recoil = E @ at
            drive = phase[2] + phase[3] * t
            total = g.sum()
            share = (g * recoil).sum() / total
            if phase[1] > 0.0:
                node = drive / total + share
            else:
                muscle = phase[4] * np.sin(phase[5] * t + phase[6])
                a = linear + central + 1.0 / total
                push = drive + muscle - share
                flow = 2.0 * push / (a + np.sqrt(a * a + 4.0 * quadratic * abs(push)))
                node = flow / total + share
            stages[stage] = g * (node - recoil)
            if stage == 0 and k % every == 0:
                kept[k // every] = v
                kept_rates[k // every] = stages[0]
            if k == steps:
                break
        if k < steps:
            v = v + dt / 6.0 * (stages[0] + 2.0 * stages[1] + 2.0 * stages[2] + stages[3])
    return kept, kept_rates
