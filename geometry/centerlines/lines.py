"""Lines through the middle of vessels, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.spelling import hint


def _none() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The centreline from the first inlet of a lumen to one other opening.

    Attributes:
        outlet: Name of the opening where it ends; a further inlet's where a surface has several.
        points: (n, 3) points [m].
        radius: (n,) radius of the largest inscribed sphere [m].
        inlet: Name of the opening where it begins.
        branch_id: (n,) branch that each point belongs to (see `geometry.centerlines.branches`); empty if not split.
    """

    outlet: str
    points: FloatArray
    radius: FloatArray
    inlet: str = ""
    branch_id: IntArray = field(default_factory=_none)

    @property
    def arc(self) -> FloatArray:
        """(n,) arc length from the inlet [m]."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        """Arc length from the inlet to the outlet [m]."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    @property
    def tangents(self) -> FloatArray:
        """(n, 3) unit tangents, away from the inlet."""
        vectors = np.gradient(self.points, self.arc, axis=0)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Centerline:
    """One poly-line from the first inlet to every other opening; lines share their first part.

    Of several lumens that do not hang together, each has an inlet of its own where its lines begin.

    Attributes:
        points: (n, 3) points of all lines, one line after the other [m].
        radius: (n,) radius of the largest inscribed sphere [m].
        offsets: (k + 1,) line i holds points[offsets[i]:offsets[i + 1]], from the inlet to its outlet.
        outlets: k names of the openings that the lines end at; further inlets are among them.
        inlet: Name of the opening where the lines begin; of several lumens, those of the first.
        branch_id: (n,) branch that each point belongs to, 0 is the one that begins at the inlet; empty if not split.
        loops: How many loops the lumen has (0 in a tree); a loop's far side carries no line.
        starts: k names of the openings where the lines begin; empty where all begin at the inlet.
    """

    points: FloatArray
    radius: FloatArray
    offsets: IntArray
    outlets: tuple[str, ...]
    inlet: str = ""
    branch_id: IntArray = field(default_factory=_none)
    loops: int = 0
    starts: tuple[str, ...] = ()

    def branch(self, outlet: str) -> Line:
        """The line that ends at an opening.

        Raises:
            SurfaceError: No line ends there.
        """
        if outlet not in self.outlets:
            raise SurfaceError(
                "no centreline leads to this outlet",
                value=outlet,
                expected=f"one of {', '.join(self.outlets)}",
                remedy=hint(outlet, self.outlets),
            )
        number = self.outlets.index(outlet)
        part = slice(*self.offsets[number:][:2])
        return Line(
            outlet=outlet,
            points=self.points[part],
            radius=self.radius[part],
            inlet=self.starts[number] if self.starts else self.inlet,
            branch_id=self.branch_id[part],
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, in the order of the outlets."""
        return tuple(self.branch(outlet) for outlet in self.outlets)

    @property
    def bodies(self) -> tuple[Centerline, ...]:
        """The lines of each lumen by themselves, the first inlet's first; branches keep their numbers."""
        if not self.starts:
            return (self,)
        return tuple(self._starting_at(start) for start in dict.fromkeys(self.starts))

    def body(self, opening: str) -> Centerline | None:
        """The lines of the lumen that an opening belongs to; None where there is no such opening."""
        return next((each for each in self.bodies if opening in (each.inlet, *each.outlets)), None)

    def _starting_at(self, start: str) -> Centerline:
        lines = [line for line in self.lines if line.inlet == start]
        return Centerline(
            points=np.vstack([line.points for line in lines]),
            radius=np.concatenate([line.radius for line in lines]),
            offsets=np.cumsum([0, *(len(line.points) for line in lines)]),
            outlets=tuple(line.outlet for line in lines),
            inlet=start,
            branch_id=np.concatenate([line.branch_id for line in lines]),
            loops=self.loops,
        )
