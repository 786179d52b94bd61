"""Laws of blocks that are not linear with constant coefficients: their codes, sizes and patterns.

The equations of a circuit are E y' + F y + c(y, y', t) = 0. A law adds to c in some rows, and to the Jacobians dc/dy
and dc/dy' at the places listed here; what it adds is in `lumped.svzerod.kernel`, under its code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Law:
    """Sizes of a law.

    Attributes:
        code: What the kernel knows it by.
        rows: Number of equations it adds to.
        columns: Number of unknowns it looks at.
        parameters: Number of parameters.
        values: Places (row, column) of dc/dy, counted within the law.
        rates: Places of dc/dy'.
    """

    code: int
    rows: int
    columns: int
    parameters: int
    values: tuple[tuple[int, int], ...] = ()
    rates: tuple[tuple[int, int], ...] = ()


SOURCE = 0
PRODUCT = 1
QUADRATIC = 2
STENOSIS = 3
TANH_VALVE = 4
PIECEWISE_VALVE = 5
ELASTANCE = 6
EXPONENTIAL = 7
SPHERE = 8
HEART = 9
FOLLOWER = 10
VARYING_CORONARY = 11

MOONEY_RIVLIN = 0
EXPONENTIAL_WALL = 1
"""Materials of a spherical chamber's wall, as a parameter of its law."""

SOURCE_LAW = Law(SOURCE, 1, 0, 3)
PRODUCT_LAW = Law(PRODUCT, 1, 1, 2, values=((0, 0),))
QUADRATIC_LAW = Law(QUADRATIC, 1, 1, 1, values=((0, 0),))
STENOSIS_LAW = Law(STENOSIS, 2, 1, 2, values=((0, 0), (1, 0)), rates=((1, 0),))
TANH_VALVE_LAW = Law(TANH_VALVE, 2, 3, 3, values=((0, 0), (0, 1), (0, 2), (1, 0), (1, 2)))
PIECEWISE_VALVE_LAW = Law(PIECEWISE_VALVE, 1, 3, 2, values=((0, 1),))
ELASTANCE_LAW = Law(ELASTANCE, 1, 1, 5, values=((0, 0),))
EXPONENTIAL_LAW = Law(EXPONENTIAL, 1, 1, 5, values=((0, 0),))
SPHERE_LAW = Law(
    SPHERE, 4, 5, 11, values=((0, 0), (0, 1), (0, 3), (1, 1), (2, 1), (2, 2), (3, 4)), rates=((1, 1),)
)
HEART_LAW = Law(
    HEART,
    14,
    16,
    17,
    values=(
        (0, 4), (8, 11), (4, 7), (11, 14),
        (1, 15), (7, 8), (2, 5), (5, 5), (5, 8), (9, 8), (9, 12), (12, 12), (12, 15),
        (3, 5), (6, 8), (10, 12), (13, 15),
    ),
)  # fmt: skip
FOLLOWER_LAW = Law(FOLLOWER, 1, 1, 1)
VARYING_CORONARY_LAW = Law(VARYING_CORONARY, 2, 1, 6, values=((1, 0),), rates=((1, 0),))
