"""A checksum of an estimator in its file: damage is an error, and never another model.

It covers labels, parameters and figures by value, other objects by their presence: a network, and
an estimator inside another one, have checksums of their own.
"""

import numpy as np

from .._network.state import SCALARS, checksum_of, plain, table_of

# A value deeper than this counts by its presence: it is not of this package.
DEEPEST = 8


class Sealed:
    """Mixin of estimators whose state, as files hold it, has a checksum."""

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "checksum": _checksum(state)}

    def __setstate__(self, state):
        state = dict(state)
        expected = state.pop("checksum", None)
        if expected != _checksum(state):
            raise ValueError("The file is damaged: the checksum of the estimator is wrong.")
        self._check_state(state)
        super().__setstate__(state)

    def _check_state(self, state):
        """Raise ValueError where a state that is not damaged is none of such an estimator."""


def _checksum(state):
    """A checksum of the names of all attributes, and of the values of those that are plain."""
    return checksum_of(_covered(state))


def _covered(value, depth=0):
    if depth > DEEPEST:
        return "too deep"
    if isinstance(value, np.random.RandomState):
        value = value.get_state(legacy=False)
    value = plain(value)
    if isinstance(value, dict):
        parts = ((_covered_name(name), part) for name, part in value.items())
        return {name: _covered(part, depth + 1) for name, part in parts}
    if isinstance(value, (list, tuple)):
        table = table_of(value)
        return [_covered(part, depth + 1) for part in value] if table is None else table
    return value if isinstance(value, (*SCALARS, np.ndarray)) else "an object"


def _covered_name(name):
    name = plain(name)
    return name if isinstance(name, SCALARS) else "an object"
