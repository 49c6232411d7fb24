"""Kernels are compiled before they are needed, while the calling thread hears Ctrl-C."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from .._kernels.compiling import is_compiled, n_compilations
from .team import PATIENCE, Team


def compile_ahead(rehearse, kernels, announce=None):
    """Have kernels compiled, or loaded from the disk, where this process has not done so.

    Numba compiles for seconds, and an exception in its midst could leave it in pieces. So it works
    in a thread of its own, and Ctrl-C interrupts the waiting for it: what is being compiled is
    completed in the background, and kept.

    Parameters
    ----------
    rehearse : callable
        Called with a team, calls the kernels: they are compiled by being called.
    kernels : dict
        For each kernel, the first argument of the calls to come.
    announce : callable or None
        Called once if something has to be compiled, not only loaded.
    """
    if all(is_compiled(kernel, first) for kernel, first in kernels.items()):
        return
    compiler, team = ThreadPoolExecutor(1, thread_name_prefix="sksparse_mlp"), Team(1)
    n_before = n_compilations(kernels)
    try:
        compiled = _submitted(compiler, rehearse, team)
        for _ in _looks_at(compiled):
            if announce is not None and n_compilations(kernels) > n_before:
                announce()
                announce = None
    except BaseException:
        team.stop()
        compiler.shutdown(wait=False)
        raise
    compiler.shutdown()
    compiled.result()


def _submitted(compiler, rehearse, team):
    """A future, which has come where the system grants no more threads."""
    try:
        return compiler.submit(rehearse, team)
    except RuntimeError:
        rehearse(team)
        compiled = Future()
        compiled.set_result(None)
        return compiled


def _looks_at(future):
    """Wait for a future; looks up now and then, which lets signals be heard on all systems."""
    while not future.done():
        with suppress(TimeoutError):
            future.exception(timeout=PATIENCE)
        yield
