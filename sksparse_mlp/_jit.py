"""How every kernel is compiled: the one place for Numba policy.

Kernels release the GIL, so that plain Python threads run them side by side, and never use
Numba's own threading layers, which are unsafe inside joblib workers and forked children.
Compiled code is kept in Numba's disk cache; where no cache directory is writable, or
``SKSPARSE_MLP_CACHE=0`` is set, kernels are compiled in memory instead.
"""

import functools
import os
import pathlib
import warnings

import numba

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
            dispatcher.enable_caching()
            # Numba looks for edits in a kernel's own file only; kernels call into other files.
            dispatcher._cache._cache_file._source_stamp = _stamp_of_this_package()
        except RuntimeError:
            _warn_that_nothing_is_cached()
    return dispatcher


def inlined(function):
    """Compile a function that only kernels call: no wrapper for Python, no cache of its own."""
    return numba.njit(
        nogil=True,
        error_model="numpy",
        fastmath=FASTMATH,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(function)


@functools.cache
def _stamp_of_this_package():
    """What changes when any module of this package does."""
    files = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def _warn_that_nothing_is_cached():
    global CACHE
    CACHE = False
    warnings.warn(
        "No directory is writable for Numba's cache: sksparse_mlp compiles its kernels anew in "
        "each process. Set NUMBA_CACHE_DIR to a writable directory to compile only once.",
        RuntimeWarning,
        stacklevel=4,
    )
