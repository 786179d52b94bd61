"""The catalogue of anatomies in code."""

from __future__ import annotations

from functools import cache

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.arch import aortic_arch, arch_with_duct, coarctation
from geometry.idealised.family import Family, describe
from geometry.idealised.junctions import bifurcation, blalock_taussig_shunt, cavopulmonary_connection
from geometry.idealised.pulmonary import pulmonary_arteries
from geometry.idealised.tubes import aneurysm, bend, saccular_aneurysm, stenosed_tube, straight_tube
from hemoplan.errors import CaseError
from hemoplan.spelling import hint

_FUNCTIONS = (
    straight_tube,
    stenosed_tube,
    bend,
    aneurysm,
    saccular_aneurysm,
    bifurcation,
    aortic_arch,
    coarctation,
    arch_with_duct,
    pulmonary_arteries,
    blalock_taussig_shunt,
    cavopulmonary_connection,
)


@cache
def families() -> dict[str, Family]:
    """All families by name, with their parameters, units, limits and defaults."""
    return {function.__name__: describe(function) for function in _FUNCTIONS}


def build(name: str, **values: float) -> Anatomy:
    """An anatomy of a family, by name and parameters [SI].

    Raises:
        CaseError: There is no such family, or a parameter is unknown or out of range.
    """
    known = families()
    if name not in known:
        raise CaseError(
            "there is no such family of anatomies",
            where="family",
            value=name,
            expected=hint(name, known).removeprefix("expected "),
        )
    return known[name].build(**values)
