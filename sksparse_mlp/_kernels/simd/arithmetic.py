"""Arithmetic of vectors, lane by lane."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .build import I32, call_intrinsic


def _elementwise(instruction):
    @intrinsic
    def operation(typing, a, b):
        def build(context, builder, signature, args):
            return getattr(builder, instruction)(*args)

        return a(a, b), build

    return operation


vadd = _elementwise("fadd")


vsub = _elementwise("fsub")


vmul = _elementwise("fmul")


vdiv = _elementwise("fdiv")


@intrinsic
def vfma(typing, a, b, c):
    """``a * b + c``, fused where the processor can."""

    def build(context, builder, signature, args):
        return call_intrinsic(builder, "llvm.fmuladd", args[0].type, args)

    return a(a, b, c), build


@intrinsic
def vexp(typing, a):
    """``exp(a)`` to within two units in the last place; NaN stays NaN, overflow is clamped.

    ``exp(a) = 2^n exp(r)`` with an integer n and ``|r| <= log(2) / 2``: seven terms of the series.
    """

    def build(context, builder, signature, args):
        (x,) = args
        floats, integers = x.type, ir.VectorType(I32, a.n)

        def constant(value):
            return ir.Constant(floats, [value] * a.n)

        def less(p, q):
            return builder.fcmp_ordered("<", p, q)

        low, high = constant(-87.0), constant(88.0)
        y = builder.select(less(x, low), low, builder.select(less(high, x), high, x))
        n = call_intrinsic(builder, "llvm.rint", floats, [builder.fmul(y, constant(1.44269504))])
        r = call_intrinsic(builder, "llvm.fmuladd", floats, [n, constant(-0.693359375), y])
        r = call_intrinsic(builder, "llvm.fmuladd", floats, [n, constant(2.12194440e-4), r])
        series = constant(1.0 / 5040.0)
        for factorial in (720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0):
            series = call_intrinsic(
                builder, "llvm.fmuladd", floats, [series, r, constant(1.0 / factorial)]
            )
        # An integer n shifted into the exponent's bits is 2^n; NaN has no n, so it goes around.
        number = builder.fcmp_ordered("ord", x, x)
        exponent = builder.fptosi(builder.select(number, n, constant(0.0)), integers)
        bias, shift = (ir.Constant(integers, [v] * a.n) for v in (127, 23))
        power = builder.bitcast(builder.shl(builder.add(exponent, bias), shift), floats)
        return builder.select(number, builder.fmul(series, power), x)

    return a(a), build


@intrinsic
def vselect_less(typing, x, y, then, otherwise):
    """``then`` where ``x < y``, else ``otherwise``, which NaN gets too."""

    def build(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return x(x, x, x, x), build


@intrinsic
def vflush(typing, a):
    """Zero where ``|a| < 1e-30``: subnormal numbers would slow every later product."""

    def build(context, builder, signature, args):
        small = call_intrinsic(builder, "llvm.fabs", args[0].type, args)
        tiny = ir.Constant(args[0].type, [1e-30] * a.n)
        zero = ir.Constant(args[0].type, [0.0] * a.n)
        return builder.select(builder.fcmp_ordered("<", small, tiny), zero, args[0])

    return a(a), build


@intrinsic
def none_positive(typing, a):
    """Whether every lane is zero or less (False if one is NaN)."""

    def build(context, builder, signature, args):
        zero = ir.Constant(args[0].type, [0.0] * a.n)
        bits = ir.IntType(a.n)
        compared = builder.bitcast(builder.fcmp_ordered("<=", args[0], zero), bits)
        return builder.icmp_unsigned("==", compared, ir.Constant(bits, (1 << a.n) - 1))

    return types.boolean(a), build
