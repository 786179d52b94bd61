from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hemoplan.case import Case
from hemoplan.results import FlowMetrics, read_metrics
from planning.report.document import write_report
from planning.report.fields import VariantFields, read_fields
from planning.run_folder import RunFolder
from tests.planning.synthetic_run import THROATS, Faults, make_case, write_run


@pytest.fixture(scope="session")
def case() -> Case:
    return make_case()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, case: Case) -> RunFolder:
    """A sound run with its report."""
    folder = write_run(tmp_path_factory.mktemp("sound") / "tubes")
    write_report(folder, case)
    return folder


@pytest.fixture(scope="session")
def bad_report(tmp_path_factory: pytest.TempPathFactory, case: Case) -> str:
    """The report of a run that is not periodic, loses mass and misses the cuff; its question holds markup."""
    case = case.model_copy(update={"question": "<script>alert(1)</script>"})
    faults = Faults(mass_imbalance=4e-3, periodicity=0.09, cuff_miss=6.0)
    return write_report(write_run(tmp_path_factory.mktemp("bad") / "tubes", faults), case).read_text("utf-8")


@pytest.fixture
def fresh_run(tmp_path: Path) -> RunFolder:
    """A sound run without a report, to be damaged."""
    return write_run(tmp_path / "tubes")


@pytest.fixture(scope="session")
def metrics(run: RunFolder) -> Mapping[str, FlowMetrics]:
    return {name: read_metrics(run.variant(name).metrics) for name in THROATS}


@pytest.fixture(scope="session")
def fields(run: RunFolder) -> tuple[VariantFields, ...]:
    return read_fields(run, list(THROATS))
