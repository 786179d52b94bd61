"""The assembled Jacobian against a complex step, and the sparse solver against a dense one."""

import numpy as np
import pytest

from lumped.engine.build import build
from lumped.engine.evaluation import differentiate, evaluate
from lumped.engine.marching import march
from lumped.engine.network import workspace
from lumped.engine.sparse_lu import plan_elimination
from lumped.engine.tangent import multiply_add

from .circuits import everything, smooth_loop, windkessel_behind_a_port


@pytest.mark.parametrize("circuit", [everything(), smooth_loop(), windkessel_behind_a_port()])
def test_jacobian_equals_a_complex_step_at_many_moments(circuit):
    model = build(circuit)
    net, n = model.network, len(model.unknowns)
    history = march(model, steps=40)
    u = np.full(len(model.inputs), 3e-6)
    w, complex_w = workspace(net), workspace(net, np.complex128)
    scale, rows = net.unknowns["scale"], net.unknowns["row_scale"]
    for k in range(0, 40, 3):
        y, share = history.unknowns[k], k / 40
        evaluate(net, model.parameters, model.period, share, u, y, w)
        differentiate(net, w)
        values = w.values.copy()
        for j in range(n):
            moved = y.astype(np.complex128)
            moved[j] += 1e-30j
            evaluate(
                net,
                model.parameters.astype(np.complex128),
                complex(model.period),
                share,
                u.astype(np.complex128),
                moved,
                complex_w,
            )
            exact = complex_w.f[:n].imag / 1e-30
            unit, column = np.zeros((n, 1)), np.zeros((n, 1))
            unit[j] = 1.0
            multiply_add(net, values, unit, column)
            assert column[:, 0] * scale[j] / rows == pytest.approx(
                exact * scale[j] / rows, rel=1e-10, abs=1e-10
            )


def test_elimination_fills_in_what_gauss_would():
    """An arrow needs no fill-in if its tip comes last."""
    entries = {(0, j) for j in range(6)} | {(i, 0) for i in range(6)}
    plan = plan_elimination(6, entries, set())
    assert plan.pivots["row"][-1] == 0 or plan.pivots["row"][-2] == 0
    assert len(plan.slots) == 16
