"""A circulation behind the openings of a 3D domain, as a file and in another order of its ports."""

import json

import numpy as np
import pytest

from hemoplan.circuit import DrivenCircuit
from hemoplan.errors import BoundaryError
from hemoplan.units import MMHG
from lumped.boundary_file import read_boundary, write_boundary
from lumped.circulation.file import write_circulation
from lumped.circulation.graph import Circulation, Compartment, Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.windkessel import Windkessel, WindkesselBank
from tests.lumped.engine.circuits import resistor, vessel

PRESSURE, FLOW = 60.0 * MMHG, 3e-6


@pytest.fixture
def boundary() -> CirculationBoundary:
    """Two vessels with a way between them, one fed by flow, the other through a reservoir at the patch's pressure."""
    circulation = Circulation(
        name="two tanks",
        period=0.5,
        compartments=(
            vessel("artery", 0.5, volume=20.0),
            vessel("vein", 5.0, volume=40.0),
            Compartment(name="patch", kind="reservoir"),
        ),
        connections=(resistor("bed", "artery", "vein", 3.0), resistor("back", "patch", "vein", 0.2)),
        ports=(Port(name="aorta", node="artery"), Port(name="cava", node="patch", drive="pressure")),
    )
    return CirculationBoundary(
        model=build(circulation),
        start_drives=np.array([FLOW, PRESSURE]),
        static_ports=("cava",),
    )


def test_the_file_comes_back(tmp_path, boundary):
    path = tmp_path / "circuit.json"
    write_boundary(path, boundary)
    read = read_boundary(path)
    assert isinstance(read, DrivenCircuit)
    assert isinstance(read, CirculationBoundary)
    assert read.ports == ("aorta", "cava")
    assert read.drives == ("flow", "pressure")
    assert read.static_ports == ("cava",)
    assert (read.initial_state() == boundary.initial_state()).all()
    assert (read.initial_drives() == [FLOW, PRESSURE]).all()
    drives = np.array([FLOW, 1.1 * PRESSURE])
    one, other = (each.advance(each.initial_state(), drives, 1e-3, 1e-3) for each in (read, boundary))
    assert (one.response == other.response).all()


def test_the_circulation_may_lie_beside_the_file(tmp_path, boundary):
    write_boundary(tmp_path / "circuit.json", boundary)
    content = json.loads((tmp_path / "circuit.json").read_text())
    write_circulation(tmp_path / "tanks.toml", boundary.model.circulation)
    content["circulation"] = "tanks.toml"
    (tmp_path / "circuit.json").write_text(json.dumps(content))
    read = read_boundary(tmp_path / "circuit.json")
    assert (read.initial_state() == boundary.initial_state()).all()


def test_a_bank_of_windkessels_is_read_as_ever(tmp_path):
    windkessel = Windkessel(
        proximal_resistance=1e8, compliance=1e-9, distal_resistance=1e9, distal_pressure=0.0
    )
    bank = WindkesselBank.of({"aorta": windkessel})
    write_boundary(tmp_path / "circuit.json", bank)
    assert read_boundary(tmp_path / "circuit.json") == bank


def test_another_order_of_the_ports_gives_the_same_answers(boundary):
    turned = boundary.reordered(("cava", "aorta"))
    assert turned.drives == ("pressure", "flow")
    drives = np.array([FLOW, 1.1 * PRESSURE])
    one = boundary.advance(boundary.initial_state(), drives, 1e-3, 1e-3)
    other = turned.advance(turned.initial_state(), drives[::-1], 1e-3, 1e-3)
    assert other.response == pytest.approx(one.response[::-1], rel=1e-14)
    assert other.tangent == pytest.approx(one.tangent[::-1, ::-1], rel=1e-12, abs=1e-30)
    with pytest.raises(BoundaryError, match=r"\[two tanks\] the ports of the circulation are not those"):
        boundary.reordered(("cava", "arch"))


def test_the_pressure_at_the_start_of_a_driven_port_is_needed(tmp_path, boundary):
    path = tmp_path / "circuit.json"
    write_boundary(path, boundary)
    content = json.loads(path.read_text())
    del content["start"]["drives"]["cava"]
    path.write_text(json.dumps(content))
    with pytest.raises(
        BoundaryError, match=r"start.drives.cava\] a value .* missing.*expected a number in Pa"
    ):
        read_boundary(path)


def test_nothing_drives_a_breath(tmp_path, boundary):
    path = tmp_path / "circuit.json"
    write_boundary(path, boundary)
    content = json.loads(path.read_text())
    content["circulation"]["surroundings"] = {"pleura": {"driven": True}}
    content["circulation"]["compartments"]["vein"]["surroundings"] = "pleura"
    path.write_text(json.dumps(content))
    with pytest.raises(BoundaryError, match=r"nothing drives it here \(value: pleura\)"):
        read_boundary(path)
