import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hemoplan.errors import CalibrationError, CaseError, VariantError
from planning.cli import app


def invoke(*arguments):
    return CliRunner().invoke(app, ["lumped", *arguments])


def test_an_anatomy_runs_to_its_periodic_beat(tmp_path):
    done = invoke("run", "cc0_neonate", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "130 /min" in done.output
    with (tmp_path / "beat.csv").open() as file:
        rows = list(csv.DictReader(file))
    name = next(column for column in rows[0] if column.startswith("pressure") and "arter" in column)
    pressures = [float(row[name]) for row in rows]
    assert pressures[0] == pytest.approx(pressures[-1], rel=1e-9)
    assert (tmp_path / "beat.png").stat().st_size > 20_000


def test_an_operation_is_compared_with_before_and_can_be_run_again(tmp_path):
    done = invoke(
        "edit",
        "cc0_neonate",
        "--do",
        "set left_ventricle.systolic_elastance 30 mmHg/mL",
        "--out",
        str(tmp_path),
    )
    assert done.exit_code == 0, done.output
    assert "before" in done.output and "after" in done.output
    again = invoke("run", str(tmp_path / "circulation.toml"), "--out", str(tmp_path / "again"))
    assert again.exit_code == 0, again.output
    after = (tmp_path / "after.csv").read_text().splitlines()[1].split(",")
    same = (tmp_path / "again" / "beat.csv").read_text().splitlines()[1].split(",")
    assert [float(x) for x in after] == pytest.approx([float(x) for x in same], rel=1e-6, abs=1e-6)


def test_a_model_of_svzerodsolver_gives_its_columns(tmp_path):
    model = {
        "simulation_parameters": {"number_of_cardiac_cycles": 1, "number_of_time_pts_per_cardiac_cycle": 5},
        "boundary_conditions": [
            {"bc_name": "INFLOW", "bc_type": "FLOW", "bc_values": {"Q": [5.0, 5.0], "t": [0.0, 1.0]}},
            {"bc_name": "OUT", "bc_type": "RESISTANCE", "bc_values": {"Pd": 100.0, "R": 100.0}},
        ],
        "junctions": [],
        "vessels": [
            {
                "boundary_conditions": {"inlet": "INFLOW", "outlet": "OUT"},
                "vessel_id": 0,
                "vessel_length": 10.0,
                "vessel_name": "branch0_seg0",
                "zero_d_element_type": "BloodVessel",
                "zero_d_element_values": {"R_poiseuille": 100.0},
            }
        ],
    }
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    done = invoke("run", str(path), "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "result.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["name", "time", "flow_in", "flow_out", "pressure_in", "pressure_out"]
    assert float(rows[-1]["pressure_in"]) == pytest.approx(100.0 + 5.0 * 200.0)


def test_a_misspelt_anatomy_is_met_with_the_right_name():
    done = invoke("run", "cc0_neonat")
    assert isinstance(done.exception, CaseError)
    assert "did you mean 'cc0_neonate'" in str(done.exception)


def test_an_operation_that_cannot_be_made_says_so():
    done = invoke("edit", "cc0_neonate", "--do", "ligate nothing_here")
    assert isinstance(done.exception, VariantError | CaseError)
    assert "nothing_here" in str(done.exception)


def test_the_listing_teaches_anatomies_operations_and_blocks():
    done = invoke("list")
    assert done.exit_code == 0, done.output
    for word in ("cc0_neonate", "ligate", "elastance_chamber", "compliance"):
        assert word in done.output


def test_the_shipped_bedside_data_are_fitted_and_the_duct_can_be_closed(tmp_path):
    bedside = Path(__file__).parents[2] / "cases" / "patent_duct_bedside" / "bedside.toml"
    done = invoke("calibrate", "patent_duct", str(bedside), "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "not told" in done.output
    fitted = str(tmp_path / "circulation.toml")
    closed = invoke("edit", fitted, "--do", "ligate ductus_arteriosus", "--out", str(tmp_path / "closed"))
    assert closed.exit_code == 0, closed.output
    with (tmp_path / "closed" / "outputs.csv").open() as file:
        rows = {row["output"]: row for row in csv.DictReader(file)}
    ratio = rows["qp_over_qs"]
    assert float(ratio["before"]) > 1.2
    assert float(ratio["after"]) == pytest.approx(1.0, abs=0.02)
    diastolic = rows["pressure.ascending_aorta.diastolic"]
    assert float(diastolic["after"]) > float(diastolic["before"]) + 3.0


def test_contradicting_bedside_data_are_named(tmp_path):
    path = tmp_path / "bedside.toml"
    path.write_text(
        'name = "x"\nweight = "3 kg"\n[targets.cuff]\nquantity = "pressure"\nof = "ascending_aorta"\n'
        'value = "40/60 (50) mmHg"\n'
    )
    done = invoke("calibrate", "patent_duct", str(path), "--out", str(tmp_path))
    assert isinstance(done.exception, CalibrationError)
    assert "40" in str(done.exception) and "60" in str(done.exception)
