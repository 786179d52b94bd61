"""A closed circulation in a case file: what it stands in the place of, and what contradicts it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hemoplan.case_file import load_case
from hemoplan.errors import CaseError
from planning.resolved_case import absolute_paths, write_case
from tests.hemoplan.minimal_case import MINIMAL

PRESCRIBED = MINIMAL[MINIMAL.index("[inflow]") : MINIMAL.index("[comparison]")]
LOOP = """
[circulation]
anatomy = "term_newborn"
remove = ["isthmus", "aortic_arch"]

[circulation.ports]
aorta = "ascending_aorta"
arm = "innominate_artery"
body = "descending_aorta"

[circulation.surgery]
wide = ["dilate isthmus 6 mm"]

"""


def write_loop(folder: Path, *changes: tuple[str, str]) -> Path:
    text = MINIMAL.replace(PRESCRIBED, LOOP)
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    path = folder / "case.toml"
    path.write_text(text)
    return path


def test_nothing_is_prescribed_beside_a_circulation(tmp_path):
    case = load_case(write_loop(tmp_path))
    assert case.inflow is None
    assert case.outlets == {}
    assert case.circulation.ports["arm"] == "innominate_artery"
    assert case.circulation.surgery["wide"] == ("dilate isthmus 6 mm",)


def test_several_inlets_are_allowed(tmp_path):
    case = load_case(write_loop(tmp_path, ('name = "arm"\nrole = "outlet"', 'name = "arm"\nrole = "inlet"')))
    assert case.inlet == "aorta"
    assert case.outlet_names == ("body",)


def test_the_resolved_case_reads_back(tmp_path):
    case = load_case(write_loop(tmp_path, ('anatomy = "term_newborn"', 'path = "mine.toml"')))
    out = tmp_path / "out"
    out.mkdir()
    write_case(out / "case.toml", case, folder=tmp_path)
    again = load_case(out)
    assert again == absolute_paths(case, tmp_path)
    assert again.circulation.path == tmp_path.resolve() / "mine.toml"
    assert "inflow" not in tomllib.loads((out / "case.toml").read_text())


BAD = {
    "inflow_too": (
        ("[comparison]", '[inflow]\nflow = "900 mL/min"\n\n[comparison]'),
        r"\[inflow\] expected none beside \[circulation\]",
    ),
    "outlets_too": (
        ("[comparison]", "[outlets.arm]\nflow_fraction = 0.5\n\n[comparison]"),
        r"\[outlets\] expected none beside \[circulation\]",
    ),
    "opening_without_port": (
        ('arm = "innominate_artery"\n', ""),
        r"\[circulation.ports.arm\] the opening has no port",
    ),
    "port_without_opening": (
        ('arm = "innominate_artery"', 'arm = "innominate_artery"\nleg = "abdominal_aorta"'),
        r"\[circulation.ports.leg\] unknown opening 'leg'",
    ),
    "surgery_of_no_variant": (("wide = [", "wise = ["), r"unknown variant 'wise'; did you mean 'wide'\?"),
    "no_source": (('anatomy = "term_newborn"\n', ""), r"\[circulation\] expected exactly one of 'anatomy'"),
    "two_sources": (
        ('anatomy = "term_newborn"', 'anatomy = "term_newborn"\npath = "mine.toml"'),
        r"\[circulation\] expected exactly one of 'anatomy'",
    ),
    "nothing_removed": (
        ('remove = ["isthmus", "aortic_arch"]', "remove = []"),
        r"\[circulation.remove\] too few entries",
    ),
    "misspelt": (
        ("[circulation.ports]", "[circulation.port]"),
        r"unknown key 'port'; did you mean 'ports'\?",
    ),
    "no_inlet": (('role = "inlet"', 'role = "outlet"'), r"\[openings\] expected at least one inlet"),
}


@pytest.mark.parametrize("fault", list(BAD))
def test_contradictions_are_named(tmp_path, fault):
    change, message = BAD[fault]
    with pytest.raises(CaseError, match=message):
        load_case(write_loop(tmp_path, change))


def test_without_either_the_inflow_is_missing(tmp_path):
    with pytest.raises(CaseError, match=r"\[inflow\] missing key; expected a flow through the inlet, or a"):
        load_case(write_loop(tmp_path, (LOOP, "")))
