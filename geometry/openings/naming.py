"""Names for openings by rule, from where they lie and how they hang together; RAS, so right is +x and the head +z."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from geometry.openings.ends import edge_graph
from geometry.openings.finding import Found, list_openings
from geometry.surfaces.raw import RawSurface
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray
from hemoplan.case import OPENING_NAMES
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role
from hemoplan.spelling import hint

BY_SIZE = "size"
"""The rule that fits everything: end_1, end_2, … from the widest on; the widest is taken for the inlet."""
TOWARDS = 0.3
"""Least cosine between a direction of the body and a vessel that is said to run that way."""

_INLETS = {
    "ascending_aorta",
    "pulmonary_trunk",
    "superior_vena_cava",
    "inferior_vena_cava",
    "inlet",
    "abdominal_aorta",
    "end_1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An opening with a name that a rule gave.

    Attributes:
        name: Its name.
        role: Inlet or outlet, as usual for a vessel of this name.
        found: The opening.
        confidence: From 0 to 1: the share of the rule's signs that agree.
        reason: Why it has this name.
    """

    name: str
    role: Role
    found: Found
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """A rule that fits: openings by name, the reason for each, and the share of the signs that agree."""

    openings: Mapping[str, Found]
    reasons: Mapping[str, str]
    confidence: float = 1.0


class _MisfitError(Exception):
    """Why a rule does not fit, as a clause."""


type _Ways = Callable[[Found], FloatArray]
"""(k,) lengths of the shortest ways along the wall from an opening to all [m]."""


def name_openings(
    found: Sequence[Found], surface: Surface | RawSurface, *, rule: str | None = None
) -> tuple[Named, ...]:
    """Name openings by a rule.

    - aortic arch: the two lowest ends point down, the ascending aorta is the wider, the more in front and the higher of
      them (two of the three decide). The three others point up, and are the brachiocephalic, carotid and subclavian
      artery in the order in which they leave the arch, told by the ways along the wall to both ends of the aorta. It
      is a left arch where they follow each other from right to left, and a right one where from left to right. With
      two head vessels (bovine arch) the names would be a guess, so the rule does not fit.
    - arch and pulmonary arteries: of the ends that point down the pulmonary trunk is the one from which the way along
      the wall to the pulmonary arteries is short and to the head vessels long; so it is found in front of the aorta
      and behind it. The right pulmonary artery is the rightmost end, the left one the leftmost.
    - cavopulmonary connection: superior and inferior caval vein by z, right and left pulmonary artery by x.
    - pulmonary arteries, bifurcation, iliac bifurcation: a trunk and two branches, right and left by x.
    - size: end_1, end_2, … from the widest on.

    Args:
        found: All openings.
        surface: On which they were found.
        rule: Name of the rule; None: the first that fits, in the order above, but only the plain one of the
            bifurcations.

    Returns:
        The openings in the order of the rule's names.

    Raises:
        SurfaceError: The rule does not fit, or there is none of that name; the message lists what is there.
    """
    if rule is not None and rule not in _RULES:
        raise SurfaceError(
            "there is no such rule for names", where="openings", value=rule, expected=hint(rule, _RULES)
        )
    ways = _measure_ways(found, surface)
    misfits: list[str] = []
    for name in (rule,) if rule is not None else _TRIED:
        try:
            match = _RULES[name](found, ways)
        except _MisfitError as error:
            misfits.append(f"{name}: {error}")
            continue
        return tuple(
            Named(
                name=each,
                role=Role.INLET if each in _INLETS else Role.OUTLET,
                found=opening,
                confidence=match.confidence * opening.confidence,
                reason=match.reasons[each],
            )
            for each, opening in match.openings.items()
        )
    raise SurfaceError(
        "the openings cannot be named by rule",
        where="openings",
        value="; ".join(misfits),
        expected=f"what the rule describes; found: {list_openings(found)}",
        remedy="give every opening a point 'near' its vessel end",
    )


def choose_rule(names: Iterable[str], *, beside: Iterable[str] = ()) -> str:
    """The rule that gives all of these names; of several, the one that knows most names beside them, then the smallest.

    Raises:
        SurfaceError: No rule gives them all.
    """
    wanted = list(names)
    if all(name.startswith("end_") for name in wanted):
        return BY_SIZE
    fitting = [rule for rule, given in OPENING_NAMES.items() if set(wanted) <= set(given)]
    if not fitting:
        rules = "; ".join(f"{rule}: {', '.join(given)}" for rule, given in OPENING_NAMES.items())
        raise SurfaceError(
            "no rule gives all of these names together",
            where="openings",
            value=", ".join(wanted),
            expected=f"'near' for each opening, or the names of one of: {rules}",
        )
    others = set(beside)
    return min(fitting, key=lambda rule: (len(others - set(OPENING_NAMES[rule])), len(OPENING_NAMES[rule])))


def _measure_ways(found: Sequence[Found], surface: Surface | RawSurface) -> _Ways:
    """Shortest ways along the edges of the wall between openings, found when asked for."""
    known: dict[int, FloatArray] = {}
    graph = None
    vertices = np.empty(0, dtype=np.int64)

    def ways(start: Found) -> FloatArray:
        nonlocal graph, vertices
        number = next(index for index, each in enumerate(found) if each is start)
        if graph is None:
            graph = edge_graph(surface)
            used = np.unique(surface.triangles)
            tips = np.array([each.tip for each in found])
            vertices = used[cKDTree(surface.points[used]).query(tips)[1]]
        if number not in known:
            distance = dijkstra(graph, directed=False, indices=int(vertices[number]))
            known[number] = np.asarray(distance)[vertices]
        return known[number]

    return ways


def _name_arch(
    found: Sequence[Found], ways: _Ways, *, side: str, of: Sequence[Found] | None = None
) -> _Match:
    """A left or right arch with three head vessels; `of` chooses from all the openings found."""
    ends = list(found if of is None else of)
    down, up = _split_arch(ends)
    if len(up) == 2:
        raise _MisfitError(
            "the arch has two head vessels, not three: a common trunk of the brachiocephalic and left carotid artery "
            "(bovine arch), or one that the surface does not hold"
        )
    if len(up) != 3:
        raise _MisfitError(f"the arch has {len(up)} head vessels, not three")
    first, second = down
    votes = [
        first.radius > second.radius,
        first.tip[1] > second.tip[1],
        first.tip[2] > second.tip[2],
    ]
    if sum(votes) < 2:
        first, second = second, first
    agreed = max(sum(votes), 3 - sum(votes))
    index = {id(each): number for number, each in enumerate(found)}
    along = ways(first) - ways(second)
    heads = sorted(up, key=lambda each: float(along[index[id(each)]]))
    gaps = [float(along[index[id(after)]] - along[index[id(before)]]) for before, after in pairwise(heads)]
    clear = min(gaps) > max(each.radius for each in heads)
    leftwards = heads[-1].tip[0] < heads[0].tip[0]
    if leftwards != bool(second.tip[0] < first.tip[0]):
        raise _MisfitError("the head vessels run to the one side and the arch to the other")
    actual = "left" if leftwards else "right"
    if actual != side:
        raise _MisfitError(f"it is a {actual} arch: head vessels and aorta run to the {actual}")
    names = (
        "ascending_aorta",
        "brachiocephalic",
        f"{side}_carotid",
        f"{side}_subclavian",
        "descending_aorta",
    )
    number = ("first", "second", "third")
    reasons = [
        f"points down; {agreed} of 3 agree: wider, more in front, higher than the descending aorta",
        *(f"the {each} to leave the arch" + ("" if clear else ", but close to the next") for each in number),
        "points down, and is not the ascending aorta",
    ]
    return _Match(
        openings=dict(zip(names, (first, *heads, second), strict=True)),
        reasons=dict(zip(names, reasons, strict=True)),
        confidence=agreed / 3.0 * (1.0 if clear else 0.5),
    )


def _split_arch(ends: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """The two ends of the aorta, which are the lowest and point down, and the head vessels, which point up."""
    if len(ends) < 4:
        raise _MisfitError(f"there are {len(ends)} openings, and an arch has five")
    by_height = sorted(ends, key=lambda each: float(each.tip[2]))
    down, up = by_height[:2], by_height[2:]
    if any(each.axis[2] > -TOWARDS for each in down) or any(each.axis[2] < TOWARDS for each in up):
        raise _MisfitError("not just the two lowest ends point down and all others up")
    return down, up


def _name_left_arch(found: Sequence[Found], ways: _Ways) -> _Match:
    return _name_arch(found, ways, side="left")


def _name_right_arch(found: Sequence[Found], ways: _Ways) -> _Match:
    return _name_arch(found, ways, side="right")


def _name_arch_and_lungs(found: Sequence[Found], ways: _Ways) -> _Match:
    if len(found) != 8:
        raise _MisfitError(f"there are {len(found)} openings, not eight")
    by_height = sorted(found, key=lambda each: float(each.tip[2]))
    heads = by_height[5:]
    right, left, others = _sides(by_height[:5])
    index = {id(each): number for number, each in enumerate(found)}
    lungs = [index[id(right)], index[id(left)]]
    necks = [index[id(each)] for each in heads]
    excess = [float(ways(each)[lungs].mean() - ways(each)[necks].mean()) for each in others]
    trunk = others[int(np.argmin(excess))]
    if min(excess) >= 0.0:
        raise _MisfitError(
            "no end that points down is nearer to the pulmonary arteries than to the head vessels"
        )
    arch = _name_arch(found, ways, side="left", of=[*(each for each in others if each is not trunk), *heads])
    pulmonary = {"pulmonary_trunk": trunk, "right_pulmonary_artery": right, "left_pulmonary_artery": left}
    reasons = {
        "pulmonary_trunk": "along the wall it is near to the pulmonary arteries and far from the head vessels",
        "right_pulmonary_artery": "the rightmost end, points to the right",
        "left_pulmonary_artery": "the leftmost end, points to the left",
    }
    return _Match(
        openings={**arch.openings, **pulmonary},
        reasons={**arch.reasons, **reasons},
        confidence=arch.confidence,
    )


def _name_cavopulmonary(found: Sequence[Found], ways: _Ways) -> _Match:
    if len(found) != 4:
        raise _MisfitError(f"there are {len(found)} openings, not four")
    upper = max(found, key=lambda each: float(each.tip[2]))
    lower = min(found, key=lambda each: float(each.tip[2]))
    if upper.axis[2] < TOWARDS or lower.axis[2] > -TOWARDS:
        raise _MisfitError("the highest end does not point up, or the lowest not down")
    right, left, _ = _sides([each for each in found if each is not upper and each is not lower])
    return _Match(
        openings={
            "superior_vena_cava": upper,
            "inferior_vena_cava": lower,
            "right_pulmonary_artery": right,
            "left_pulmonary_artery": left,
        },
        reasons={
            "superior_vena_cava": "the highest end, points up",
            "inferior_vena_cava": "the lowest end, points down",
            "right_pulmonary_artery": "the rightmost of the others, points to the right",
            "left_pulmonary_artery": "the leftmost of the others, points to the left",
        },
    )


def _name_pulmonary(found: Sequence[Found], ways: _Ways) -> _Match:
    if len(found) != 3:
        raise _MisfitError(f"there are {len(found)} openings, not three")
    right, left, [trunk] = _sides(found)
    return _fork(("pulmonary_trunk", "right_pulmonary_artery", "left_pulmonary_artery"), trunk, right, left)


def _name_bifurcation(found: Sequence[Found], ways: _Ways) -> _Match:
    return _fork(("inlet", "right", "left"), *_split_fork(found))


def _name_iliac(found: Sequence[Found], ways: _Ways) -> _Match:
    return _fork(("abdominal_aorta", "right_iliac", "left_iliac"), *_split_fork(found))


def _split_fork(found: Sequence[Found]) -> tuple[Found, Found, Found]:
    """The trunk, whose direction is most against the others', the right and the left branch."""
    if len(found) != 3:
        raise _MisfitError(f"there are {len(found)} openings, not three")
    axes = np.array([each.axis for each in found])
    against = (axes @ axes.T - np.eye(3)).sum(axis=1)
    trunk = found[int(np.argmin(against))]
    left, right = sorted((each for each in found if each is not trunk), key=lambda each: float(each.tip[0]))
    apart = right.tip - left.tip
    if float(apart[0]) < TOWARDS * float(np.linalg.norm(apart)):
        raise _MisfitError("the branches do not lie to the right and the left of each other")
    return trunk, right, left


def _fork(names: tuple[str, str, str], trunk: Found, right: Found, left: Found) -> _Match:
    widest = trunk.radius >= max(right.radius, left.radius)
    texts = (
        "the branches run away from it"
        + (", and it is the widest" if widest else ", but it is not the widest"),
        "the branch to the right",
        "the branch to the left",
    )
    return _Match(
        openings=dict(zip(names, (trunk, right, left), strict=True)),
        reasons=dict(zip(names, texts, strict=True)),
        confidence=1.0 if widest else 0.5,
    )


def _sides(ends: Sequence[Found]) -> tuple[Found, Found, list[Found]]:
    """The rightmost end, the leftmost, and the others."""
    right = max(ends, key=lambda each: float(each.tip[0]))
    left = min(ends, key=lambda each: float(each.tip[0]))
    if right.axis[0] < TOWARDS or left.axis[0] > -TOWARDS:
        raise _MisfitError("the rightmost end does not point to the right, or the leftmost not to the left")
    return right, left, [each for each in ends if each is not right and each is not left]


def _name_by_size(found: Sequence[Found], ways: _Ways) -> _Match:
    ordered = sorted(found, key=lambda each: -each.radius)
    names = [f"end_{number}" for number in range(1, len(ordered) + 1)]
    return _Match(
        openings=dict(zip(names, ordered, strict=True)),
        reasons={name: f"number {number} by size" for number, name in enumerate(names, start=1)},
    )


_RULES: dict[str, Callable[[Sequence[Found], _Ways], _Match]] = {
    "aortic arch": _name_left_arch,
    "right aortic arch": _name_right_arch,
    "arch and pulmonary arteries": _name_arch_and_lungs,
    "cavopulmonary connection": _name_cavopulmonary,
    "pulmonary arteries": _name_pulmonary,
    "bifurcation": _name_bifurcation,
    "iliac bifurcation": _name_iliac,
    BY_SIZE: _name_by_size,
}
_TRIED = tuple(rule for rule in _RULES if rule not in ("pulmonary arteries", "iliac bifurcation"))
"""Without a rule asked for; those left out have the shape of a bifurcation."""
