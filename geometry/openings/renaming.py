"""Names of the case for openings that a surface came with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geometry.openings.cutting import find_by_rule
from geometry.openings.finding import from_patches
from geometry.surfaces.surface import WALL_TAG, Surface, describe_patch
from hemoplan.case import Opening
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch, Role

REACH = 4.0
"""A point may lie this many radii away from the opening that it names."""


def rename_openings(surface: Surface, openings: Sequence[Opening]) -> Surface:
    """Give the openings of a surface the names and roles of the nearest points of the case, or names by rule.

    Args:
        surface: Closed, with flat openings of any names.
        openings: One for each, with a point near it, or with a name that a rule gives.

    Returns:
        The same triangles; the openings in the order given (tags from 2).

    Raises:
        SurfaceError: A point is near no opening, two mean the same one, an opening has no name, or a rule does not fit.
    """
    found = surface.openings
    if len(found) != len(openings):
        raise SurfaceError(
            "the surface has another number of openings than the case",
            where="openings",
            value=f"{len(found)} in the surface, {len(openings)} named",
            expected=f"a name for each of: {_list(found)}",
        )
    ends = from_patches(found)
    by_rule = find_by_rule(ends, surface, openings)
    tag_of: dict[int, int] = {}
    for number, opening in enumerate(openings, start=WALL_TAG + 1):
        patch = _nearest(found, opening) if opening.near is not None else found[by_rule[opening.name]]
        if patch.tag in tag_of:
            raise SurfaceError(
                "two openings of the case mean the same opening of the surface",
                where=f"openings.{opening.name}.near",
                value=f"'{openings[tag_of[patch.tag] - WALL_TAG - 1].name}' and '{opening.name}'",
                expected=f"each near an opening of its own: {_list(found)}",
            )
        tag_of[patch.tag] = number
    patch_id = np.full(len(surface.patch_id), WALL_TAG, dtype=np.int64)
    for old, new in tag_of.items():
        patch_id[surface.patch_id == old] = new
    names = [("wall", Role.WALL), *((opening.name, opening.role) for opening in openings)]
    patches = tuple(
        describe_patch(surface.points, surface.triangles[patch_id == tag], name=name, role=role, tag=tag)
        for tag, (name, role) in enumerate(names, start=WALL_TAG)
    )
    return Surface(points=surface.points, triangles=surface.triangles, patch_id=patch_id, patches=patches)


def _nearest(found: Sequence[Patch], opening: Opening) -> Patch:
    near = np.array(opening.near)
    gaps = [
        float(np.linalg.norm(np.array(patch.centre) - near)) / np.sqrt(patch.area / np.pi) for patch in found
    ]
    best = int(np.argmin(gaps))
    if gaps[best] > REACH:
        x, y, z = 1e3 * near
        raise SurfaceError(
            "there is no opening near the point",
            where=f"openings.{opening.name}.near",
            value=f"({x:.1f}, {y:.1f}, {z:.1f}) mm",
            expected=f"a point near one of: {_list(found)}",
        )
    return found[best]


def _list(found: Sequence[Patch]) -> str:
    """Place and diameter of every opening."""
    texts = []
    for patch in found:
        x, y, z = (1e3 * value for value in patch.centre)
        texts.append(f"({x:.1f}, {y:.1f}, {z:.1f}) mm, diameter {2e3 * np.sqrt(patch.area / np.pi):.1f} mm")
    return "; ".join(texts) or "none: the surface is closed"
