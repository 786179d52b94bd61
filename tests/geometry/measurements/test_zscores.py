"""Published worked examples, the agreement of two independent models, and what is refused."""

import numpy as np
import pytest

from geometry.measurements.definitions import DEFINITIONS
from geometry.measurements.zscores import (
    DETROIT,
    HEART_NETWORK,
    NOMOGRAMS,
    body_surface_area,
    body_surface_area_by_weight,
    z_scores,
)
from hemoplan.errors import HemoplanError

MM = 1e-3


def score(model, station, diameter, area):
    (found,) = [each for each in z_scores(station, diameter, surface_area=area) if each.model == model.name]
    return found


def test_worked_example_of_a_main_pulmonary_artery():
    """15.0 mm at 0.5 m²: predicted 12.9 mm, SD 1.7 mm, z = 1.24 with those rounded numbers."""
    found = score(HEART_NETWORK, "main_pulmonary_artery", 15.0 * MM, 0.5)
    assert found.mean == pytest.approx(12.9 * MM, abs=0.05 * MM)
    assert found.value == pytest.approx(1.24, abs=0.02)


@pytest.mark.parametrize(
    "station",
    ["isthmus", "proximal_arch", "distal_arch", "sinotubular_junction", "sinus", "main_pulmonary_artery"],
)
@pytest.mark.parametrize("area", [0.2, 0.25, 0.5, 1.0])
def test_two_studies_of_different_children_agree(station, area):
    """The normal means of Detroit and of the Heart Network differ by less than one standard deviation of either."""
    detroit, network = score(DETROIT, station, 5 * MM, area), score(HEART_NETWORK, station, 5 * MM, area)
    assert network.mean == pytest.approx(detroit.mean, rel=0.16)
    assert detroit.low < network.mean < detroit.high


def test_a_newborns_isthmus_of_two_millimetres_is_far_below_normal():
    for found in z_scores("isthmus", 2.2 * MM, surface_area=0.22):
        assert found.value < -3.0
    for found in z_scores("isthmus", 5.6 * MM, surface_area=0.22):
        assert abs(found.value) < 0.5


@pytest.mark.parametrize("nomogram", NOMOGRAMS, ids=lambda nomogram: nomogram.name)
def test_every_structure_grows_with_the_child(nomogram):
    for station, regression in nomogram.stations.items():
        assert station in DEFINITIONS
        means = [regression.diameter(0.0, area) for area in np.linspace(0.15, 1.3, 12)]
        assert np.all(np.diff(means) > 0.0)
        assert 2.0 * MM < means[0] < 12.0 * MM


@pytest.mark.parametrize("nomogram", NOMOGRAMS, ids=lambda nomogram: nomogram.name)
def test_the_limits_have_the_scores_of_two(nomogram):
    for station in nomogram.stations:
        found = score(nomogram, station, 6 * MM, 0.3)
        assert score(nomogram, station, found.low, 0.3).value == pytest.approx(-2.0)
        assert score(nomogram, station, found.high, 0.3).value == pytest.approx(2.0)
        assert score(nomogram, station, found.mean, 0.3).value == pytest.approx(0.0, abs=1e-9)


def test_stations_without_a_nomogram_have_no_score():
    assert z_scores("narrowest", 2.0 * MM, surface_area=0.22) == ()


@pytest.mark.parametrize(("weight", "height"), [(3.5, 0.50), (10.0, 0.76), (30.0, 1.36), (70.0, 1.75)])
def test_body_surface_area_agrees_with_mostellers_formula(weight, height):
    """Mosteller: sqrt(W H / 3600), an independent fit; the two differ by less than 4 % in children of usual build."""
    assert body_surface_area(weight, height) == pytest.approx(np.sqrt(weight * 100 * height / 3600), rel=0.04)


@pytest.mark.parametrize(("weight", "height"), [(2.5, 0.46), (3.4, 0.50), (5.0, 0.58), (8.0, 0.70)])
def test_body_surface_area_by_weight_alone_is_near(weight, height):
    by_weight = body_surface_area_by_weight(weight)
    assert by_weight == pytest.approx(body_surface_area(weight, height), rel=0.09)


@pytest.mark.parametrize("area", [0.1, 2.4])
def test_outside_of_the_studies_is_refused(area):
    with pytest.raises(HemoplanError, match="no z-score for this body surface area"):
        z_scores("isthmus", 5 * MM, surface_area=area)


def test_an_adult_is_refused():
    with pytest.raises(HemoplanError, match="no z-score for this age"):
        z_scores("isthmus", 15 * MM, surface_area=1.8, age=40.0)


def test_no_diameter_no_score():
    with pytest.raises(HemoplanError, match="not positive"):
        z_scores("isthmus", 0.0, surface_area=0.22)


def test_impossible_bodies_are_refused():
    with pytest.raises(HemoplanError, match="length that no child has.*50"):
        body_surface_area(3.4, 50.0)  # centimetres given for metres
    with pytest.raises(HemoplanError, match="weight that no child has"):
        body_surface_area(3400.0, 0.5)
    with pytest.raises(HemoplanError, match="from this weight alone"):
        body_surface_area_by_weight(25.0)
