"""Stations of arches of known shape, found from traced centrelines, against the curves that they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from geometry.centerlines.centerline import Centerline, compute_centerline
from geometry.idealised.anatomy import Anatomy, open_end
from geometry.idealised.arch import aortic_arch, arch_with_duct, coarctation
from geometry.idealised.triangulation import to_surface
from geometry.measurements.anatomical import here
from geometry.measurements.definitions import AORTIC, DEFINITIONS, DUCTAL, PULMONARY
from geometry.measurements.finding import find_stations
from geometry.measurements.measuring import measure_station
from geometry.measurements.routes import at_arc
from geometry.measurements.slicing import index_surface
from geometry.measurements.survey import Survey, survey_vessels
from geometry.surfaces.surface import Surface, describe_patch
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role

MM = 1e-3
SIZE = 0.5 * MM


class Model:
    """An anatomy with its surface, traced centreline and survey."""

    def __init__(self, anatomy: Anatomy, *, size: float = SIZE) -> None:
        self.anatomy = anatomy
        self.surface: Surface = to_surface(anatomy, size=size)
        self.centerline: Centerline = compute_centerline(self.surface)
        self.survey: Survey = survey_vessels(self.surface, self.centerline, surface_area=0.22)
        self.names = [branch.name for branch in anatomy.branches for _ in branch.arc_length]
        self.arcs = np.concatenate([branch.arc_length for branch in anatomy.branches])
        self.tree = cKDTree(np.vstack([branch.centreline for branch in anatomy.branches]))

    def exact(self, station):
        """Branch, arc length and diameter of the anatomy where a station was measured."""
        gap, nearest = self.tree.query(self.survey.table.get(station).centre)
        assert gap < 0.25 * MM
        name, arc = self.names[nearest], float(self.arcs[nearest])
        return name, arc, 2.0 * float(self.anatomy.branch(name).radius(arc))

    def origin(self, name):
        """Arc length on the aorta at which a vessel starts."""
        aorta = self.anatomy.branch("aorta")
        start = self.anatomy.branch(name).centreline[0]
        return float(aorta.arc_length[cKDTree(aorta.centreline).query(start)[1]])


@pytest.fixture(scope="module")
def narrowed():
    return Model(coarctation(severity=0.65))


@pytest.fixture(scope="module")
def with_duct():
    return Model(arch_with_duct())


@pytest.mark.parametrize("model", ["narrowed", "with_duct"])
def test_diameters_are_those_of_the_anatomy(model, request):
    model = request.getfixturevalue(model)
    for found in model.survey.table.measurements:
        _, _, diameter = model.exact(found.name)
        tolerance = max(0.02 * diameter, 0.08 * MM)
        assert found.diameters.equivalent == pytest.approx(diameter, abs=tolerance), found.name
        assert found.diameters.inscribed <= found.diameters.equivalent <= found.diameters.greatest
        assert not found.spoilt, found.name


@pytest.mark.parametrize("model", ["narrowed", "with_duct"])
def test_stations_of_the_arch_lie_between_their_vessels(model, request):
    model = request.getfixturevalue(model)
    heads = [model.origin(name) for name in ("brachiocephalic", "left_carotid", "left_subclavian")]
    arcs = {
        name: model.exact(name)[1] for name in ("mid_ascending", "proximal_arch", "distal_arch", "isthmus")
    }
    assert arcs["mid_ascending"] < heads[0] < arcs["proximal_arch"] < heads[1]
    assert heads[1] < arcs["distal_arch"] < heads[2] < arcs["isthmus"]
    assert arcs["proximal_arch"] == pytest.approx(0.5 * (heads[0] + heads[1]), abs=2.5 * MM)
    assert arcs["distal_arch"] == pytest.approx(0.5 * (heads[1] + heads[2]), abs=1.5 * MM)


def test_the_throat_is_found(narrowed):
    aorta = narrowed.anatomy.branch("aorta")
    throat = int(np.argmin(aorta.radius(aorta.arc_length)))
    _, arc, _ = narrowed.exact("narrowest")
    assert arc == pytest.approx(float(aorta.arc_length[throat]), abs=SIZE)
    least = narrowed.survey.table.get("narrowest").diameters.equivalent
    assert least == pytest.approx(2.0 * float(aorta.radius(aorta.arc_length[throat])), abs=0.08 * MM)
    _, beyond, widest = narrowed.exact("post_stenotic")
    assert beyond > arc
    assert widest == pytest.approx(2.0 * float(aorta.radius(aorta.arc_length[throat:]).max()), rel=0.01)


def test_a_throat_of_one_and_a_half_millimetres_is_found_within_an_edge():
    model = Model(coarctation(severity=0.75))
    aorta = model.anatomy.branch("aorta")
    throat = int(np.argmin(aorta.radius(aorta.arc_length)))
    assert 2.0 * float(aorta.radius(aorta.arc_length[throat])) < 1.6 * MM
    assert model.exact("narrowest")[1] == pytest.approx(float(aorta.arc_length[throat]), abs=SIZE)


def test_narrowing_is_that_of_the_anatomy(narrowed):
    found = narrowed.survey.narrowing
    aorta = narrowed.anatomy.branch("aorta")
    descending = 2.0 * float(aorta.radius(aorta.length))
    least = 2.0 * float(aorta.radius(aorta.arc_length).min())
    assert found is not None
    assert found.against_distal == pytest.approx(1.0 - least / descending, abs=0.03)
    assert found.distal == pytest.approx(descending, rel=0.01)
    assert found.area_against_distal > found.against_distal > found.against_proximal


def test_ends_and_middle_of_the_duct(with_duct):
    for name in DUCTAL:
        assert with_duct.exact(name)[0] == "duct"
    lengths = {(one, other): length for one, other, length in with_duct.survey.lengths}
    duct = with_duct.anatomy.branch("duct")
    # The exact line runs on to the axes of both arteries.
    between = sum(length for pair, length in lengths.items() if pair[0] in DUCTAL and pair[1] in DUCTAL)
    assert 0.2 * duct.length < between < duct.length
    assert with_duct.survey.duct is not None
    assert with_duct.survey.duct.course.length == pytest.approx(between, rel=0.5)
    narrow = with_duct.survey.table.get("duct_minimum").diameters.equivalent
    assert narrow == pytest.approx(2.0 * float(duct.radius(duct.arc_length).min()), rel=0.02)
    assert with_duct.exact("isthmus")[1] < with_duct.exact("descending")[1]


def test_pulmonary_arteries(with_duct):
    assert with_duct.exact("main_pulmonary_artery")[0] == "pulmonary_trunk"
    for side in ("right", "left"):
        for name in (f"{side}_pulmonary_artery", f"{side}_pulmonary_artery_distal"):
            assert with_duct.exact(name)[0] == f"{side}_pulmonary_artery"
    scores = {score.model: score.value for score in with_duct.survey.table.scores("right_pulmonary_artery")}
    assert set(scores) == {"Detroit 2008", "PHN 2017"}


def test_turning_the_anatomy_changes_nothing(narrowed):
    turn = Rotation.from_rotvec([0.6, 0.3, -0.9]).as_matrix()
    shift = np.array([0.02, -0.07, 0.05])
    points = narrowed.surface.points @ turn.T + shift
    surface = narrowed.surface
    turned = replace(
        surface,
        points=points,
        patches=tuple(
            describe_patch(
                points,
                surface.triangles[surface.patch_id == patch.tag],
                name=patch.name,
                role=patch.role,
                tag=patch.tag,
            )
            for patch in surface.patches
        ),
    )
    line = narrowed.centerline
    found = survey_vessels(turned, replace(line, points=line.points @ turn.T + shift)).table
    for before, after in zip(narrowed.survey.table.measurements, found.measurements, strict=True):
        assert after.name == before.name
        assert after.area == pytest.approx(before.area, rel=2e-3)
        assert after.centre == pytest.approx(turn @ before.centre + shift, abs=0.02 * MM)


def test_a_coarser_mesh_gives_the_same_diameters(narrowed):
    surface = to_surface(narrowed.anatomy, size=0.6 * MM)
    found = survey_vessels(surface, narrowed.centerline).table
    for before, after in zip(narrowed.survey.table.measurements, found.measurements, strict=True):
        tolerance = max(0.02 * before.diameters.equivalent, 0.1 * MM)
        assert after.diameters.equivalent == pytest.approx(before.diameters.equivalent, abs=tolerance), (
            after.name
        )


def test_every_station_is_found_or_missing_with_a_reason(narrowed):
    table = narrowed.survey.table
    named = [found.name for found in table.measurements] + [absent.name for absent in table.missing]
    assert sorted(named) == sorted(DEFINITIONS)
    reasons = {absent.name: absent.reason for absent in table.missing}
    assert set(PULMONARY) | set(DUCTAL) <= set(reasons)
    assert "'main_pulmonary_artery'" in reasons["main_pulmonary_artery"]
    assert "no bulge" in reasons["sinus"]
    with pytest.raises(SurfaceError, match="could not be measured.*no level was given"):
        table.get("diaphragm")
    with pytest.raises(SurfaceError, match="did you mean 'isthmus'"):
        table.get("istmus")


def test_a_normal_arch_has_no_post_stenotic_dilation():
    model = Model(aortic_arch())
    reasons = {absent.name: absent.reason for absent in model.survey.table.missing}
    assert "post_stenotic" in reasons


def test_the_diaphragm_is_where_it_is_said_to_be(narrowed):
    low = narrowed.centerline.branch("descending_aorta").points[:, 2].min()
    level = float(low + 6.0 * MM)
    table = survey_vessels(narrowed.surface, narrowed.centerline, diaphragm=level, surface_area=0.22).table
    assert table.get("diaphragm").centre[2] == pytest.approx(level, abs=0.1 * MM)
    assert [score.structure for score in table.scores("diaphragm")] == ["aorta at the diaphragm"]
    beyond = survey_vessels(narrowed.surface, narrowed.centerline, diaphragm=float(low - 20.0 * MM)).table
    with pytest.raises(SurfaceError, match="is not in the descending aorta of the model"):
        beyond.get("diaphragm")


def test_names_are_what_the_stations_go_by(narrowed):
    unnamed = replace(narrowed.centerline, outlets=("a", "b", "c", "d"))
    stations = find_stations(unnamed, inlet="ascending_aorta")
    assert not stations.found
    assert {absent.reason for absent in stations.missing if absent.name in AORTIC} == {
        "no opening is named 'descending_aorta'"
    }
    swapped = replace(
        narrowed.centerline, outlets=("left_carotid", "brachiocephalic", "LSA", "Descending aorta")
    )
    stations = find_stations(swapped, inlet="aorta")
    reasons = {absent.name: absent.reason for absent in stations.missing}
    assert "not the usual order" in reasons["proximal_arch"]
    assert stations.get("isthmus") is not None


def test_a_section_that_opens_into_a_branch_is_flagged(narrowed):
    """Along the ostium of the brachiocephalic artery: what is not flagged has the aorta's own diameter."""
    line = narrowed.centerline.branch("descending_aorta")
    index, aorta = index_surface(narrowed.surface), narrowed.anatomy.branch("aorta")
    tree = cKDTree(aorta.centreline)
    flagged = []
    for arc in np.arange(15.0, 26.6, 0.5) * MM:
        found = measure_station(index, here("mid_ascending", line, float(arc)), narrowed.centerline.lines)
        flagged.append(found.spoilt)
        point, _, _ = at_arc(line, float(arc))
        exact = 2.0 * float(aorta.radius(aorta.arc_length[tree.query(point)[1]]))
        if found.spoilt:
            assert any("opens into brachiocephalic" in note for note in found.notes), (arc, found.notes)
        else:
            assert found.diameters.equivalent == pytest.approx(exact, rel=0.03)
    # The artery is 4.5 mm wide and leaves obliquely.
    assert 4 <= sum(flagged) <= 12
    assert not flagged[0]
    assert not flagged[-1]


def test_a_root_with_sinuses():
    """A bulge of 11 mm between an annulus of 8 and a sinotubular junction of 9 mm."""
    base = aortic_arch()
    aorta = base.branch("aorta")
    bulged = replace(
        aorta,
        stations=MM * np.array([0.0, 3.0, 6.5, 9.0, 25.0]),
        station_radii=0.5 * MM * np.array([8.0, 11.0, 9.0, 9.2, 7.0]),
    )
    inlet = open_end(bulged, "ascending_aorta", Role.INLET, first=True)
    anatomy = replace(base, branches=(bulged, *base.branches[1:]), openings=(inlet, *base.openings[1:]))
    model = Model(anatomy, size=0.4 * MM)
    assert model.exact("sinus")[1] == pytest.approx(3.0 * MM, abs=0.6 * MM)
    assert model.survey.table.get("sinus").diameters.equivalent == pytest.approx(11 * MM, rel=0.02)
    assert model.survey.table.get("sinotubular_junction").diameters.equivalent == pytest.approx(
        9 * MM, rel=0.02
    )
    assert model.exact("sinotubular_junction")[1] == pytest.approx(6.5 * MM, abs=1.5 * MM)
