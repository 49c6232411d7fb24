"""Vectors of float32, raw loads and atomics: the only code that builds LLVM instructions.

Numba leaves the innermost loops of the kernels, a few floats wide, scalar. Here a vector is a
value of its own: ``<n x float>``, which LLVM maps to whatever registers the processor has. The
number of lanes travels as the *length* of a tuple argument (``lanes = (0,) * 5`` means 2**5
lanes), so that kernels stay ordinary module-level functions that the disk cache can hold.

Memory is read and written through pointers. Multiply-adds use ``llvm.fmuladd`` and horizontal sums
fixed trees, so results do not depend on the context that a function is inlined into.
"""

from .arithmetic import none_positive, vadd, vdiv, vexp, vflush, vfma, vmul, vselect_less, vsub
from .build import Pointer, Vector, bare
from .memory import (
    add_to,
    atomic_add,
    atomic_load,
    load,
    load_float32,
    load_float64,
    load_int32,
    load_int64,
    prefetch,
    prefetch_address,
    store,
    vload,
    vsplat,
    vstore,
    yield_processor,
)
from .random import vdrop, vnormal
from .sums import add_vsums, add_vsums_apart, vproduct, vsum

__all__ = [
    "Pointer",
    "Vector",
    "add_to",
    "add_vsums",
    "add_vsums_apart",
    "atomic_add",
    "atomic_load",
    "bare",
    "load",
    "load_float32",
    "load_float64",
    "load_int32",
    "load_int64",
    "none_positive",
    "prefetch",
    "prefetch_address",
    "store",
    "vadd",
    "vdiv",
    "vdrop",
    "vexp",
    "vflush",
    "vfma",
    "vload",
    "vmul",
    "vnormal",
    "vproduct",
    "vselect_less",
    "vsplat",
    "vstore",
    "vsub",
    "vsum",
    "yield_processor",
]
