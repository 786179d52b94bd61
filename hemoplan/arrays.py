"""Array types that appear in signatures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type FloatArray = NDArray[np.float64]
type IntArray = NDArray[np.int64]
type Vec3 = tuple[float, float, float]
"""A point or a direction in world coordinates (LPS: x to the left, y to the back, z to the head) [m]."""
