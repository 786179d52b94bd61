"""How a vessel winds: length, tortuosity, curvature, turns; and the shape of a duct as stenting describes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_smoothing_spline

from geometry.centerlines.centerline import Line
from hemoplan.arrays import FloatArray
from hemoplan.errors import SurfaceError

_SLIGHT = np.radians(10.0)
"""Stretches that bend by less are noise; without them, what bends to the same side on both sides of one is one turn."""
_TURN = np.radians(60.0)
"""A stretch that bends to one side by less than this is no turn of a duct."""
_CLASSES = ((0.12, "I"), (0.33, "II"), (0.44, "III"))
"""Quartiles of the ductal curvature index; above the last is class IV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a stretch of a vessel runs.

    Attributes:
        length: Length of the centreline L [m].
        chord: Straight distance of its ends D [m].
        tortuosity: L / D - 1: 0 for a straight vessel, pi/2 - 1 for half a circle.
        arc: (n,) arc lengths from the stretch's start [m].
        curvature: (n,) curvature of the smoothed centreline [1/m].
        greatest_curvature: Its largest value [1/m].
        turning: Angle that the direction turns through in all, the integral of the curvature [rad].
        angle: Angle between the directions at both ends [rad].
        turns: Turning of each stretch that bends to one side [rad], in order; a new one begins where the axis of the
            bend has turned by more than a right angle. Stretches below 10° are left out.
    """

    length: float
    chord: float
    tortuosity: float
    arc: FloatArray
    curvature: FloatArray
    greatest_curvature: float
    turning: float
    angle: float
    turns: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuctShape:
    """The shape of a duct in the terms of ductal stenting.

    Attributes:
        course: How it runs between its two ends.
        kind: I (straight), II (one turn) or III (several turns), the morphology of Qureshi et al. 2019
            (doi:10.1002/ccd.28125); a turn is counted from 60° on, which is our own limit, since theirs is by eye.
        curvature_class: I to IV by the ductal curvature index of Mini et al. (Transl Pediatr; quartiles 0.12, 0.33 and
            0.44; of class IV, from 0.45 on, four in five failed). Whether it is L / D - 1 or 1 - D / L could not
            be settled (its name is disputed: Baspinar 2022, doi:10.21037/tp-22-107), so the class is given only where
            both readings agree; else None.
    """

    course: Course
    kind: str
    curvature_class: str | None


def measure_course(line: Line, *, begin: float = 0.0, end: float | None = None) -> Course:
    """Length, tortuosity and curvature of a stretch of a centreline.

    Curvature is that of a smoothing spline through the points, |r' x r''| / |r'|³; waves shorter than about the
    diameter are taken for noise.

    Args:
        line: The way along the vessel.
        begin, end: First and last arc length [m]; the whole way if absent.

    Raises:
        SurfaceError: The stretch holds fewer than five points of the line, or its ends coincide.
    """
    along = line.arc
    last = line.length if end is None else end
    slack = 1e-6 * float(along[-1])  # no two points at one place
    inside = (along > begin + slack) & (along < last - slack)
    arc = np.concatenate([[begin], along[inside], [last]])
    if not (0.0 <= begin < last) or len(arc) < 5:
        raise SurfaceError(
            "the stretch is too short to measure its course",
            where=line.outlet,
            value=f"{1e3 * begin:.1f} to {1e3 * last:.1f} mm, {len(arc)} points",
            expected="five points of the centreline at least",
        )
    points = np.column_stack([np.interp(arc, along, column) for column in line.points.T])
    length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    chord = float(np.linalg.norm(points[-1] - points[0]))
    if chord <= 1e-9 * length:
        raise SurfaceError(
            "the stretch ends where it begins, so its tortuosity has no value", where=line.outlet
        )
    slopes, bends, stations = _derivatives(points, arc - begin, float(np.median(line.radius)))
    speed = np.linalg.norm(slopes, axis=1)
    axis = np.cross(slopes, bends) / speed[:, None] ** 3
    curvature = np.linalg.norm(axis, axis=1)
    directions = slopes / speed[:, None]
    steps = np.linalg.norm(np.diff(directions, axis=0), axis=1)
    steps = 2.0 * np.arcsin(np.minimum(0.5 * steps, 1.0))
    return Course(
        length=length,
        chord=chord,
        tortuosity=length / chord - 1.0,
        arc=stations,
        curvature=curvature,
        greatest_curvature=float(curvature.max()),
        turning=float(steps.sum()),
        angle=float(np.arccos(np.clip(directions[0] @ directions[-1], -1.0, 1.0))),
        turns=_turns(axis, steps),
    )


def duct_shape(course: Course) -> DuctShape:
    """The shape of a duct from the course between its two ends."""
    turns = sum(turn >= _TURN for turn in course.turns)
    readings = {_class(course.tortuosity), _class(1.0 - course.chord / course.length)}
    return DuctShape(
        course=course,
        kind=("I", "II", "III")[min(turns, 2)],
        curvature_class=readings.pop() if len(readings) == 1 else None,
    )


def _class(index: float) -> str:
    rounded = round(index, 2)  # the classes are printed with two digits
    return next((name for limit, name in _CLASSES if rounded <= limit), "IV")


def _derivatives(
    points: FloatArray, arc: FloatArray, radius: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First and second derivatives of a smoothing spline, at the points' arc lengths.

    With the penalty lambda on the integral of |f''|² and points at the distance h, a wave of the length w is halved
    where lambda h = (w / 2 pi)⁴; w is the vessel's diameter.
    """
    step = float(arc[-1]) / (len(arc) - 1)
    penalty = (2.0 * radius / (2.0 * np.pi)) ** 4 / step
    columns = [make_smoothing_spline(arc, column, lam=penalty) for column in points.T]
    slopes = np.column_stack([column.derivative(1)(arc) for column in columns])
    bends = np.column_stack([column.derivative(2)(arc) for column in columns])
    return slopes, bends, arc


def _turns(axis: FloatArray, steps: FloatArray) -> tuple[float, ...]:
    """Turning of the stretches in which the axis of the bend keeps its side."""
    middle = 0.5 * (axis[1:] + axis[:-1])
    lengths = np.linalg.norm(middle, axis=1)
    bends = middle * (steps / np.where(lengths > 0.0, lengths, 1.0))[:, None]
    runs = _merge([(float(step), bend) for step, bend in zip(steps, bends, strict=True)])
    runs = _merge([run for run in runs if run[0] >= _SLIGHT])
    return tuple(turning for turning, _ in runs)


def _merge(runs: list[tuple[float, FloatArray]]) -> list[tuple[float, FloatArray]]:
    """Neighbouring stretches that bend to the same side, joined; each is its turning and the sum of its bends."""
    joined: list[tuple[float, FloatArray]] = []
    for turning, bend in runs:
        if joined and float(joined[-1][1] @ bend) >= 0.0:
            joined[-1] = (joined[-1][0] + turning, joined[-1][1] + bend)
        else:
            joined.append((turning, bend))
    return joined
