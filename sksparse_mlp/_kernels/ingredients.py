"""Functions that only kernels call: not optimised on their own, which spares a quarter of the time.

They rest on private interfaces of Numba, and are used with versions that they were tested with.
"""

import functools

import numba

TESTED_BELOW = (0, 69)
PRIVATE = ("_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals")


@functools.cache
def ingredient_compiler():
    """Numba's compiler up to where a function's code is complete but not optimised, or None."""
    try:
        version = tuple(int(part) for part in numba.__version__.split(".")[:2])
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler import Compiler
    except (ImportError, ValueError):
        return None
    if version >= TESTED_BELOW or not all(hasattr(JITCodeLibrary, name) for name in PRIVATE):
        return None
    return _ingredient_compiler(JITCodeLibrary, Compiler)


def _ingredient_compiler(JITCodeLibrary, Compiler):
    class IngredientLibrary(JITCodeLibrary):
        """The code of a function that only kernels call, to be linked into theirs.

        Numba would optimise it on its own as well, and make machine code of it that nobody calls.
        Here the kernel that it ends in is optimised, once.
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

    class IngredientCompiler(Compiler):
        """Numba's compiler, with that library."""

        def define_pipelines(self):
            state = self.state
            codegen, name = state.targetctx.codegen(), state.func_id.func_qualname
            state.library = IngredientLibrary(codegen, name)
            return super().define_pipelines()

    return IngredientCompiler
