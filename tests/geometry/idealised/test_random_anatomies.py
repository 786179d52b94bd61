"""Random anatomies: reproducible, without collisions, and as narrow and as close as they claim."""

import numpy as np
import pytest

from geometry.idealised.clearance import least_gap
from geometry.idealised.random_anatomies import KINDS, KISS, NARROWEST, Kind, random_anatomy
from hemoplan.patch import Role

MM = 1.0e-3


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_sound_anatomies(kind: Kind) -> None:
    for seed in range(8):
        anatomy = random_anatomy(seed, kind)
        assert anatomy.name == f"{kind}_{seed}"
        assert least_gap(anatomy) > 0.8 * KISS
        assert sum(opening.role is Role.INLET for opening in anatomy.openings) >= 1
        assert sum(opening.role is Role.OUTLET for opening in anatomy.openings) >= 1
        narrowest = min(float(branch.radius(branch.arc_length).min()) for branch in anatomy.branches)
        assert 2.0 * narrowest > 0.999 * NARROWEST
        for opening in anatomy.openings:
            assert anatomy.distance(opening.centre[None])[0] < -0.9 * opening.radius


def test_the_same_seed_gives_the_same_anatomy() -> None:
    one, again, other = random_anatomy(20), random_anatomy(20), random_anatomy(30)
    assert one.name == again.name == "tree_20"
    for branch, copy in zip(one.branches, again.branches, strict=True):
        assert np.array_equal(branch.centreline, copy.centreline)
    assert len(one.branches[0].centreline) != len(other.branches[0].centreline)


def test_kissing_vessels_run_side_by_side_at_half_a_millimetre() -> None:
    for seed in range(5):
        anatomy = random_anatomy(seed, "kissing")
        one, other = anatomy.branch("limb_1"), anatomy.branch("limb_2")
        gap = other.distance(one.centreline) - one.radius(one.arc_length)
        kissing = np.abs(gap - KISS) < 0.05 * MM
        assert kissing.mean() > 0.2
        assert gap[len(gap) // 2 :].min() > 0.9 * KISS


def test_some_throats_reach_the_narrowest() -> None:
    throats = [
        2.0
        * min(
            float(branch.radius(branch.arc_length).min())
            for branch in random_anatomy(seed, "stenosed").branches
        )
        for seed in range(12)
    ]
    assert min(throats) == pytest.approx(NARROWEST, rel=1e-3)
    assert max(throats) > 2.0 * MM
