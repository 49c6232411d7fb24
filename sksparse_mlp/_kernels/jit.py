"""How every kernel is compiled: the one place for Numba policy.

Kernels release the GIL, so that plain Python threads run them side by side, and never use
Numba's own threading layers, which are unsafe inside joblib workers and forked children.
Compiled code is kept on disk, where Numba would keep it; where no directory is writable, or
``SKSPARSE_MLP_CACHE=0`` is set, kernels are compiled in memory instead.

Two things here rest on Numba's private interfaces: the disk cache (:mod:`.cache`) and what spares
half of the time to compile (:mod:`.ingredients`). Where a version of Numba has others, kernels are
compiled in the ordinary way: slower to compile, the same code.
"""

import os

import numba

from .cache import kernel_cache, warn_that_nothing_is_kept
from .ingredients import compilers

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
    if numba.config.DISABLE_JIT:
        return _refused
    pipeline, _ = compilers()
    policy = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH, **pipeline}
    # A wrapper for C would have to be compiled, too, and nobody calls it.
    dispatcher = numba.njit(no_cfunc_wrapper=True, **policy)(function)
    if CACHE:
        try:
            dispatcher._cache = kernel_cache(function)
        except (RuntimeError, ImportError, AttributeError) as error:
            warn_that_nothing_is_kept(str(error))
    return dispatcher


def _refused(*args):
    """What a kernel is where Numba may not compile."""
    raise RuntimeError(
        "sksparse_mlp runs only where Numba may compile: unset NUMBA_DISABLE_JIT, or set it to 0."
    )


def inlined(function, always=False):
    """Compile a function that only kernels call: no wrapper for Python, no cache of its own.

    LLVM decides whether to inline it, unless that is ``always`` right.
    """
    _, pipeline = compilers()
    return numba.njit(
        nogil=True,
        error_model="numpy",
        fastmath=FASTMATH,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        forceinline=always,
        **pipeline,
    )(function)


def always_inlined(function):
    """For a function whose call, with its many arguments, would cost more than its work."""
    return inlined(function, always=True)
