"""Checks of parameters that name the parameter, its value and what is allowed."""

from math import inf
from numbers import Integral, Real
from operator import le, lt

COMPARISONS = {"[": le, "]": le, "(": lt, ")": lt}


def check_integer(name, value, low, high=inf):
    """Raise ValueError unless ``value`` is an integer from ``low`` to ``high``, both included."""
    if not isinstance(value, Integral) or not low <= value <= high:
        upper = "inf)" if high == inf else f"{high}]"
        raise ValueError(f"{name}={value!r} must be an integer in [{low}, {upper}")


def check_number(name, value, low, high, brackets):
    """Raise ValueError unless ``value`` is a number of an interval, with brackets such as "[)"."""
    opening, closing = brackets
    if not (
        isinstance(value, Real)
        and COMPARISONS[opening](low, value)
        and COMPARISONS[closing](value, high)
    ):
        raise ValueError(f"{name}={value!r} must be a number in {opening}{low}, {high}{closing}")
