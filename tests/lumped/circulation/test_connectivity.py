from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from lumped.circulation.connectivity import dead_ways, separate_parts
from lumped.circulation.graph import Circulation, Compartment, Connection


def graph(ways: Sequence[tuple[str, str]], reservoirs: str = "") -> Circulation:
    """A circulation of vessels with one-letter names, and connections named by their ends."""
    names = sorted({end for way in ways for end in way})
    return Circulation(
        name="graph",
        period=1.0,
        compartments=tuple(
            Compartment(name=name, kind="reservoir" if name in reservoirs else "vessel") for name in names
        ),
        connections=tuple(
            Connection(name=f"{a}{b}{i}", kind="resistor", source=a, target=b)
            for i, (a, b) in enumerate(ways)
        ),
    )


def test_loop_has_no_dead_way_and_a_branch_is_one() -> None:
    loop = [("a", "b"), ("b", "c"), ("c", "a")]
    assert dead_ways(graph(loop)) == set()
    assert dead_ways(graph([*loop, ("c", "d"), ("d", "e")])) == {"cd3", "de4"}


def test_two_connections_between_two_vessels_are_a_closed_way() -> None:
    assert dead_ways(graph([("a", "b"), ("a", "b")])) == set()
    assert dead_ways(graph([("a", "b"), ("b", "a")])) == set()


def test_way_between_reservoirs_is_alive() -> None:
    assert dead_ways(graph([("a", "b"), ("b", "c")], reservoirs="ac")) == set()
    assert dead_ways(graph([("a", "b"), ("b", "c")], reservoirs="a")) == {"ab0", "bc1"}


def test_bridge_between_two_loops_is_dead() -> None:
    loops = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]
    assert dead_ways(graph([*loops, ("a", "c")])) == {"ac4"}


@pytest.mark.parametrize("seed", range(20))
def test_dead_ways_are_those_that_separate(seed: int) -> None:
    """On random graphs: a way is dead exactly if taking it away makes one part more."""
    rng = np.random.default_rng(seed)
    pairs = list(combinations("abcdefgh", 2))
    chosen = [pairs[i] for i in rng.choice(len(pairs), size=10)]
    names = {end for way in chosen for end in way}
    whole = graph(chosen)

    def parts(ways: Sequence[tuple[str, str]]) -> int:
        loose = len(names) - len({end for way in ways for end in way})
        return len(separate_parts(graph(ways))) + loose

    expected = {
        each.name
        for i, each in enumerate(whole.connections)
        if parts([way for j, way in enumerate(chosen) if j != i]) > parts(chosen)
    }
    assert dead_ways(whole) == expected
