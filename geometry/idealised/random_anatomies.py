"""Random anatomies: trees and families with random numbers, for sweeps that look for what fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from geometry.idealised.allometry import normal_diameter
from geometry.idealised.anatomy import Anatomy, Branch, open_end
from geometry.idealised.arch import arch_with_duct, coarctation
from geometry.idealised.clearance import least_gap
from geometry.idealised.junctions import blalock_taussig_shunt, cavopulmonary_connection
from geometry.idealised.pulmonary import pulmonary_arteries
from geometry.idealised.vessel import assemble, vessel
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role

Kind = Literal[
    "tree",
    "stenosed",
    "aneurysmal",
    "kissing",
    "tortuous",
    "arch",
    "duct",
    "pulmonary",
    "shunt",
    "cavopulmonary",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NARROWEST = 1.5e-3
"""Diameter of the narrowest throats [m]."""
KISS = 0.5e-3
"""Distance of the walls of kissing vessels [m]."""
TRIES = 200
"""How often numbers are drawn anew where vessels would touch."""


def random_anatomy(seed: int, kind: Kind | None = None) -> Anatomy:
    """A random anatomy of newborn to infant size, the same for the same seed; its name tells kind and seed.

    Args:
        seed: Seed of the random numbers.
        kind: `tree` (two or three generations of forks), `stenosed` (one fork, a vessel narrowed down to 1.5 mm at
            most), `aneurysmal`, `kissing` (two vessels side by side, 0.5 mm apart), `tortuous`, or a family with random
            numbers; None: they take turns.

    Returns:
        An anatomy with known openings whose vessels stay 0.4 mm apart at least, except where they join.
    """
    chosen = KINDS[seed % len(KINDS)] if kind is None else kind
    rng = np.random.default_rng([seed, KINDS.index(chosen)])
    for _ in range(TRIES):
        anatomy = _MAKERS[chosen](rng, f"{chosen}_{seed}")
        if least_gap(anatomy) > 0.8 * KISS:
            return anatomy
    raise AssertionError(f"no {chosen} without collision in {TRIES} tries")


def _tree(rng: np.random.Generator, name: str) -> Anatomy:
    """Forks by Murray's law, each in a new plane."""
    branches = _grow(rng, generations=int(rng.integers(2, 4)))
    return _open_tree(name, branches)


def _stenosed(rng: np.random.Generator, name: str) -> Anatomy:
    """A tree of one fork, a vessel of which narrows within one or two diameters."""
    branches = _grow(rng, generations=2)
    victim = int(rng.integers(len(branches)))
    old = branches[victim]
    diameter = 2.0 * float(old.station_radii[0])
    throat = max(NARROWEST, diameter * rng.uniform(0.25, 0.6))
    at = old.length * rng.uniform(0.55, 0.65)
    half = diameter * rng.uniform(0.5, 0.9)
    around = {max(at - half, 1e-3): diameter, at: throat, min(at + half, old.length - 1e-3): diameter}
    branches[victim] = _same_course(old, around)
    return _open_tree(name, branches)


def _aneurysmal(rng: np.random.Generator, name: str) -> Anatomy:
    """A curved vessel with a spindle or a sac."""
    diameter = rng.uniform(3.0e-3, 8.0e-3)
    trunk = vessel("trunk", _wander(rng, np.zeros(3), _direction(rng), 8.0 * diameter, 0.25), diameter)
    middle = 0.5 * trunk.length
    if rng.random() < 0.5:
        wide = diameter * rng.uniform(1.5, 2.4)
        half = rng.uniform(1.0, 1.6) * diameter
        trunk = _same_course(trunk, {middle - half: diameter, middle: wide, middle + half: diameter})
        return _open_tree(name, [trunk])
    side = np.cross(trunk.tangents[len(trunk.tangents) // 2], _direction(rng))
    side /= np.linalg.norm(side)
    neck, sac = diameter * rng.uniform(0.5, 0.8), diameter * rng.uniform(0.9, 1.5)
    height = 0.5 * diameter + 0.25 * neck + 0.5 * sac
    widths = {0.0: neck, height - 0.5 * sac: neck, height: sac}
    pouch = vessel("sac", (trunk.point(middle) + height * side)[None, :], widths, start=(trunk, middle))
    return _open_tree(name, [trunk, pouch], closed=("sac",))


def _kissing(rng: np.random.Generator, name: str) -> Anatomy:
    """A fork whose daughters come back to run side by side, `KISS` apart."""
    diameter = rng.uniform(4.0e-3, 8.0e-3)
    widths = diameter * np.array([rng.uniform(0.6, 0.85), rng.uniform(0.6, 0.85)])
    apart = 0.5 * (widths.sum() + 2.0 * KISS)
    trunk = vessel("trunk", np.array([[0, 0, -2.5 * diameter], [0, 0, 0]]), diameter)
    branches = [trunk]
    for index, sign in enumerate((-1.0, 1.0)):
        near = sign * 0.5 * apart
        heights = diameter * np.array([0.6, 1.4, 2.2, 3.2, 4.0, 4.8, 5.6])
        across = np.array([0.62, 1.0, 0.95, 0.0, 0.0, 0.0, 0.0]) * diameter * sign
        across[3:] = near
        across[2] = near + sign * 0.15 * diameter
        points = np.column_stack([across, np.zeros(7), heights])
        branches.append(
            vessel(f"limb_{index + 1}", points, float(widths[index]), start=(trunk, trunk.length))
        )
    return _open_tree(name, branches)


def _tortuous(rng: np.random.Generator, name: str) -> Anatomy:
    """A vessel that winds like a duct or a collateral: a helix of growing and shrinking radius."""
    diameter = rng.uniform(2.0e-3, 5.0e-3)
    turns = rng.uniform(1.2, 2.4)
    share = np.linspace(0.0, 1.0, 41)
    swing = diameter * rng.uniform(1.0, 1.6) * np.sin(np.pi * share) ** 0.8
    angle = 2.0 * np.pi * turns * share
    rise = diameter * rng.uniform(2.6, 3.6) * turns * share
    points = np.column_stack([swing * np.cos(angle), swing * np.sin(angle), rise])
    straight = np.linspace(1.0, 0.2, 5)[:, None] * [0.0, 0.0, 1.5 * diameter]
    points = np.vstack([points[0] - straight, points, points[-1] + straight[::-1]])
    taper = {0.0: diameter, 6.0 * diameter: diameter * rng.uniform(0.6, 1.0)}
    return _open_tree(name, [vessel("trunk", points, taper)])


def _arch(rng: np.random.Generator, name: str) -> Anatomy:
    weight = rng.uniform(2.0, 5.0)
    most = 1.0 - NARROWEST / normal_diameter("isthmus", weight)
    built = coarctation(
        weight=weight,
        severity=rng.uniform(0.0, most),
        throat_length=rng.uniform(2.5e-3, 6e-3),
        arch_severity=rng.uniform(0.0, 0.4),
        dilation=rng.uniform(1.0, 1.4),
    )
    return _renamed(built, name)


def _duct(rng: np.random.Generator, name: str) -> Anatomy:
    built = arch_with_duct(
        weight=rng.uniform(2.0, 5.0),
        duct_diameter=rng.uniform(NARROWEST, 4.5e-3),
        ampulla=rng.uniform(1.0, 1.8),
        isthmus_severity=rng.uniform(0.0, 0.5),
    )
    return _renamed(built, name)


def _pulmonary(rng: np.random.Generator, name: str) -> Anatomy:
    weight = rng.uniform(2.0, 5.0)
    most = 1.0 - NARROWEST / normal_diameter("right_pulmonary_artery", weight)
    trunk, right, left = rng.uniform(0.0, [0.7, most, most])
    built = pulmonary_arteries(weight=weight, trunk_severity=trunk, right_severity=right, left_severity=left)
    return _renamed(built, name)


def _shunt(rng: np.random.Generator, name: str) -> Anatomy:
    weight = rng.uniform(2.0, 5.0)
    widest = min(4.0e-3, normal_diameter("brachiocephalic", weight))
    built = blalock_taussig_shunt(
        weight=weight, shunt_diameter=rng.uniform(3.0e-3, widest), shunt_length=rng.uniform(15e-3, 30e-3)
    )
    return _renamed(built, name)


def _cavopulmonary(rng: np.random.Generator, name: str) -> Anatomy:
    built = cavopulmonary_connection(
        weight=rng.uniform(9.0, 18.0),
        conduit_diameter=float(rng.choice([16e-3, 18e-3, 20e-3])),
        offset=rng.uniform(-12e-3, 12e-3),
        flare=rng.uniform(1.0, 1.2),
    )
    return _renamed(built, name)


_MAKERS: dict[Kind, Callable[[np.random.Generator, str], Anatomy]] = {
    "tree": _tree,
    "stenosed": _stenosed,
    "aneurysmal": _aneurysmal,
    "kissing": _kissing,
    "tortuous": _tortuous,
    "arch": _arch,
    "duct": _duct,
    "pulmonary": _pulmonary,
    "shunt": _shunt,
    "cavopulmonary": _cavopulmonary,
}


def _grow(rng: np.random.Generator, *, generations: int) -> list[Branch]:
    """A tree of forks: the cubes of the diameters add up, lengths are five to seven diameters."""
    diameter = rng.uniform(4.5e-3, 9.0e-3)
    heading = _direction(rng)
    trunk = vessel("trunk", _wander(rng, np.zeros(3), heading, 4.0 * diameter, 0.1), diameter)
    branches = [trunk]
    tips = [(trunk, np.cross(heading, _direction(rng)))]
    for _ in range(generations - 1):
        next_tips = []
        for parent, side in tips:
            heading, across = parent.tangents[-1], side / np.linalg.norm(side)
            ratio = rng.uniform(1.0, 1.5)
            small = 2.0 * float(parent.radius(parent.length)) / (1.0 + ratio**3) ** (1.0 / 3.0)
            for sign, width in ((1.0, small), (-1.0, ratio * small)):
                if width < NARROWEST:
                    continue
                turn = rng.uniform(0.45, 0.8)
                towards = np.cos(turn) * heading + sign * np.sin(turn) * across
                length = rng.uniform(5.0, 7.0) * width + float(parent.radius(parent.length))
                points = _wander(rng, parent.centreline[-1], towards, length, 0.1)[1:]
                child = vessel(f"branch_{len(branches)}", points, width, start=(parent, parent.length))
                branches.append(child)
                # The next fork lies across this one, turned by up to half a right angle.
                twist = np.cross(towards, across) + rng.uniform(-0.7, 0.7) * across
                next_tips.append((child, twist - (twist @ towards) * towards))
        tips = next_tips
    return branches


def _open_tree(name: str, branches: list[Branch], *, closed: tuple[str, ...] = ()) -> Anatomy:
    """The first branch's first point is the inlet; ends that no other branch leaves are outlets."""
    parents = {branch.parent for branch in branches if branch.name not in closed}
    ends = [branch for branch in branches if branch.name not in parents and branch.name not in closed]
    outlets = (open_end(branch, f"{branch.name}_end", Role.OUTLET) for branch in ends)
    return assemble(name, branches, (open_end(branches[0], "inlet", Role.INLET, first=True), *outlets))


def _wander(
    rng: np.random.Generator, start: FloatArray, heading: FloatArray, length: float, swing: float
) -> FloatArray:
    """(5, 3) points along a heading that bow to a random side by a part of the length."""
    side = np.cross(heading, _direction(rng))
    side /= np.linalg.norm(side)
    share = np.linspace(0.0, 1.0, 5)[:, None]
    bow = rng.uniform(0.0, swing) * length * np.sin(np.pi * share)
    return np.asarray(start + share * length * heading + bow * side)


def _direction(rng: np.random.Generator) -> FloatArray:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))


def _same_course(branch: Branch, diameters: dict[float, float]) -> Branch:
    """A branch with other diameters."""
    renewed = vessel(branch.name, branch.control_points, diameters)
    return Branch(
        name=branch.name,
        control_points=renewed.control_points,
        stations=renewed.stations,
        station_radii=renewed.station_radii,
        parent=branch.parent,
    )


def _renamed(anatomy: Anatomy, name: str) -> Anatomy:
    return assemble(name, anatomy.branches, anatomy.openings, blend=anatomy.blend)
