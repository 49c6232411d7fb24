"""A team of plain threads that run one compiled kernel side by side."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Where a thread that gives up says so, a cache line away from the barrier's counter.
GAVE_UP = 8


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
        """Call ``kernel(*before, thread, n_threads, sync, *args)`` in every thread; wait for all."""
        sync = np.zeros(2 * GAVE_UP, np.int64)
        self.map(lambda thread: kernel(*before, thread, self.n_threads, sync, *args), sync)

    def map(self, function, sync=None):
        """Call ``function(thread)`` in every thread and wait for all, whatever happens."""
        others = [self._pool.submit(function, i) for i in range(1, self.n_threads)]
        try:
            function(0)
            failed = None
        except BaseException as error:
            failed = error
            if sync is not None:
                sync[GAVE_UP] = 1
        for other in others:
            error = other.exception()
            failed = failed or error
        if failed is not None:
            raise failed
