"""How every kernel is compiled: the one place for Numba policy.

Kernels release the GIL, so that plain Python threads run them side by side, and never use
Numba's own threading layers, which are unsafe inside joblib workers and forked children.
Compiled code is kept on disk, where Numba would keep it; where no directory is writable, or
``SKSPARSE_MLP_CACHE=0`` is set, kernels are compiled in memory instead.
"""

import os

import numba

from ._cache import KernelCache, warn_that_nothing_is_kept

# NaN and infinity must propagate and sums keep their order: only harmless flags are allowed.
FASTMATH = {"contract", "nsz"}
CACHE = os.environ.get("SKSPARSE_MLP_CACHE", "1") != "0"


def kernel(function):
    """Compile a function of arrays and numbers with the policy of this module.

    Parameters
    ----------
    function : callable
        A module-level function in the subset of Python that Numba compiles.

    Returns
    -------
    numba.core.dispatcher.Dispatcher
        Compiles lazily, at the first call with each combination of types.
    """
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(function)
    if CACHE:
        try:
            dispatcher._cache = KernelCache(function)
        except RuntimeError as error:
            warn_that_nothing_is_kept(str(error))
    return dispatcher


def inlined(function, always=False):
    """Compile a function that only kernels call: no wrapper for Python, no cache of its own.

    LLVM decides whether to inline it, unless that is ``always`` right.
    """
    return numba.njit(
        nogil=True,
        error_model="numpy",
        fastmath=FASTMATH,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        forceinline=always,
    )(function)


def always_inlined(function):
    """For a function called so often that a call, with its many arguments, costs too much."""
    return inlined(function, always=True)
