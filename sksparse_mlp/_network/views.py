"""Arrays that are handed on to be read and not to be written to."""

import numpy as np


def read_only(array):
    """A view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def read_only_record(record):
    """A record with such views: to kernels, a mapped network is then like any."""
    views = (read_only(value) if isinstance(value, np.ndarray) else value for value in record)
    return record._make(views)
