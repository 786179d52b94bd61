"""The convergence studies of the flows with an exact solution, on all levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cfd.stepper import ElementPair
from tests.verification import ethier_steinman, poiseuille, shear_thinning, taylor_green, womersley
from tests.verification.convergence import Row
from tests.verification.poiseuille import Wall
from tests.verification.womersley import End, Womersley

type Solve = Callable[[], Row]
PAIRS: tuple[ElementPair, ...] = ("P1-P1", "P2-P1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One flow, refined in one way.

    Attributes:
        name: Short, for files and the command line.
        title: Of its section.
        text: What is solved and what is to be expected.
        against: What the orders refer to: `h` or `dt`.
        levels: Solves from coarse to fine, by the name of the curve; none of them has run yet.
        expected: Theoretical orders, by curve and quantity; a quantity without one is shown but not judged.
        quick: How many of the levels are run where time is short.
    """

    name: str
    title: str
    text: str
    against: str
    levels: Mapping[str, Sequence[Solve]]
    expected: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    quick: int = 2


ORDERS = {"P1-P1": {"velocity": 2.0, "pressure": 1.0}, "P2-P1": {"velocity": 3.0, "pressure": 2.0}}
TIME_ORDERS = {"velocity": 2.0}


def studies() -> tuple[Study, ...]:
    """All of them."""
    return (*_poiseuille(), *_womersley(), *_taylor_green(), *_ethier_steinman(), _shear_thinning())


def _poiseuille() -> tuple[Study, ...]:
    def levels(elements: ElementPair, wall: Wall, rings: Sequence[int]) -> list[Solve]:
        return [partial(poiseuille.solve, elements, n, wall) for n in rings]

    return (
        Study(
            name="poiseuille",
            title="Poiseuille flow in a tube",
            text=(
                "A tube one diameter long, from 3 to 16 cells along the radius; the parabola is prescribed at "
                "the inlet, the pressure at the outlet is zero. The wall of the mesh is made of flat facets "
                "that do not slip: the tube is too narrow by O(h²), which limits P2–P1 to second order too. "
                "Given the exact velocity on the facets, P2–P1 holds the parabola to rounding (as in a plane "
                "channel, without any such help), so that nothing but the geometry is left of its error; "
                "P1–P1 has the same errors either way."
            ),
            against="h",
            levels={
                "P1-P1": levels("P1-P1", Wall.FACETED, (3, 4, 6, 8, 12, 16)),
                "P2-P1": levels("P2-P1", Wall.FACETED, (3, 4, 6, 8, 12)),
                "P2-P1, exact velocity on the facets": levels("P2-P1", Wall.EXACT, (3, 4, 6, 8)),
            },
            expected={"P1-P1": {"velocity": 2.0}, "P2-P1": {"velocity": 2.0, "pressure": 2.0}},
            quick=3,
        ),
    )


def _womersley() -> tuple[Study, ...]:
    found = []
    for alpha in (4.0, 8.0):
        for kind, flow, factor in (
            ("one harmonic", womersley.one_harmonic(alpha), 1),
            ("ten harmonics", womersley.aortic(alpha), 2),
        ):
            linear = [partial(_row, "P1-P1", flow, n, 10 * factor * n) for n in (4, 6, 8, 12, 16)]
            quadratic = [
                partial(_row, "P2-P1", flow, n, factor * steps)
                for n, steps in ((3, 40), (4, 62), (6, 113), (8, 174), (10, 243))
            ]
            aortic = " of the built-in aortic waveform" if factor == 2 else " beside the mean"
            found.append(
                Study(
                    name=f"womersley-{alpha:g}-{'aortic' if factor == 2 else 'one'}",
                    title=f"Womersley flow, alpha = {alpha:g}, {kind}",
                    text=(
                        f"{kind.capitalize()}{aortic} with alpha = {alpha:g} for the first, over one cycle "
                        "from the exact start, in a tube one radius long whose velocity is prescribed on all "
                        "sides. Errors are root mean squares over the cycle, that of the wall shear stress of "
                        "its mean around the tube. h and dt are refined together, dt as h for P1–P1 and as "
                        "h^(3/2) for P2–P1, so that the velocity should converge at orders 2 and 3 in h. The "
                        f"boundary layer of the last harmonic is R/{alpha * (len(flow.gradients) - 1) ** 0.5:.0f} "
                        "thick; where the mesh hardly resolves it, the orders are still rising."
                    ),
                    against="h",
                    levels={"P1-P1": linear, "P2-P1": quadratic},
                    expected=ORDERS,
                    quick=3,
                )
            )
    open_end = {
        f"{pair}, {name}": [
            partial(_row, pair, flow, n, s, End.OPEN) for n, s in ((4, 80), (6, 120), (8, 160))
        ]
        for pair in PAIRS
        for name, flow in (
            ("never turns back", womersley.one_harmonic(8.0)),
            ("aortic", womersley.aortic(8.0)),
        )
    }
    found.append(
        Study(
            name="womersley-open",
            title="Womersley flow, alpha = 8, with an outlet",
            text=(
                "The same with the pressure prescribed at the end. As long as the flow never turns back "
                "there, the errors fall as before. The aortic waveform does turn back near the wall: the term "
                "that keeps an outlet stable against backflow then disturbs the last radius of the tube, and "
                "the errors stop falling. The tube is only one radius long, so this is the worst that an "
                "outlet can do."
            ),
            against="h",
            levels=open_end,
            quick=2,
        )
    )
    steps = (20, 40, 80)
    found.append(
        Study(
            name="womersley-time",
            title="Womersley flow, alpha = 8, in time",
            text=(
                "One harmonic on a fixed mesh of 10 cells along the radius; P1–P1 is limited by the mesh and is "
                "left out."
            ),
            against="dt",
            levels={"P2-P1": [partial(_row, "P2-P1", womersley.one_harmonic(8.0), 10, s) for s in steps]},
            expected={"P2-P1": TIME_ORDERS},
            quick=2,
        )
    )
    return tuple(found)


def _row(elements: ElementPair, flow: Womersley, rings: int, steps: int, end: End = End.CLOSED) -> Row:
    return womersley.solve(elements, flow, rings, steps, end=end).row


def _taylor_green() -> tuple[Study, ...]:
    ways: dict[str, dict[str, Any]] = {
        "semi-implicit, rotational": {},
        "semi-implicit, plain": {"rotational": False},
        "explicit, rotational": {"convection": "explicit"},
        "explicit, plain": {"convection": "explicit", "rotational": False},
        "skew-symmetric, rotational": {"form": "skew-symmetric"},
    }
    first = "The vortices decay in the square [-1, 1]² with the exact velocity on its sides, P2–P1, until t = 0.4."
    return (
        Study(
            name="taylor-green-space",
            title="Taylor–Green vortices in the plane, in space",
            text=f"{first} 400 time steps, whose error is far below that of the meshes.",
            against="h",
            levels={"P2-P1": [partial(taylor_green.solve, n, 400) for n in (8, 16, 32, 48, 64)]},
            expected={"P2-P1": {"velocity": 3.0, "pressure": 2.0, "wall_shear": 2.0}},
            quick=4,
        ),
        Study(
            name="taylor-green-time",
            title="Taylor–Green vortices in the plane, in time",
            text=(
                f"{first} 64 cells along each side; convection explicit or semi-implicit, pressure rotational or "
                "plain. The mesh limits pressure and traction at the smaller steps."
            ),
            against="dt",
            levels={
                name: [partial(taylor_green.solve, 64, s, **way) for s in (10, 20, 40)]
                for name, way in ways.items()
            },
            expected=dict.fromkeys(ways, TIME_ORDERS),
            quick=3,
        ),
        Study(
            name="taylor-green-both",
            title="Taylor–Green vortices in the plane, mesh and time step together",
            text=f"{first} dt = 0.8 h: what is second order in both falls by four.",
            against="h",
            levels={
                name: [partial(taylor_green.solve, n, n // 4, **way) for n in (32, 64, 128)]
                for name, way in ways.items()
            },
            expected=dict.fromkeys(ways, {"velocity": 2.0, "pressure": 2.0}),
            quick=2,
        ),
    )


def _ethier_steinman() -> tuple[Study, ...]:
    equal, alternating = ethier_steinman.equal_steps, ethier_steinman.alternating_steps
    solve = ethier_steinman.solve
    return (
        Study(
            name="ethier-steinman-space",
            title="Ethier–Steinman flow in three dimensions, in space",
            text=(
                "The cube [-1, 1]³ with the exact velocity on all sides, a = pi/4, d = pi/2, nu = 1. P2–P1 "
                "until t = 0.1 in 80 steps, whose error is far below that of the meshes; P1–P1 until t = 0.4 "
                "with dt = 0.1 h, because the term that keeps its pressure stable is proportional to dt. The "
                "traction is the residual of the momentum balance on the boundary; for P2–P1 the pressure's "
                "error in that residual limits it to order 2, for P1–P1 theory gives 3/2."
            ),
            against="h",
            levels={
                "P1-P1": [partial(solve, "P1-P1", n, equal(2 * n, 0.4)) for n in (8, 16, 24, 32)],
                "P2-P1": [partial(solve, "P2-P1", n, equal(80)) for n in (4, 8, 12, 16, 20)],
            },
            expected={
                "P1-P1": {"velocity": 2.0, "pressure": 2.0},
                "P2-P1": {"velocity": 3.0, "pressure": 2.0, "wall_shear": 2.0},
            },
            quick=3,
        ),
        Study(
            name="ethier-steinman-time",
            title="Ethier–Steinman flow, in time",
            text=(
                "P2–P1 with 16 cells along each side, until t = 0.4; equal steps, and steps of which each "
                "second one is 1.3 times as long as the one before. P1–P1 with dt = 0.4 h, where time steps "
                "and mesh have errors of one size."
            ),
            against="dt",
            levels={
                "P2-P1, equal steps": [partial(solve, "P2-P1", 16, equal(s, 0.4)) for s in (8, 16, 32)],
                "P2-P1, alternating steps": [
                    partial(solve, "P2-P1", 16, alternating(s, 0.4)) for s in (8, 16, 32)
                ],
                "P1-P1, dt = 0.4 h": [
                    partial(solve, "P1-P1", n, equal(n // 2, 0.4)) for n in (8, 16, 24, 32)
                ],
            },
            expected={
                "P2-P1, equal steps": TIME_ORDERS,
                "P2-P1, alternating steps": TIME_ORDERS,
                "P1-P1, dt = 0.4 h": TIME_ORDERS,
            },
            quick=2,
        ),
    )


def _shear_thinning() -> Study:
    return Study(
        name="carreau-yasuda",
        title="Carreau–Yasuda fluid in a tube",
        text=(
            "Blood (mu from 0.056 to 0.00345 Pa s) in a tube of 2 mm radius under 200 Pa/m, against the "
            "solution of the radial balance of forces; the exact velocity is prescribed on all sides. The "
            "wall shear stress is its mean around the tube."
        ),
        against="h",
        levels={
            "P1-P1": [partial(shear_thinning.solve, "P1-P1", n) for n in (3, 4, 6, 8, 12)],
            "P2-P1": [partial(shear_thinning.solve, "P2-P1", n) for n in (3, 4, 6, 8)],
        },
        expected={"P1-P1": {"velocity": 2.0}, "P2-P1": {"velocity": 3.0}},
        quick=3,
    )
