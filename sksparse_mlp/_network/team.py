"""A team of plain threads that run one compiled kernel side by side.

The whole of a range of mini-batches is one compiled call that every thread makes, each with its
own number. Inside it they wait for one another at a barrier, see
:mod:`sksparse_mlp._kernels.barrier`.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from joblib.parallel import get_active_backend

from .._kernels.barrier import GAVE_UP, STOP
from .._kernels.records import Worker

# Seconds after which a thread that waits for others looks for signals: one that comes right before
# the waiting begins does not end it.
PATIENCE = 0.1


def threads_for(n_jobs):
    """How many threads ``n_jobs`` means here: None asks the joblib context, -1 takes all cores.

    Parameters
    ----------
    n_jobs : int or None
    """
    if n_jobs is None:
        _, n_jobs = get_active_backend()
    # Of a backend of processes joblib says how many of them may be started: not our question.
    backend, _ = get_active_backend(prefer="threads", require="sharedmem", verbose=0)
    return backend.effective_n_jobs(n_jobs)


class Stopped(Exception):
    """A team was told to stop, and what it was doing is not complete."""


class Team:
    """Runs kernels whose first argument is a :class:`Worker`, once in each thread.

    A context manager that lives as long as one call of ``fit`` or ``predict``: no pool is ever
    part of an estimator. The calling thread is member 0, so a team of one starts no thread.

    Parameters
    ----------
    n_threads : int
        At least 1.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads
        self._sync = np.zeros(3 * 8, np.int64)
        self._scratch = {}

    @cached_property
    def _pool(self):
        """The other threads, which start when they are first needed."""
        return ThreadPoolExecutor(self.n_threads, thread_name_prefix="sksparse_mlp")

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        # An interruption at any moment, even while a thread starts, ends them all.
        if kind is not None:
            self.stop()
        self._scratch.clear()
        if "_pool" in vars(self):
            self._pool.shutdown(wait=True)

    def run(self, kernel, *args, lanes=(), aside=False):
        """Call ``kernel(worker, *args)`` in every thread.

        ``aside`` keeps the calling thread out of it: where that is the main thread, it can hear
        Ctrl-C, and ``stop`` the others, while they compute.
        """
        self._sync[:STOP] = 0
        self.map(
            lambda thread: kernel(Worker(lanes, thread, self.n_threads, self._sync), *args),
            aside=aside,
        )

    def map(self, function, aside=False):
        """Call ``function(thread)`` in every thread and wait for all, whatever happens."""

        def member(thread):
            try:
                function(thread)
            except BaseException:
                self._sync[GAVE_UP] = 1
                raise

        others, failed = [], None
        try:
            others = [self._submit(member, i) for i in range(not aside, self.n_threads)]
            if not aside:
                member(0)
        except BaseException as error:
            self._sync[GAVE_UP] = 1
            failed = error
        failures = [failed, self._interruption_of_waiting_for(others)]
        failures += [other.exception() for other in others]
        for failure in filter(None, failures):
            raise failure

    def share(self, n, thread):
        """A thread's part of n things: the first, and one beyond its last."""
        return tuple(n * (thread + i) // self.n_threads for i in (0, 1))

    def scratch(self, name, size, dtype):
        """An array of any values; the same memory each time, until more is asked for by its name.

        The system would clear fresh memory each time, which takes long where connections are many.
        It is the team's own, and gone when the team ends.
        """
        if name not in self._scratch or self._scratch[name].size < size:
            self._scratch.pop(name, None)  # before there is more
            self._scratch[name] = np.empty(size, dtype)
        return self._scratch[name][:size]

    def _submit(self, member, thread):
        """Start a thread if need be; the error of a system that grants no more says what to do."""
        try:
            return self._pool.submit(member, thread)
        except RuntimeError as error:
            raise RuntimeError(
                f"thread {thread + 1} of {self.n_threads} could not be started ({error}): "
                "lower n_jobs"
            ) from error

    def _interruption_of_waiting_for(self, others):
        """Wait until all have ended; returns what interrupted that, if anything did."""
        interruption = None
        for other in others:
            while not other.done():
                try:
                    other.exception(timeout=PATIENCE)
                except TimeoutError:
                    pass
                except BaseException as error:
                    self.stop()
                    interruption = error
        return interruption

    def stop(self):
        """Tell the threads to leave undone what can be left; for good."""
        self._sync[STOP] = 1

    @property
    def stopped(self):
        """Whether the threads were told to stop."""
        return bool(self._sync[STOP])
