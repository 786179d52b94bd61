"""The choice between the two element pairs."""

from __future__ import annotations

from typing import Literal

from cfd.domain import Domain
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep, StepSettings
from cfd.linear_step import DEFAULTS as LINEAR_DEFAULTS
from cfd.linear_step import LinearStep
from cfd.quadratic_step import DEFAULTS as QUADRATIC_DEFAULTS
from cfd.quadratic_step import QuadraticStep
from cfd.velocity_boundary import VelocityField

type ElementPair = Literal["P1-P1", "P2-P1"]

DEFAULTS: dict[ElementPair, StepSettings] = {"P1-P1": LINEAR_DEFAULTS, "P2-P1": QUADRATIC_DEFAULTS}
"""The settings of each pair where nothing else is asked for."""


def build_stepper(
    domain: Domain,
    fluid: Fluid,
    elements: ElementPair,
    settings: StepSettings | None = None,
    *,
    wall_velocity: VelocityField | None = None,
) -> FractionalStep:
    """The stepper of an element pair (velocity-pressure). Collective.

    Args:
        domain: The mesh and its patches.
        fluid: Density and viscosity.
        elements: `P1-P1` (fast) or `P2-P1` (accurate).
        settings: Choices; the pair's defaults if None.
        wall_velocity: Velocity of the walls; no slip if None.
    """
    kind = LinearStep if elements == "P1-P1" else QuadraticStep
    return kind(domain, fluid, settings, wall_velocity=wall_velocity)
