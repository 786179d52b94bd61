"""The last stages: the comparison of the variants, and the report."""

from __future__ import annotations

from hemoplan.results import read_metrics
from planning.closed_loop.section import read_circulations
from planning.digest import digest_bytes, digest_code, digest_file, digest_model
from planning.ledger import Drafts, Ledger
from planning.plan import Plan
from planning.report.compare import Comparison, compare, write_comparison
from planning.report.document import write_report


def compare_variants(plan: Plan, ledger: Ledger) -> None:
    """Put the metrics of all variants side by side."""
    run = plan.run

    def work(drafts: Drafts) -> str:
        comparison = read_comparison(plan)
        write_comparison(drafts.of(run.comparison), comparison)
        return ", ".join(
            f"{name} {comparison.value('peak_to_peak_gradient', name):.1f} mmHg"
            for name in comparison.variants
        )

    inputs = {
        f"metrics of {each.name}": digest_file(run.variant(each.name).metrics) for each in plan.case.variants
    }
    if plan.case.circulation is not None:
        inputs |= {
            f"circulation of {each.name}": digest_file(run.variant(each.name).circulation_outputs)
            for each in plan.case.variants
        }
    ledger.perform(
        "comparison",
        inputs={
            **inputs,
            "code": digest_code("planning.report.compare", "planning.closed_loop.outputs", "hemoplan"),
        },
        outputs=[run.comparison],
        work=work,
    )


def read_comparison(plan: Plan) -> Comparison:
    """The comparison of all variants of a run, from their metrics."""
    names = [each.name for each in plan.case.variants]
    metrics = {name: read_metrics(plan.run.variant(name).metrics) for name in names}
    circulations = read_circulations(plan.run, plan.case)
    return compare(metrics, baseline=plan.baseline.name, circulations=circulations)


def report(plan: Plan, ledger: Ledger) -> None:
    """Write the report."""
    run = plan.run
    files = {
        f"{path.name} of {each.name}": digest_file(path)
        for each in plan.case.variants
        for folder in [run.variant(each.name)]
        for path in (folder.metrics, folder.ports, folder.peak_field, folder.mean_field, folder.wall_field)
    }
    if plan.case.circulation is not None:
        files |= {
            f"circulation of {each.name}": digest_file(run.variant(each.name).circulation_outputs)
            for each in plan.case.variants
        }

    def work(drafts: Drafts) -> str:
        path = write_report(run, plan.case)
        return f"{path.stat().st_size / 1e6:.1f} MB"

    ledger.perform(
        "report",
        inputs={
            **files,
            "case": digest_model(plan.case),
            "calibration": digest_bytes(digest_file(run.calibration).encode()),
            "code": digest_code("planning", "hemoplan"),
        },
        outputs=[run.report, run.scene],
        work=work,
    )
