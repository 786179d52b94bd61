import csv

import numpy as np
import pytest

from geometry.measurements.anatomical import MissingStation
from geometry.measurements.measuring import Measurement
from geometry.measurements.sections import Diameters
from geometry.measurements.table import MeasurementTable, read_table, write_table
from hemoplan.errors import SurfaceError

MM = 1e-3


@pytest.fixture
def table():
    circle = Diameters(
        equivalent=5 * MM,
        least=4.9 * MM,
        greatest=5.1 * MM,
        inscribed=4.8 * MM,
        hydraulic=4.95 * MM,
        eccentricity=0.28,
    )
    isthmus = Measurement(
        name="isthmus",
        vessel="descending_aorta",
        arc=36.5 * MM,
        centre=MM * np.array([-4.6, -7.1, 6.3]),
        normal=np.array([-0.6, -0.64, -0.48]),
        area=np.pi * 6.25 * MM**2,
        perimeter=15.8 * MM,
        diameters=circle,
        tilt=np.radians(3.5),
        outline=np.zeros((4, 3)),
        notes=("one thing", "another"),
    )
    missing = (MissingStation(name="sinus", reason="the aorta has no bulge, or it is not in the scan"),)
    return MeasurementTable(measurements=(isthmus,), missing=missing, surface_area=0.22)


def test_a_table_comes_back_as_it_was(table, tmp_path):
    write_table(tmp_path / "measurements.csv", table)
    back = read_table(tmp_path / "measurements.csv")
    (before,), (after,) = table.measurements, back.measurements
    assert (after.name, after.vessel, after.notes) == (before.name, before.vessel, before.notes)
    assert after.centre == pytest.approx(before.centre, abs=1e-6)
    assert after.normal == pytest.approx(before.normal, abs=1e-6)
    assert after.area == pytest.approx(before.area, rel=1e-5)
    assert after.tilt == pytest.approx(before.tilt, abs=1e-4)
    for name in ("equivalent", "least", "greatest", "inscribed", "hydraulic", "eccentricity"):
        assert getattr(after.diameters, name) == pytest.approx(getattr(before.diameters, name), rel=1e-4)
    assert back.missing == table.missing
    assert back.surface_area == pytest.approx(0.22)
    assert [score.value for score in back.scores("isthmus")] == pytest.approx(
        [score.value for score in table.scores("isthmus")]
    )


def test_columns_are_in_clinical_units_and_rows_in_the_order_of_the_vessel(table, tmp_path):
    write_table(tmp_path / "measurements.csv", table)
    with (tmp_path / "measurements.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["station"] for row in rows] == ["sinus", "isthmus"]
    sinus, isthmus = rows
    assert float(isthmus["equivalent_diameter_mm"]) == pytest.approx(5.0)
    assert float(isthmus["area_mm2"]) == pytest.approx(19.635, abs=1e-3)
    assert float(isthmus["tilt_deg"]) == pytest.approx(3.5)
    assert float(isthmus["z_mm"]) == pytest.approx(6.3)
    assert -2.0 < float(isthmus["z_PHN_2017"]) < 0.0
    assert "left subclavian" in isthmus["definition"]
    assert sinus["equivalent_diameter_mm"] == ""
    assert "no bulge" in sinus["missing_because"]
    assert sinus["source"].startswith("ACCF/AHA")


def test_a_section_that_is_not_the_vessels_alone_has_no_score(table):
    from dataclasses import replace

    spoilt = replace(table.measurements[0], notes=("opens into left_subclavian",))
    assert replace(table, measurements=(spoilt,)).scores("isthmus") == ()
    assert replace(table, surface_area=None).scores("isthmus") == ()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "station,missing_because\nisthmus,\n"])
def test_a_damaged_table_is_an_error(text, tmp_path):
    path = tmp_path / "measurements.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SurfaceError, match="cannot read the table"):
        read_table(path)
    with pytest.raises(SurfaceError, match="cannot read the table"):
        read_table(tmp_path / "absent.csv")
