"""The ledger: what is done again, what is kept, and what an interruption leaves."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from hemoplan.errors import ResourceError
from planning.ledger import Drafts, Ledger, Work
from tests.planning.silent_display import SilentDisplay


@pytest.fixture
def display() -> SilentDisplay:
    return SilentDisplay()


@pytest.fixture
def ledger(tmp_path: Path, display: SilentDisplay) -> Ledger:
    return Ledger(tmp_path, display, timings=tmp_path / "stages.json")


def writing(path: Path, text: str) -> Work:
    def work(drafts: Drafts) -> str:
        drafts.of(path).write_text(text)
        return text

    return work


def failing(path: Path, error: BaseException) -> Work:
    def work(drafts: Drafts) -> str:
        drafts.of(path).write_text("half")
        raise error

    return work


def test_a_finished_stage_is_kept(ledger: Ledger, display: SilentDisplay, tmp_path: Path) -> None:
    product = tmp_path / "sub" / "product.txt"
    for text in ("first", "second"):
        ledger.perform("stage", inputs={"a": "1"}, outputs=[product], work=writing(product, text))
    assert product.read_text() == "first"
    assert display.finished == ["stage"]
    assert display.reused == ["stage"]


def test_a_changed_input_is_named_and_the_stage_done_again(
    ledger: Ledger, display: SilentDisplay, tmp_path: Path
) -> None:
    product = tmp_path / "product.txt"
    ledger.perform("stage", inputs={"a": "1", "b": "1"}, outputs=[product], work=writing(product, "first"))
    ledger.perform("stage", inputs={"a": "1", "b": "2"}, outputs=[product], work=writing(product, "second"))
    assert product.read_text() == "second"
    assert display.begun == [("stage", []), ("stage", ["b"])]


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_damaged_product_is_made_again(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    product = tmp_path / "product.txt"
    ledger.perform("stage", inputs={}, outputs=[product], work=writing(product, "whole"))
    product.write_text("dam") if damage == "changed" else product.unlink()
    ledger.perform("stage", inputs={}, outputs=[product], work=writing(product, "whole again"))
    assert product.read_text() == "whole again"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_failure_leaves_the_earlier_results_and_no_drafts(
    ledger: Ledger, display: SilentDisplay, tmp_path: Path, error: BaseException
) -> None:
    product = tmp_path / "product.txt"
    ledger.perform("stage", inputs={"a": "1"}, outputs=[product], work=writing(product, "good"))
    with pytest.raises(type(error)):
        ledger.perform("stage", inputs={"a": "2"}, outputs=[product], work=failing(product, error))
    assert product.read_text() == "good"
    assert not (tmp_path / ".drafts").exists()
    ledger.perform("stage", inputs={"a": "1"}, outputs=[product], work=writing(product, "not needed"))
    assert display.reused == ["stage"]


def test_a_folder_is_replaced_as_a_whole(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "mesh"

    def work(name: str) -> Work:
        def fill(drafts: Drafts) -> str:
            drafts.of(folder).mkdir()
            (drafts.of(folder) / name).write_text(name)
            return name

        return fill

    ledger.perform("mesh", inputs={"a": "1"}, outputs=[folder], work=work("old"))
    ledger.perform("mesh", inputs={"a": "2"}, outputs=[folder], work=work("new"))
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_a_file_that_a_library_failed_to_write_is_an_error(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"could not be written.*MB free.*Free some disk space"):
        ledger.perform("stage", inputs={}, outputs=[tmp_path / "none.vtp"], work=lambda drafts: "")
    assert ledger.entry("stage") is None


def test_seconds_of_all_stages_are_noted(ledger: Ledger, tmp_path: Path) -> None:
    for name in ("one", "two"):
        product = tmp_path / name
        ledger.perform(name, inputs={}, outputs=[product], work=writing(product, name))
    seconds = json.loads((tmp_path / "stages.json").read_text())
    assert list(seconds) == ["one", "two"]
    assert all(value >= 0.0 for value in seconds.values())
