"""How every kernel is compiled: the one place for Numba policy.

Kernels release the GIL, so that plain Python threads run them side by side, and never use
Numba's own threading layers, which are unsafe inside joblib workers and forked children.
Compiled code is kept on disk, where Numba would keep it; where no directory is writable, or
``SKSPARSE_MLP_CACHE=0`` is set, kernels are compiled in memory instead.
"""

import os

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

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
    if numba.config.DISABLE_JIT:
        return _refused
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)(function)
    if CACHE:
        try:
            dispatcher._cache = KernelCache(function)
        except RuntimeError as error:
            warn_that_nothing_is_kept(str(error))
    return dispatcher


def _refused(*args):
    """What a kernel is where Numba may not compile."""
    raise RuntimeError(
        "sksparse_mlp runs only where Numba may compile: unset NUMBA_DISABLE_JIT, or set it to 0."
    )


class _IngredientLibrary(JITCodeLibrary):
    """The code of a function that only kernels call, to be linked into theirs.

    Numba would optimise it on its own as well, and make machine code of it that nobody calls:
    a quarter of the time of a first fit. Here the kernel that it ends in is optimised, once.
    """

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        """None: there is no machine code."""
        return 0

    @property
    def codegen(self):
        """What is asked to make the environment known to machine code."""
        return self

    def set_env(self, name, environment):
        """Nothing to do: only code that handles Python objects looks at its environment."""


class _IngredientCompiler(Compiler):
    """Numba's compiler, up to the point where a function's code is complete but not optimised."""

    def define_pipelines(self):
        state = self.state
        codegen, name = state.targetctx.codegen(), state.func_id.func_qualname
        state.library = _IngredientLibrary(codegen, name)
        return super().define_pipelines()


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
        pipeline_class=_IngredientCompiler,
    )(function)


def always_inlined(function):
    """For a function called so often that a call, with its many arguments, costs too much."""
    return inlined(function, always=True)
