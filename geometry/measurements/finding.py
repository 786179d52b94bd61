"""Finding the stations of a model: which vessels it has, and where they leave each other."""

from __future__ import annotations

from geometry.centerlines.centerline import Centerline, Line
from geometry.measurements.anatomical import AnatomicalStation, MissingStation, Stations, absent, gather
from geometry.measurements.aortic_stations import Aorta, aortic_stations
from geometry.measurements.definitions import AORTIC, PULMONARY
from geometry.measurements.pulmonary_stations import Duct, branch_stations, duct_stations, trunk_station
from geometry.measurements.routes import VESSELS, Leaving, find_opening, leave, route
from hemoplan.errors import SurfaceError


def find_stations(centerline: Centerline, *, inlet: str, diaphragm: float | None = None) -> Stations:
    """All stations that the model's openings allow; the others are listed with what is lacking.

    Args:
        centerline: Lines from the inlet to all other openings.
        inlet: Name of the opening that the lines begin at.
        diaphragm: Height of the diaphragm, RAS z [m], where it is known.

    Raises:
        SurfaceError: The centreline has no line.
    """
    if not centerline.outlets:
        raise SurfaceError(
            "the centreline has no line", where="stations", expected="one line from the inlet to each outlet"
        )
    model = _Model(centerline, inlet)
    aorta, reason = _aorta(model, diaphragm)
    duct, no_duct = _duct(model, aorta)
    places: list[AnatomicalStation | MissingStation] = []
    if aorta is None:
        places += [absent(name, reason) for name in AORTIC]
    else:
        places += aortic_stations(aorta)
    places += duct_stations(duct, no_duct)
    places += _pulmonary(model)
    return gather(*places)


class _Model:
    """The openings of a model by the vessel they are, and the ways between them."""

    def __init__(self, centerline: Centerline, inlet: str) -> None:
        bodies = centerline.bodies
        self._bodies = [
            ((inlet if each is centerline else each.inlet, *each.outlets), each) for each in bodies
        ]
        names = tuple(name for own, _ in self._bodies for name in own)
        found = {vessel: find_opening(vessel, names) for vessel in VESSELS}
        self.openings = {vessel: name for vessel, name in found.items() if name is not None}
        self.others = tuple(name for name in names if name not in self.openings.values())

    def way(self, start: str, end: str) -> Line:
        """The way between two openings of one lumen."""
        names, centerline = next(each for each in self._bodies if start in each[0])
        return route(centerline, names[0], start, end)

    def together(self, *openings: str) -> bool:
        """Whether openings belong to one lumen."""
        return any(all(name in names for name in openings) for names, _ in self._bodies)


def _aorta(model: _Model, diaphragm: float | None) -> tuple[Aorta | None, str]:
    lacking = [name for name in ("ascending_aorta", "descending_aorta") if name not in model.openings]
    if lacking:
        names = " and ".join(f"'{name}'" for name in lacking)
        return None, f"no opening is named {names}"
    start = model.openings["ascending_aorta"]
    end = model.openings["descending_aorta"]
    if not model.together(start, end):
        return None, f"'{start}' and '{end}' belong to two lumens"
    line = model.way(start, end)

    def leaving(vessel: str) -> Leaving | None:
        name = model.openings.get(vessel)
        return leave(line, model.way(start, name)) if name and model.together(start, name) else None

    pulmonary = [model.openings[name] for name in PULMONARY if name in model.openings]
    pulmonary = [name for name in pulmonary if model.together(start, name)]
    duct = leaving("duct")
    if duct is None and pulmonary:
        duct = leave(line, model.way(start, pulmonary[0]))
    aorta = Aorta(
        line=line,
        brachiocephalic=leaving("brachiocephalic"),
        left_carotid=leaving("left_carotid"),
        left_subclavian=leaving("left_subclavian"),
        duct=duct,
        diaphragm=diaphragm,
    )
    return aorta, ""


def _duct(model: _Model, aorta: Aorta | None) -> tuple[Duct | None, str]:
    """The duct, either with an opening of its own or on the way from the aorta to the pulmonary arteries."""
    if aorta is None or aorta.duct is None:
        return None, "no opening is named 'duct', and no pulmonary artery hangs together with the aorta"
    if aorta.left_subclavian is not None and aorta.duct.arc < aorta.left_subclavian.begin:
        return (
            None,
            f"the way to {aorta.duct.name} leaves the aorta before the left subclavian artery: no duct's place",
        )
    start = model.openings["ascending_aorta"]
    line = model.way(start, aorta.duct.name)
    if "duct" in model.openings:
        return Duct(line=line, begin=aorta.duct.own, end=line.length, opens=True), ""
    pulmonary = [model.openings[name] for name in PULMONARY if name in model.openings]
    first, *rest = pulmonary
    if not rest:
        return None, f"its end cannot be told: of the pulmonary arteries only '{first}' is an opening"
    back = model.way(first, start)
    outs = [leave(model.way(first, name), back) for name in rest]
    own = max((out.own for out in outs if out is not None), default=0.0)
    return Duct(line=line, begin=aorta.duct.own, end=line.length - own, opens=False), ""


def _pulmonary(model: _Model) -> list[AnatomicalStation | MissingStation]:
    trunk, right, left = (
        model.openings.get(name)
        for name in ("main_pulmonary_artery", "right_pulmonary_artery", "left_pulmonary_artery")
    )
    if trunk is None or right is None or left is None:
        wanted = {"main": trunk, "right": right, "left": left}
        names = " and ".join(f"'{side}_pulmonary_artery'" for side, name in wanted.items() if name is None)
        return [absent(name, f"no opening is named {names}") for name in PULMONARY]
    if not model.together(trunk, right, left):
        return [absent(name, "the pulmonary arteries belong to several lumens") for name in PULMONARY]
    rightwards, leftwards = model.way(trunk, right), model.way(trunk, left)
    others = [name for name in model.others if name != trunk and model.together(trunk, name)]
    further = [model.way(trunk, name) for name in others]
    return [
        trunk_station(rightwards, leftwards),
        *branch_stations("right_pulmonary_artery", rightwards, leftwards, further),
        *branch_stations("left_pulmonary_artery", leftwards, rightwards, further),
    ]
