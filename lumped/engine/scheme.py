"""Coefficients of TR-BDF2, the scheme of `step`."""

from __future__ import annotations

import math

GAMMA = 2.0 - math.sqrt(2.0)
"""Where in the step its stage lies."""
D = 0.5 * GAMMA
"""Weight of the rate that is solved for, in both stages."""
W = 0.25 * math.sqrt(2.0)
"""Weight of the two known rates in the second stage."""
