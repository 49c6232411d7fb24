"""Where the threads of a team meet inside a kernel, and how they share its work.

Between two passes over the network the threads wait for one another at a barrier: an atomic
counter, on which a waiting thread spins a little and then yields to the operating system.
"""

from .jit import inlined
from .simd import atomic_add, atomic_load, load, yield_processor

# Where a thread that gives up says so, and where all are told to stop, in ``Worker.sync``: cache
# lines of their own.
GAVE_UP, STOP = 8, 16
# How often a thread looks at the counter before it yields.
SPINS = 2000


@inlined
def stop_requested(worker):
    """Whether to leave undone what can be left."""
    return atomic_load(worker.sync, STOP) != 0


@inlined
def barrier(worker, phase):
    """Wait until all threads are here; returns the next phase, or -1 if one of them gave up.

    That happens at the first barrier of a call or not at all, since kernels never raise: a kernel
    looks at the phase there, before it touches anything that another thread prepares.
    """
    phase += 1
    if worker.n_threads > 1:
        atomic_add(worker.sync, 0, 1)
        spins = 0
        while atomic_load(worker.sync, 0) < phase * worker.n_threads:
            spins += 1
            if spins > SPINS:
                yield_processor()
                if atomic_load(worker.sync, GAVE_UP) != 0:
                    return -1
    return phase


@inlined
def share(n, part, n_parts):
    """Where part number ``part`` of ``n`` things begins."""
    return n * part // n_parts


@inlined
def own_share(worker, n):
    """Where this thread's share of ``n`` things begins and ends."""
    n_threads = worker.n_threads
    return share(n, worker.thread, n_threads), share(n, worker.thread + 1, n_threads)


@inlined
def row_of_share(indptr, first_pointer, n_rows, part, n_parts):
    """The row at which part number ``part`` of a layer's connections begins."""
    start, stop = load(indptr, first_pointer), load(indptr, first_pointer + n_rows)
    if part <= 0:
        return 0
    if part >= n_parts:
        return n_rows
    goal = start + (stop - start) * part // n_parts
    low, high = 0, n_rows
    while low < high:
        middle = (low + high) >> 1
        if load(indptr, first_pointer + middle) < goal:
            low = middle + 1
        else:
            high = middle
    return low
