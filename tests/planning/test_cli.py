"""The command line: help, schema, and errors of the case with their exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import planning.cli
from hemoplan.errors import ResourceError
from planning.cli import app
from tests.planning.command import TUBE, call, hemoplan

COMMANDS = ("run", "segment", "mesh", "solve", "compare", "report", "view", "schema", "doctor")


def ask(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def test_help_lists_all_commands_and_says_how_to_start() -> None:
    text = ask("--help")
    assert all(command in text for command in COMMANDS)
    assert "hemoplan run cases/neonatal_coarctation" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_teaches_with_an_example(command: str) -> None:
    text = ask(command, "--help")
    assert "Example" in text
    assert f"hemoplan {command}" in text


def test_schema_is_a_json_schema_of_cases() -> None:
    schema = json.loads(ask("schema"))
    assert {"patient", "image", "openings", "variants"} <= set(schema["properties"])


def test_version() -> None:
    assert ask("--version").startswith("hemoplan 0.")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set", "mesh.siz=0.8 mm"], "did you mean 'size'?"),
        (["--set", "mesh.size=0.8"], "missing unit"),
        (["--set", 'blood.viscosity="4 Pa*s"'], "out of range"),
        (["--set", "patient.heart_rate=14/min"], "out of range"),
        (["--set", "comparison.distal=farr"], "did you mean 'far'?"),
        (["--set", "outlets.sid.flow_fraction=0.4"], "did you mean 'side'?"),
        (["--set", "outlets.side.flow_fraction=0.5"], "do not add up to one"),
        (["--profile", "fine"], "there is no such profile"),
        (["--variant", "stnt"], "there is no such variant"),
        (["--set", "variants.baseline.kind=nothing"], "variants"),
    ],
)
def test_a_wrong_case_is_explained_and_ends_with_code_2(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    answer = call("run", TUBE, "--out", tmp_path / "run", *arguments)
    assert answer.code == 2
    assert expected in answer.stderr
    assert not (tmp_path / "run").exists()


def test_a_windkessel_with_a_negative_compliance_is_refused(tmp_path: Path) -> None:
    text = (TUBE / "case.toml").read_text()
    given = 'proximal_resistance = "1 mmHg*s/mL"\ncompliance = "{}"\ndistal_resistance = "9 mmHg*s/mL"'
    text = text.replace("flow_fraction = 0.4", given.format("-0.1 mL/mmHg"))
    text = text.replace("flow_fraction = 0.6", given.format("0.1 mL/mmHg"))
    (tmp_path / "case.toml").write_text(text)
    answer = call("run", tmp_path)
    assert answer.code == 2
    assert "[outlets.side.compliance] out of range: -0.1 mL/mmHg" in answer.stderr


def test_a_missing_case_says_where_it_was_sought(tmp_path: Path) -> None:
    answer = hemoplan("run", "nowhere", folder=tmp_path)
    assert answer.code == 2
    assert "there is no such case file" in answer.stderr


def test_view_of_a_case_without_results_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call("view", TUBE)
    assert answer.code == 1
    assert "hemoplan run" in answer.stderr


def test_an_error_for_the_user_has_its_exit_code_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(prog_name: str) -> None:
        raise ResourceError("the disk is full", where="/run", remedy="free some disk space")

    monkeypatch.setattr(planning.cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        planning.cli.main()
    assert ended.value.code == 8
    assert capsys.readouterr().err == "hemoplan: [/run] the disk is full. Free some disk space\n"


def test_a_defect_is_owned_up_to(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(prog_name: str) -> None:
        error = ZeroDivisionError("division by zero")
        error.add_note("/run/run.log")
        raise error

    monkeypatch.setattr(planning.cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        planning.cli.main()
    assert ended.value.code == 70
    assert "defect of hemoplan: ZeroDivisionError: division by zero. The traceback is in /run/run.log" in (
        capsys.readouterr().err
    )
