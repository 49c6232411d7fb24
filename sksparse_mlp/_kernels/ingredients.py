"""How Numba compiles kernels, and functions that only kernels call, in half of the usual time.

Numba optimises each function on its own, before and after it is linked into its callers. Here a
kernel is optimised once, with all that it calls; what only kernels call is never made machine code
of. And no code counts references to arrays, which the callers of kernels keep alive.

All this rests on private interfaces of Numba, and is used with versions that it was tested with.
"""

import functools

import numba

TESTED_FROM, TESTED_BELOW = (0, 68), (0, 69)
PRIVATE = (
    "_finalize_dynamic_globals",
    "_finalize_final_module",
    "_optimize_final_module",
    "_optimize_functions",
)
# Passes that have nothing to do where there are no closures, no expressions of arrays, nothing that
# depends on the values of arguments, no exceptions and nothing to print.
NEEDLESS = (
    "DumpParforDiagnostics",
    "FindLiterallyCalls",
    "GenericRewrites",
    "InlineClosureLikes",
    "InlineInlinables",
    "InlineOverloads",
    "LiteralPropagationSubPipelinePass",
    "LiteralUnroll",
    "MakeFunctionToJitFunction",
    "NopythonRewrites",
    "RewriteDynamicRaises",
    "WithLifting",
)
# As fast as level 3, which takes half a second more for the kernels of a first fit.
OPTIMISATION = 2


def compilers():
    """Options of ``numba.njit`` for kernels, and for their ingredients."""
    found = supported_compilers()
    if found is None:
        return {}, {}
    return tuple({"pipeline_class": compiler, "_nrt": False} for compiler in found)


@functools.cache
def supported_compilers():
    """Numba's compiler, changed in two ways; None with a version of Numba that was not tested."""
    try:
        version = tuple(int(part) for part in numba.__version__.split(".")[:2])
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler import Compiler
    except (ImportError, ValueError):
        return None
    tested = TESTED_FROM <= version < TESTED_BELOW
    if not tested or not all(hasattr(JITCodeLibrary, name) for name in PRIVATE):
        return None
    libraries = _libraries(JITCodeLibrary)
    return tuple(_compiler_with(library, Compiler) for library in libraries)


def _libraries(JITCodeLibrary):
    class KernelLibrary(JITCodeLibrary):
        """The code of a kernel, optimised when all that it calls is linked into it."""

        def _optimize_functions(self, ll_module):
            ll_module.data_layout = self._codegen._data_layout

        def _optimize_final_module(self):
            level = min(OPTIMISATION, numba.config.OPT)
            passes, builder = self._codegen._module_pass_manager(opt=level)
            with self._recorded_timings.record("Module passes (full optimization)", builder):
                passes.run(self._final_module, builder)

        def add_linking_library(self, library):
            """Link what is called, and all that it calls in its turn."""
            super().add_linking_library(library)
            for below in getattr(library, "ingredients", ()):
                if below not in self._linking_libraries:
                    super().add_linking_library(below)

    class IngredientLibrary(KernelLibrary):
        """The code of a function that only kernels call, to be linked into theirs."""

        def finalize(self):
            """Be done without optimising and linking: the kernels that call this do so."""
            self._raise_if_finalized()
            self.ingredients, self._linking_libraries = self._linking_libraries, []
            self._finalize_dynamic_globals()
            self._finalized = True

        def get_pointer_to_function(self, name):
            """0: there is no machine code."""
            return 0

        @property
        def codegen(self):
            """What is asked to make the environment known to machine code."""
            return self

        def set_env(self, name, environment):
            """Nothing to do: only code that handles Python objects looks at its environment."""

    return KernelLibrary, IngredientLibrary


def _compiler_with(Library, Compiler):
    class CompilerOfKernels(Compiler):
        """Numba's compiler, with such a library."""

        def define_pipelines(self):
            """Numba's passes without those that kernels do not need, into such a library."""
            state = self.state
            codegen, name = state.targetctx.codegen(), state.func_id.func_qualname
            state.library = Library(codegen, name)
            state.library.enable_object_caching()
            (pipeline,) = super().define_pipelines()
            pipeline.passes = [p for p in pipeline.passes if p[0].__name__ not in NEEDLESS]
            pipeline._ENFORCING = False
            pipeline.finalize()
            return [pipeline]

    return CompilerOfKernels
