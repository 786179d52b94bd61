"""Formulas of time, such as `2.0 * (4*ATAN(1.)) * COS(2*pi*t)`: read once, evaluated for many times at once.

The notation is that of the ExprTk library as far as a waveform needs it: letters of either case, + - * / ^ %,
comparisons, `and`, `or`, `not`, `if(condition, a, b)`, and the functions listed below. Nothing else can be called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError

type Values = FloatArray | float
type Function = Callable[..., Values]

CONSTANTS = {"pi": np.pi, "epsilon": 1e-10}
FUNCTIONS: dict[str, tuple[Function, int]] = {
    "abs": (np.abs, 1),
    "acos": (np.arccos, 1),
    "asin": (np.arcsin, 1),
    "atan": (np.arctan, 1),
    "atan2": (np.arctan2, 2),
    "ceil": (np.ceil, 1),
    "cos": (np.cos, 1),
    "cosh": (np.cosh, 1),
    "exp": (np.exp, 1),
    "floor": (np.floor, 1),
    "log": (np.log, 1),
    "log10": (np.log10, 1),
    "max": (np.maximum, 2),
    "min": (np.minimum, 2),
    "mod": (np.fmod, 2),
    "pow": (np.power, 2),
    "sgn": (np.sign, 1),
    "sin": (np.sin, 1),
    "sinh": (np.sinh, 1),
    "sqrt": (np.sqrt, 1),
    "tan": (np.tan, 1),
    "tanh": (np.tanh, 1),
    "trunc": (np.trunc, 1),
    "where": (np.where, 3),
}
OPERATORS: dict[type[ast.AST], Function] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Mod: np.fmod,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
    ast.Not: np.logical_not,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of the time t, as the user wrote it."""

    text: str

    def at(self, times: FloatArray) -> FloatArray:
        """Values at (m,) times."""
        value = _evaluate(_parse(self.text).body, times)
        return np.broadcast_to(np.asarray(value, dtype=np.float64), times.shape).copy()


def read_formula(text: object, where: str) -> Formula:
    """Read a formula and try it.

    Raises:
        CaseError: It is no formula, names something unknown, or is not finite at t = 0.
    """
    if not isinstance(text, str):
        raise CaseError(
            "'fn' is not a text", where=where, value=text, expected="a formula of t, such as '5*sin(2*pi*t)'"
        )
    formula = Formula(text)
    try:
        with np.errstate(all="ignore"):
            start = formula.at(np.zeros(1))
    except (SyntaxError, ValueError, TypeError) as error:
        raise CaseError(
            "'fn' cannot be understood",
            where=where,
            value=f"{text!r}: {error}",
            expected=f"a formula of t with + - * / ^, pi and {', '.join(sorted(FUNCTIONS))}",
        ) from None
    if not np.isfinite(start).all():
        raise CaseError("'fn' is not finite at t = 0", where=where, value=text)
    return formula


def _parse(text: str) -> ast.Expression:
    prepared = re.sub(r"\bif\s*\(", "where(", text.lower().replace("^", "**"))
    return ast.parse(prepared.strip(), mode="eval")


def _evaluate(node: ast.expr, times: NDArray[np.float64]) -> Values:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.Name(id="t"):
            return times
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluate(left, times), _evaluate(right, times))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluate(operand, times))
        case ast.BoolOp(op=op, values=[first, *rest]):
            joined = _evaluate(first, times)
            for each in rest:
                joined = OPERATORS[type(op)](joined, _evaluate(each, times))
            return joined
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_evaluate(left, times), _evaluate(right, times))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            function, count = FUNCTIONS[name]
            if len(arguments) != count:
                raise ValueError(f"{name} takes {count} arguments")
            return function(*(_evaluate(each, times) for each in arguments))
    raise ValueError(f"'{ast.unparse(node)}' is not known")
