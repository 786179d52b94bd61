"""What is asked of boundary layers, and the heights that follow where there is less room."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from geometry.meshing.first_height import first_height, total_thickness
from hemoplan.arrays import FloatArray
from hemoplan.case import Mesh
from hemoplan.errors import MeshError

GROWTH = 1.3
"""Thickness of a layer over the one outside it."""
SHARE_OF_RADIUS = 0.25
"""Largest thickness of all layers together, over the local radius."""
LARGEST_SHARE = 0.45
"""Layers from opposite walls must not meet, and need cells between them."""
_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryLayers:
    """What is asked of the layers of thin cells along the wall.

    Attributes:
        count: Number of layers; 0 for none.
        first_height: Height of the cells at the wall [m]; None: what follows from thickness and growth.
        growth: Thickness of a layer over the one outside it. Where both height and thickness are given, it follows.
        thickness: Of all layers together [m]; None: what follows from height and growth, or, without a height, the
            mesh's largest edge.
        share_of_radius: Largest thickness of all layers together, over the local radius. Where it limits them, a given
            first height stays as long as the layers fit by growing less, and only then becomes less.
    """

    count: int
    first_height: float | None = None
    growth: float = GROWTH
    thickness: float | None = None
    share_of_radius: float = SHARE_OF_RADIUS

    def __post_init__(self) -> None:
        _check("the number of layers", self.count, at_least=0, at_most=30)
        _check("the growth of the layers", self.growth, at_least=1.0, at_most=3.0)
        _check("the layers' share of the radius", self.share_of_radius, at_least=0.01, at_most=LARGEST_SHARE)
        for what, length in (
            ("the first height", self.first_height),
            ("the thickness of the layers", self.thickness),
        ):
            if length is not None and not (length > 0.0 and math.isfinite(length)):
                raise MeshError(
                    f"{what} is no length",
                    where="mesh",
                    value=f"{1e3 * length:g} mm",
                    expected="a positive one",
                )
        if (
            self.first_height is not None
            and self.thickness is not None
            and self.count * self.first_height > self.thickness * (1.0 + 1.0e-9)
        ):
            raise MeshError(
                "the layers do not fit into their thickness",
                where="mesh",
                value=f"{self.count} layers from {1e3 * self.first_height:g} mm in {1e3 * self.thickness:g} mm",
                expected=f"at least {1e3 * self.count * self.first_height:g} mm together",
                remedy="lower the first height or the number of layers",
            )

    def total(self, size: float) -> float:
        """Thickness of all layers together where the radius does not limit them [m]; `size` is the largest edge."""
        if self.thickness is not None:
            return self.thickness
        if self.first_height is not None:
            return total_thickness(self.first_height, count=self.count, growth=self.growth)
        return size

    def heights(self, depth: FloatArray) -> FloatArray:
        """(n, count + 1) distance of every level from the wall [m], from 0 to `depth`.

        Args:
            depth: (n,) room for all layers together [m].
        """
        depth = np.asarray(depth, dtype=np.float64)
        if self.first_height is None:
            growth: FloatArray = np.full(len(depth), self.growth)
        else:
            first = np.minimum(self.first_height, depth / self.count)
            growth = _growth_that_fills(
                np.divide(depth, first, out=np.ones_like(depth), where=first > 0.0), self.count
            )
        shares = np.cumsum(growth[:, None] ** np.arange(self.count), axis=1)
        levels = np.zeros((len(depth), self.count + 1))
        levels[:, 1:] = depth[:, None] * shares / shares[:, -1:]
        return levels

    def wanted_first_height(self, size: float) -> float:
        """Height of the cells at the wall where the radius does not limit the layers [m]."""
        if self.first_height is not None:
            return self.first_height
        return first_height(self.total(size), count=self.count, growth=self.growth)

    def scaled(self, factor: float, *, size: float) -> BoundaryLayers:
        """The layers of the same grid family whose cells are `factor` times as large.

        The layers cover the same part of the lumen, so that cells are similar at every distance from the wall:
        the first height is multiplied, the number of layers divided (rounded), and the growth follows from both.

        Args:
            factor: Less than 1 refines.
            size: Largest edge of the mesh that these layers belong to [m].
        """
        if self.count == 0 or factor == 1.0:
            return self
        thickness = self.total(size)
        height = factor * self.wanted_first_height(size)
        count = max(1, min(round(self.count / factor), int(thickness / height * (1.0 + 1.0e-9))))
        return replace(self, count=count, first_height=height, thickness=thickness)


def layers_of(mesh: Mesh) -> BoundaryLayers:
    """The layers that a case asks for, at its level."""
    return BoundaryLayers(
        count=mesh.boundary_layers,
        first_height=mesh.first_height,
        growth=mesh.layer_growth,
        share_of_radius=mesh.layer_share,
    ).scaled(mesh.factor, size=mesh.size)


def _growth_that_fills(ratio: FloatArray, count: int) -> FloatArray:
    """(n,) g >= 1 with 1 + g + … + g^(count-1) = ratio, by bisection; 1 where ratio <= count."""
    low, high = np.ones_like(ratio), np.full_like(ratio, max(2.0, float(ratio.max(initial=1.0))))
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        total = np.sum(middle[:, None] ** np.arange(count), axis=1)
        low, high = np.where(total <= ratio, middle, low), np.where(total <= ratio, high, middle)
    return np.asarray(low)


def _check(what: str, value: float, *, at_least: float, at_most: float) -> None:
    if not at_least <= value <= at_most:
        raise MeshError(
            f"{what} is out of range",
            where="mesh",
            value=f"{value:g}",
            expected=f"{at_least:g} to {at_most:g}",
        )
