"""Arrays that a kernel uses without counting references to them.

numba counts a reference to an array whenever a kernel takes it out of a tuple. The counts are atomic; in a kernel of a
microsecond that reads thirty arrays they cost more than the arithmetic. A borrowed array has no counter; whoever calls
the kernel from Python holds the arrays for as long as it runs, so nothing can be freed.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic
def borrowed(context: Any, held: Any) -> Any:
    """The same array, or the same tuple of arrays and tuples, without reference counts. For kernels alone."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _uncounted(context, builder, signature.args[0], arguments[0])

    return held(held), generate


def _uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The code that clears an array's owner, or that of each array in a tuple."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):  # type: ignore[attr-defined]
        for index, part in enumerate(kind):
            element = builder.extract_value(value, index)
            value = builder.insert_value(value, _uncounted(context, builder, part, element), index)
    return value
