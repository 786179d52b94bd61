"""A newborn's arch with a coarctation, as radii on the way to each outlet, for the tests of this folder."""

from __future__ import annotations

import numpy as np

from hemoplan.units import MMHG
from lumped.aortic_flow import aortic_flow
from lumped.calibrate import CuffPressure, Targets
from lumped.surrogate import VesselPath, surrogate_from_paths

DENSITY, VISCOSITY = 1060.0, 4.0e-3
INFLOW = aortic_flow(60.0 / 140.0, 850e-6 / 60.0)
FRACTIONS = {"descending_aorta": 0.50, "brachiocephalic": 0.25, "left_carotid": 0.12, "left_subclavian": 0.13}


def path(length: float, *radii: float) -> VesselPath:
    """Radii [mm] at even distances over a length [mm], sampled as a centreline is."""
    s = np.linspace(0.0, length, 201)
    radius = np.interp(s, np.linspace(0.0, length, len(radii)), radii)
    return VesselPath(arc_length=1e-3 * s, radius=1e-3 * radius)


SURROGATE = surrogate_from_paths(
    "ascending_aorta",
    {
        "descending_aorta": path(70, 4, 4, 3.5, 3, 2.5, 2.5, 1.1, 3.4, 3.25, 3.25, 3.25),
        "brachiocephalic": path(35, 4, 4, 2.25, 2.25),
        "left_carotid": path(45, 4, 4, 3, 1.5, 1.5),
        "left_subclavian": path(50, 4, 4, 3, 2.5, 1.5, 1.5),
    },
    density=DENSITY,
    viscosity=VISCOSITY,
    trunk_length=0.010,
)


def targets(systolic: float, diastolic: float, mean: float, site: str = "brachiocephalic") -> Targets:
    """Cuff pressures [mmHg] at a site, with the flow fractions and the veins of this child."""
    cuff = CuffPressure(systolic=systolic * MMHG, diastolic=diastolic * MMHG, mean=mean * MMHG)
    return Targets(cuff=cuff, site=site, fractions=FRACTIONS, venous_pressure=5.0 * MMHG)
