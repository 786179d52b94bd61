"""Indices of the wall shear stress over a cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray

LONGEST_RESIDENCE = 1e3
"""Relative residence times are cut off here [1/Pa]: without a mean stress there is no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallIndices:
    """Indices at n places of the wall; `hemoplan.results.FlowMetrics` has the definitions.

    Attributes:
        tawss: (n,) time-averaged wall shear stress [Pa].
        osi: (n,) oscillatory shear index, 0 to 0.5.
        rrt: (n,) relative residence time [1/Pa].
        transwss: (n,) transverse wall shear stress [Pa].
    """

    tawss: FloatArray
    osi: FloatArray
    rrt: FloatArray
    transwss: FloatArray


def wall_indices(
    mean: FloatArray, mean_magnitude: FloatArray, samples: FloatArray, weights: FloatArray
) -> WallIndices:
    """Indices from the means over a cycle and from samples of the stress; zero where there is no stress.

    Args:
        mean: (n, 3) mean stress vector [Pa].
        mean_magnitude: (n,) mean of its magnitude [Pa].
        samples: (n, s, 3) the stress at s times of the cycle [Pa].
        weights: (s,) share of the cycle that each time stands for.
    """
    net = np.linalg.norm(mean, axis=1)
    floor = 1e-30
    stressed = mean_magnitude > floor
    osi = np.where(stressed, 0.5 * (1.0 - net / np.maximum(mean_magnitude, floor)), 0.0)
    rrt = np.where(stressed, 1.0 / np.maximum(net, 1.0 / LONGEST_RESIDENCE), 0.0)
    return WallIndices(
        tawss=mean_magnitude,
        osi=np.clip(osi, 0.0, 0.5),
        rrt=rrt,
        transwss=_transverse_stress(mean / np.maximum(net, floor)[:, None], samples, weights),
    )


def _transverse_stress(direction: FloatArray, samples: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of what the stress has across a direction; all vectors lie in the plane of the wall."""
    transverse = np.zeros(len(direction))
    for index, weight in enumerate(weights):
        stress = np.asarray(samples[:, index], dtype=np.float64)
        along = (stress * direction).sum(axis=1, keepdims=True) * direction
        transverse += weight * np.linalg.norm(stress - along, axis=1)
    return transverse
