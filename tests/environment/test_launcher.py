"""scripts/env as a user sees it: what it builds, what it passes through, what it says where it fails."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_first_command_builds_and_second_does_not(machine):
    first = machine.env("sh", "-c", "echo ran")
    assert (first.returncode, first.stdout) == (0, "ran\n"), first.stderr
    assert "building the environment" in first.stderr
    second = machine.env("sh", "-c", "echo again")
    assert (second.stdout, second.stderr) == ("again\n", "")
    assert machine.builds() == 1


def test_exit_code_and_arguments_pass_through(machine):
    script = 'printf "%s|" "$@"; exit 7'
    result = machine.env("sh", "-c", script, "sh", "two words", "", "a'quote", "*")
    assert result.returncode == 7
    assert result.stdout == "two words||a'quote|*|"


def test_runs_in_the_current_folder_and_through_a_link(machine):
    link = machine.folder / "some link"
    script = Path(__file__).resolve().parents[2] / "scripts" / "env"
    link.symlink_to(script)
    where = machine.folder / "a folder"
    where.mkdir()
    result = machine.env("sh", "-c", "pwd", script=link, cwd=where)
    assert result.stdout.strip() == str(where), result.stderr


def test_signal_reaches_the_command(machine):
    machine.env("sh", "-c", ":")
    script = "trap 'echo tidied; exit 3' TERM; echo up; while :; do sleep 0.05; done"
    process = machine.start("sh", "-c", script)
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (3, "tidied\n")


def test_killed_by_a_signal_gives_the_shells_exit_code(machine):
    assert machine.env("sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_help_teaches(machine):
    result = machine.env("--help")
    assert result.returncode == 0
    for word in ("scripts/hemoplan run", "mpirun -n 2", "HEMOPLAN_CACHE", "--rebuild"):
        assert word in result.stdout
    assert machine.env().stdout == result.stdout
    assert machine.builds() == 0


def test_path_names_the_folder_without_building(machine):
    result = machine.env("--path")
    assert Path(result.stdout.strip()).parent == machine.cache
    assert machine.builds() == 0


def test_unknown_option_and_unknown_command(machine):
    option = machine.env("--rebiuld")
    assert option.returncode == 125
    assert "--rebiuld" in option.stderr and "--help" in option.stderr
    command = machine.env("mpirnu")
    assert command.returncode == 127
    assert "mpirnu" in command.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_leaves_nothing(machine, number):
    process = machine.start("sh", "-c", ":", SLOW_MMDEBSTRAP="30")
    wait_for(machine.builds)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    assert machine.environments() == []
    assert machine.env("sh", "-c", "exit 5").returncode == 5


def test_killed_build_is_cleaned_up_by_the_next(machine):
    process = machine.start("sh", "-c", ":", SLOW_MMDEBSTRAP="3")
    wait_for(lambda: list(machine.cache.glob("env-*/rootfs")))
    half = machine.environments()[0]
    (half / "left over").touch()
    process.kill()
    process.wait()
    assert not (half / "complete").exists()
    result = machine.env("sh", "-c", "exit 5")
    assert result.returncode == 5, result.stderr
    assert (half / "complete").exists() and not (half / "left over").exists()
    assert machine.builds() == 2


def test_two_at_once_build_once(machine):
    first = machine.start("sh", "-c", "echo one", SLOW_MMDEBSTRAP="1.5")
    wait_for(machine.builds)
    second = machine.start("sh", "-c", "echo two", SLOW_MMDEBSTRAP="1.5")
    out_first, _ = first.communicate(timeout=30)
    out_second, err_second = second.communicate(timeout=30)
    assert (out_first, out_second) == ("one\n", "two\n")
    assert "waiting" in err_second
    assert machine.builds() == 1


def test_unreachable_mirror_is_explained(machine):
    words = "E: Failed to fetch http://mirror.example/dists  Temporary failure resolving 'mirror.example'"
    result = machine.env("sh", "-c", ":", FAIL_MMDEBSTRAP=words)
    assert result.returncode == 125
    assert words in result.stderr
    for word in ("network", "HEMOPLAN_DEBIAN_MIRROR", "environment.yml", "log"):
        assert word in result.stderr
    assert machine.environments() == []


def test_failing_pip_is_explained(machine):
    words = "ERROR: Could not find a version that satisfies the requirement vtk==9.6.2"
    result = machine.env("sh", "-c", ":", FAIL_PIP=words)
    assert result.returncode == 125
    assert words in result.stderr and "Traceback" not in result.stderr
    assert machine.environments() == []


def test_failed_rebuild_keeps_the_old_environment(machine):
    machine.env("sh", "-c", ":")
    failed = machine.env("--rebuild", "sh", "-c", ":", FAIL_PIP="no")
    assert failed.returncode == 125
    assert machine.env("sh", "-c", "exit 5").returncode == 5
    assert machine.builds() == 2
    assert machine.env("--rebuild").returncode == 0
    assert machine.builds() == 3
    assert list(machine.cache.glob("old-*")) == []


def test_older_environments_are_mentioned_and_cleaned(machine):
    (machine.cache / "env-000000000000").mkdir(parents=True)
    (machine.cache / "compiled-000000000000").mkdir()
    assert "scripts/env --clean" in machine.env("sh", "-c", ":").stderr
    assert "env-000000000000" in machine.env("--clean").stdout
    assert len(machine.environments()) == 1
    assert not (machine.cache / "compiled-000000000000").exists()
    assert machine.env("sh", "-c", "exit 5").returncode == 5


def test_forbidden_cache_folder_is_explained(machine):
    blocked = machine.folder / "file"
    blocked.touch()
    result = machine.env("sh", "-c", ":", HEMOPLAN_CACHE=str(blocked / "cache"))
    assert result.returncode == 125
    assert str(blocked / "cache") in result.stderr and "HEMOPLAN_CACHE" in result.stderr


def test_sandbox_that_the_kernel_forbids_is_explained(machine):
    bwrap = machine.folder / "programs" / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    result = machine.env("sh", "-c", ":")
    assert result.returncode == 125
    assert "Permission denied" in result.stderr and "--privileged" in result.stderr
    assert machine.builds() == 0
