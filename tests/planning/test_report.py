from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hemoplan.case import Case
from hemoplan.errors import HemoplanError
from planning.report.document import write_report
from planning.run_folder import RunFolder
from tests.planning.synthetic_run import THROATS

LOADING = {"src", "href", "srcset", "poster", "data", "action", "background"}


class Resources(HTMLParser):
    """Collects what a browser would load, and the text of style sheets and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in {"script", "style"} else ""
        self.loaded += [value or "" for name, value in attrs if name in LOADING]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts.append(data)


@pytest.fixture(scope="module")
def report(run: RunFolder) -> str:
    return run.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report.html", "scene.html"])
def test_a_page_loads_nothing_from_outside(run: RunFolder, name: str) -> None:
    resources = Resources()
    resources.feed((run.path / name).read_text(encoding="utf-8"))
    assert all(source.startswith("data:") for source in resources.loaded)
    for text in resources.scripts:
        assert not re.search(r"https?://|//cdn|@import|url\(|fetch\(|XMLHttpRequest|import\(", text)


def test_the_pages_are_small(run: RunFolder) -> None:
    assert run.report.stat().st_size < 10e6
    assert run.scene.stat().st_size < 10e6


def test_every_variant_and_the_question_are_in_the_report(report: str, case: Case) -> None:
    assert case.question in report
    for name in THROATS:
        assert report.count(f">{name}</") >= 3
    assert "dilated to 6.4 mm over 12.0 mm" in report
    assert "3.40 kg" in report


def test_a_sound_run_raises_no_alarm(report: str) -> None:
    assert 'class="alarm"' not in report
    assert "Numerical checks passed" in report
    assert not re.findall(r'class="number bad"', report)


def test_a_bad_run_is_said_in_red_and_in_words(bad_report: str) -> None:
    (alarm,) = re.findall(r'<section class="alarm".*?</section>', bad_report, re.S)
    assert "baseline: NOT PERIODIC. The last two cycles differ by 9.0 %" in alarm
    assert "baseline: MASS IS NOT BALANCED" in alarm and "0.40 %" in alarm
    assert "baseline: CUFF PRESSURE MISSED. Systolic" in alarm
    assert "stent" not in alarm
    cells = re.findall(r'<td class="number bad">(.*?)</td>', bad_report)
    assert any("not periodic" in cell for cell in cells)
    assert any("above 0.1 %" in cell for cell in cells)
    assert any("missed by more than 3 mmHg" in cell for cell in cells)
    assert "Numerical checks passed" not in bad_report


def test_differences_carry_a_sign(report: str) -> None:
    (row,) = re.findall(r"<td>Share of inflow, descending aorta</td>.*?</tr>", report, re.S)
    assert re.search(r"68\.0 <span class=\"difference\">\+8\.0<", row)


def test_thresholds_name_their_source(report: str) -> None:
    for source in ("ACC/AHA guideline, 2008", "PubMed 31307310", "Versmold"):
        assert source in report


def test_provenance_is_shown(report: str) -> None:
    for text in ("hemoplan run cases/tubes", "9f86d081884c7d65", "0.9.0", "7 min 1 s"):
        assert text in report


def test_text_of_the_user_cannot_become_markup(bad_report: str) -> None:
    assert "<script>alert(1)" not in bad_report
    assert "&lt;script&gt;alert(1)" in bad_report


def test_figures_are_saved_for_slides(run: RunFolder) -> None:
    from PIL import Image

    for name in (
        "overview",
        "pressures",
        "flows",
        "periodicity",
        "panel_pressure",
        "panel_velocity",
        "panel_tawss",
    ):
        assert np.asarray(Image.open(run.figures / f"{name}.png").convert("L")).std() > 5.0


@pytest.mark.parametrize(
    ("lost", "command"),
    [
        ("variants/patch/metrics.json", "hemoplan solve CASE"),
        ("variants/stent/ports.csv", "hemoplan solve CASE"),
        ("variants/stent/mesh/patches.json", "hemoplan mesh CASE"),
        ("provenance.json", "hemoplan run CASE"),
    ],
)
def test_a_missing_file_is_named_with_the_command_that_makes_it(
    fresh_run: RunFolder, case: Case, lost: str, command: str
) -> None:
    (fresh_run.path / lost).unlink()
    with pytest.raises(HemoplanError) as caught:
        write_report(fresh_run, case)
    assert lost in str(caught.value)
    assert command in str(caught.value)
    assert not fresh_run.report.exists()


def test_a_damaged_json_file_is_an_error(fresh_run: RunFolder, case: Case) -> None:
    Path(fresh_run.provenance).write_text("{", encoding="utf-8")
    with pytest.raises(HemoplanError, match=r"provenance\.json"):
        write_report(fresh_run, case)
