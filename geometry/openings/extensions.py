"""Flow extensions: straight tubes beyond the openings, each from the opening's own outline to a circle of its area.

Where a vessel is cut, the flow is still bent and skewed by what lies before. A straight piece lets it even out, so that
what is prescribed or measured at the opening acts on a circle, away from the vessel that matters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from geometry.openings.extension_cuts import Cut
from geometry.openings.extension_shape import Outline, Tube, make_tube, read_outline
from geometry.surfaces.defects import millimetres
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.rims import find_rims
from geometry.surfaces.surface import WALL_TAG, Surface, check_closed, describe_patch
from hemoplan.arrays import FloatArray, IntArray, Vec3
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch, Role
from hemoplan.spelling import hint

SHORTEST = 0.5
"""Least length of an extension, in diameters: on less, the outline cannot become a circle without a crease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """A surface with extensions, and where they start.

    Attributes:
        surface: The closed surface; each extended opening keeps its name, role and tag, and is a flat circle.
        cuts: By name of the opening: where the vessel ended, so that what lies beyond can be left out of pictures.
    """

    surface: Surface
    cuts: Mapping[str, Cut]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extension:
    """An extension to be joined to the surface.

    Attributes:
        patch: The opening.
        length: In diameters.
        outline: Where it starts.
        rim: (k,) vertices of the outline in the old surface.
        tube: What is added.
    """

    patch: Patch
    length: float
    outline: Outline
    rim: IntArray
    tube: Tube


def extend(surface: Surface, *, lengths: Mapping[str, float]) -> Extended:
    """Add a straight extension beyond each of the named openings.

    The wall goes on from the opening's outline in the direction of the opening's normal. Over one diameter its sections
    pass from the outline, of any shape, to the circle of the same area, and all of them have that area. The old wall is
    kept as it is, vertex by vertex, and the new triangles hang on its rim.

    Args:
        surface: Closed, with flat openings.
        lengths: Length of the extension by name of the opening, in diameters of the circle of the opening's area; 0 for
            none.

    Returns:
        The extended surface, and where each extension starts.

    Raises:
        SurfaceError: There is no such opening, a length is out of range, an opening is no flat disc, or an extension
            meets a vessel, another extension or itself; the message tells where.
    """
    wanted = _read_lengths(surface, lengths)
    if not wanted:
        return Extended(surface=surface, cuts={})
    check_closed(surface, where="extensions")
    extensions = [_plan(surface, patch, length) for patch, length in wanted]
    result, owner = _join(surface, extensions)
    _check_clear(result, owner, extensions)
    check_closed(result, where="extensions")
    return Extended(surface=result, cuts={each.patch.name: _describe_cut(each) for each in extensions})


def _read_lengths(surface: Surface, lengths: Mapping[str, float]) -> list[tuple[Patch, float]]:
    """The openings to extend, in the order of their tags."""
    known = {patch.name for patch in surface.openings}
    for name, length in lengths.items():
        if name not in known:
            raise SurfaceError(
                "there is no such opening to extend",
                where="extensions",
                value=name,
                expected=", ".join(sorted(known)) or "a surface with openings",
                remedy=hint(name, known),
            )
        if length != 0.0 and not (math.isfinite(length) and length >= SHORTEST):
            raise SurfaceError(
                "an extension cannot be as short as this",
                where=f"openings.{name}.extension",
                value=f"{length:g} diameters",
                expected=f"0 for none, or at least {SHORTEST:g} diameters",
            )
    return [(patch, lengths[patch.name]) for patch in surface.openings if lengths.get(patch.name, 0.0)]


def _plan(surface: Surface, patch: Patch, length: float) -> _Extension:
    """Make the triangles of one extension."""
    cap = surface.triangles[surface.patch_id == patch.tag]
    # Turned over, the disc has the rim that is left where it is taken away, in the order of what will replace it.
    rims = find_rims(surface.points, cap[:, ::-1])
    if len(rims) != 1 or len(np.unique(rims[0].vertices)) < len(rims[0].vertices) or not rims[0].flat:
        raise SurfaceError(
            "an opening that is no flat disc cannot be extended",
            where=f"openings.{patch.name}",
            value=f"{len(rims)} rims, at {millimetres(patch.centre)}",
            expected="one flat piece with one outline",
            remedy="cut the opening flat first",
        )
    [rim] = rims
    outline = read_outline(surface.points, rim)
    tube = make_tube(outline, length=length * outline.diameter, size=_edge_at(surface, rim.vertices))
    return _Extension(patch=patch, length=length, outline=outline, rim=rim.vertices, tube=tube)


def _edge_at(surface: Surface, rim: IntArray) -> float:
    """Median edge of the wall's triangles that touch a rim [m]."""
    on_rim = np.zeros(len(surface.points), dtype=np.bool_)
    on_rim[rim] = True
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    corners = surface.points[wall[on_rim[wall].any(axis=1)]]
    return float(np.median(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)))


def _join(surface: Surface, extensions: list[_Extension]) -> tuple[Surface, IntArray]:
    """The surface with the extensions in place of the caps, and (m,) the extension of each triangle, -1 for none."""
    kept = ~np.isin(surface.patch_id, [each.patch.tag for each in extensions])
    # The vertices inside of the old caps are dropped; all others keep their order.
    dropped = np.zeros(len(surface.points), dtype=np.bool_)
    dropped[surface.triangles[~kept]] = True
    dropped[surface.triangles[kept]] = False
    renumbered = np.cumsum(~dropped) - 1
    points, triangles = [surface.points[~dropped]], [renumbered[surface.triangles[kept]]]
    tags, owner = [surface.patch_id[kept]], [np.full(int(kept.sum()), -1, dtype=np.int64)]
    count = len(points[0])
    for number, each in enumerate(extensions):
        index = np.concatenate([renumbered[each.rim], count + np.arange(len(each.tube.points))])
        points.append(each.tube.points)
        count += len(each.tube.points)
        for added, tag in ((each.tube.wall, WALL_TAG), (each.tube.cap, each.patch.tag)):
            triangles.append(index[added])
            tags.append(np.full(len(added), tag, dtype=np.int64))
            owner.append(np.full(len(added), number, dtype=np.int64))
    return _measured(np.vstack(points), np.vstack(triangles), np.concatenate(tags), surface), np.concatenate(
        owner
    )


def _measured(points: FloatArray, triangles: IntArray, patch_id: IntArray, like: Surface) -> Surface:
    """A surface with the patches of another, measured anew."""
    patches = tuple(
        describe_patch(points, triangles[patch_id == each.tag], name=each.name, role=each.role, tag=each.tag)
        for each in like.patches
    )
    return Surface(points=points, triangles=triangles, patch_id=patch_id, patches=patches)


def _check_clear(surface: Surface, owner: IntArray, extensions: list[_Extension]) -> None:
    """Check that no extension meets a vessel, another extension or itself."""
    pairs = self_intersections(surface.points, surface.triangles)
    met = np.concatenate([pairs, pairs[:, ::-1]])
    met = met[owner[met[:, 0]] >= 0]
    if not len(met):
        return
    number = int(owner[met[:, 0]].min())
    each = extensions[number]
    mine = met[owner[met[:, 0]] == number]
    corners = surface.points[surface.triangles[mine[:, 0]]]
    heights = ((corners - each.outline.centre) @ each.outline.normal).min(axis=1)
    lowest = int(heights.argmin())
    other = int(owner[mine[lowest, 1]])
    free = math.floor(10.0 * float(heights[lowest]) / each.outline.diameter) / 10.0
    raise SurfaceError(
        f"the extension meets {_name_other(surface, mine[lowest, 1], number, other, extensions)}",
        where=f"openings.{each.patch.name}.extension",
        value=f"{each.length:g} diameters ({1e3 * each.length * each.outline.diameter:.1f} mm); "
        f"they meet at {millimetres(corners[lowest].mean(axis=0))}",
        expected="a straight tube that meets no vessel and no other extension",
        remedy=_remedy(free, itself=other == number, both=other >= 0),
    )


def _name_other(
    surface: Surface, triangle: int, number: int, other: int, extensions: list[_Extension]
) -> str:
    if other == number:
        return "itself"
    if other >= 0:
        return f"the extension of '{extensions[other].patch.name}'"
    tag = int(surface.patch_id[triangle])
    name = next((each.name for each in surface.patches if each.tag == tag and each.role is not Role.WALL), "")
    return f"the opening '{name}'" if name else "the wall of a vessel"


def _remedy(free: float, *, itself: bool, both: bool) -> str:
    if itself:
        return "the opening's outline is too ragged: cut the vessel again, farther inside"
    if free < SHORTEST:
        return "shorten it to 0, none, or cut the vessel elsewhere"
    if both:
        return f"shorten both, this one to at most {free:.1f} diameters"
    return f"shorten it to at most {free:.1f} diameters"


def _describe_cut(each: _Extension) -> Cut:
    return Cut(
        centre=_vector(each.outline.centre),
        normal=_vector(each.outline.normal),
        length=each.length * each.outline.diameter,
        radius=each.outline.radius,
        reach=each.outline.reach,
    )


def _vector(values: FloatArray) -> Vec3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
