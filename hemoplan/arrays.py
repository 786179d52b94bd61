"""Array types that appear in signatures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type FloatArray = NDArray[np.float64]
type IntArray = NDArray[np.int64]
type ComplexArray = NDArray[np.complex128]
type Vec3 = tuple[float, float, float]
"""A point or a direction in world coordinates (RAS: x to the right, y to the front, z to the head) [m]."""
