"""The interval of a share, also of one that is 0 or 1, where resampling gives none.

Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (JASA 22, 1927); at the ends of the scale
it is near the rule of three: no error in n tries means at most some 3 in n.
"""

from __future__ import annotations

from typing import Final

from pipeline.evaluate.bootstrap import Rate

_Z: Final = 1.959964
"""Standard normal quantile of a 95 % interval."""


def share(part: int, whole: int) -> Rate:
    """A share with its 95 % interval; not defined of nothing."""
    if not whole:
        return Rate(None)
    value, square = part / whole, _Z * _Z
    centre = (value + square / (2 * whole)) / (1 + square / whole)
    half = _Z / (1 + square / whole) * (value * (1 - value) / whole + square / (4 * whole * whole)) ** 0.5
    low = 0.0 if part == 0 else centre - half
    high = 1.0 if part == whole else centre + half
    return Rate(value, max(0.0, low), min(1.0, high))
