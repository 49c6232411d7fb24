"""What a fitted estimator hands out: views that are read-only and copies, so no harm can be done.

Whoever wants to change an array takes a copy of it, ``est.coefs_[0].copy()`` for example.
"""

import numpy as np

from .._network.views import read_only


def read_only_csr(matrix):
    """The matrix itself, its arrays replaced by views that cannot be written to."""
    matrix.data, matrix.indices, matrix.indptr = map(
        read_only, (matrix.data, matrix.indices, matrix.indptr)
    )
    return matrix


def handed_out(value):
    """Arrays read-only, lists and dicts as copies, all else as it is."""
    if isinstance(value, np.ndarray):
        return read_only(value)
    if isinstance(value, dict):
        return {name: handed_out(part) for name, part in value.items()}
    if isinstance(value, list):
        return [part.copy() if isinstance(part, list) else part for part in value]
    return value


def stored(estimator, name):
    """A fitted attribute itself, for reading: a stream would copy its history in every call."""
    return vars(estimator)[name]


class FittedAttribute:
    """Attribute that is stored as it was set, also in files, and handed out read-only or copied.

    Parameters
    ----------
    doc : str
        Its docstring.
    """

    def __init__(self, doc):
        self.__doc__ = doc

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self
        try:
            return handed_out(stored(estimator, self.name))
        except KeyError:
            raise AttributeError(
                f"{type(estimator).__name__!r} object has no attribute {self.name!r}"
            ) from None

    def __set__(self, estimator, value):
        vars(estimator)[self.name] = value

    def __delete__(self, estimator):
        del vars(estimator)[self.name]
