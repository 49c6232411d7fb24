"""A team of plain threads that run one compiled kernel side by side, and where they meet.

The whole of a range of mini-batches is one compiled call that every thread makes, each with its
own number. Between two passes over the network the threads wait for one another at a barrier: an
atomic counter, on which a waiting thread spins a little and then yields to the operating system.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ._jit import inlined
from ._simd import atomic_add, atomic_load, load, yield_processor

# Where a thread that gives up says so, a cache line away from the barrier's counter.
GAVE_UP = 8
# How often a thread looks at the counter before it yields.
SPINS = 2000


class Team:
    """Runs kernels whose first arguments are ``thread, n_threads, sync``, once in each thread.

    A context manager that lives as long as one call of ``fit`` or ``predict``: no pool is ever
    part of an estimator. The calling thread is member 0, so a team of one starts no thread.

    Parameters
    ----------
    n_threads : int
        At least 1.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads
        self._pool = None

    def __enter__(self):
        if self.n_threads > 1:
            self._pool = ThreadPoolExecutor(self.n_threads - 1, thread_name_prefix="sksparse_mlp")
        return self

    def __exit__(self, *exception):
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def run(self, kernel, *args, before=()):
        """Call ``kernel(*before, thread, n_threads, sync, *args)`` in every thread."""
        sync = np.zeros(2 * GAVE_UP, np.int64)
        self.map(lambda thread: kernel(*before, thread, self.n_threads, sync, *args), sync)

    def map(self, function, sync=None):
        """Call ``function(thread)`` in every thread and wait for all, whatever happens."""

        def member(thread):
            try:
                function(thread)
            except BaseException:
                _give_up(sync)
                raise

        others, failed = [], None
        try:
            others = [self._pool.submit(member, i) for i in range(1, self.n_threads)]
            function(0)
        except BaseException as error:
            _give_up(sync)
            failed = error
        for other in others:
            failed = failed or other.exception()
        if failed is not None:
            raise failed


def _give_up(sync):
    """Tell those who wait at a barrier that one of the team will never come."""
    if sync is not None:
        sync[GAVE_UP] = 1


@inlined
def barrier(sync, n_threads, phase):
    """Wait until all threads are here; returns the next phase, or -1 if one of them gave up.

    That happens at the first barrier of a call or not at all, since kernels never raise: a kernel
    looks at the phase there, before it touches anything that another thread prepares.
    """
    phase += 1
    if n_threads > 1:
        atomic_add(sync, 0, 1)
        spins = 0
        while atomic_load(sync, 0) < phase * n_threads:
            spins += 1
            if spins > SPINS:
                yield_processor()
                if atomic_load(sync, GAVE_UP) != 0:
                    return -1
    return phase


@inlined
def share(n, part, n_parts):
    """Where part number ``part`` of ``n`` things begins."""
    return n * part // n_parts


@inlined
def row_of_share(indptr, first_row, n_rows, part, n_parts):
    """The row at which part number ``part`` of a layer's connections begins."""
    start, stop = load(indptr, first_row), load(indptr, first_row + n_rows)
    if part <= 0:
        return 0
    if part >= n_parts:
        return n_rows
    goal = start + (stop - start) * part // n_parts
    low, high = 0, n_rows
    while low < high:
        middle = (low + high) >> 1
        if load(indptr, first_row + middle) < goal:
            low = middle + 1
        else:
            high = middle
    return low
