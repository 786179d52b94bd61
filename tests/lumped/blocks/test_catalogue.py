"""What every kind of block promises: names, units, ranges, defaults, sources."""

from __future__ import annotations

import math
import re

import pytest

from hemoplan.units import registry
from lumped.blocks.compartments import COMPARTMENTS
from lumped.blocks.connections import CONNECTIONS
from lumped.blocks.couplings import COUPLINGS
from lumped.blocks.record import Blood, Kind, unit_factor
from lumped.blocks.rhythms import RHYTHMS

CATALOGUES = (COMPARTMENTS, CONNECTIONS, COUPLINGS, RHYTHMS)
KINDS = [kind for catalogue in CATALOGUES for kind in catalogue.values()]
NAMES = [kind.name for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_parameters_make_sense(kind: Kind) -> None:
    names = [each.name for each in kind.parameters]
    assert len(set(names)) == len(names)
    for each in kind.parameters:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", each.name)
        assert each.low < each.high
        assert each.default is None or each.low <= each.default <= each.high
        assert each.meaning
        assert each.unit == "1" or not registry.Unit(each.unit).dimensionless


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_packs_finite_numbers_in_the_middle_of_its_ranges(kind: Kind) -> None:
    """Geometric means of the ranges, or the defaults; a bound for what a kind asks of its parameters together."""
    values = {}
    for each in kind.parameters:
        middle = math.sqrt(each.low * each.high) if each.low > 0.0 else 0.5 * (each.low + each.high)
        values[each.name] = (middle if each.default is None else each.default) * each.factor
    numbers = kind.pack(kind.complete(values), Blood())
    assert all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_says_what_is_missing(kind: Kind) -> None:
    needed = [each.name for each in kind.parameters if each.default is None]
    if not needed:
        assert kind.complete({}).keys() == {each.name for each in kind.parameters}
        return
    with pytest.raises(KeyError, match=needed[0]):
        kind.complete({})


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_doi_has_the_form_of_one(kind: Kind) -> None:
    for doi in re.findall(r"DOI (\S+)", kind.source):
        assert re.fullmatch(r"10\.\d{4,5}/[\w.()\-/]+", doi.rstrip(",;"))


def test_units_are_those_of_the_clinic() -> None:
    """1 mmHg is 133.322 Pa, 1 mL is 1e-6 m³; what is made of them follows."""
    assert unit_factor("mmHg*s/mL") == pytest.approx(133.322387415e6, rel=1e-9)
    assert unit_factor("mL/mmHg") == pytest.approx(7.5006156e-9, rel=1e-6)
    assert unit_factor("mL/min") == pytest.approx(1e-6 / 60.0, rel=1e-12)
    assert unit_factor("1") == 1.0


def test_laws_of_a_catalogue_differ_where_their_equations_do() -> None:
    assert len({kind.law for kind in COMPARTMENTS.values()}) == len(COMPARTMENTS)
    assert len({kind.law for kind in RHYTHMS.values()}) == len(RHYTHMS)
    assert len({kind.law for kind in COUPLINGS.values()}) == len(COUPLINGS)
