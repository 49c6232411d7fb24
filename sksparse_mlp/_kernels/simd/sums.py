"""Sums over the lanes of vectors, in fixed trees: they do not depend on the code around them."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .build import F32, I32, NOT_FUSED, Vector, address_of, call_intrinsic, constants


def _shuffle(builder, a, b, lanes):
    """The chosen lanes of two vectors, those of ``b`` counted on from those of ``a``."""
    return builder.shuffle_vector(a, b, constants(len(lanes), lanes))


def _fold(builder, a, b, lanes, apart):
    """The chosen lanes, plus those so far apart from them."""
    others = [lane + apart for lane in lanes]
    return builder.fadd(
        _shuffle(builder, a, b, lanes), _shuffle(builder, a, b, others), flags=NOT_FUSED
    )


def _halved(builder, a):
    half = a.type.count // 2
    return _fold(builder, a, a, range(half), half)


def _sum_of_lanes(builder, a):
    while a.type.count > 1:
        a = _halved(builder, a)
    return builder.extract_element(a, ir.Constant(I32, 0))


def _four_sums(builder, rows):
    """The sums of four vectors of at most 8 lanes, as one vector.

    No lane leaves its group of four before the end: x86 moves those within a group at less cost.
    """
    n = rows[0].type.count
    if n < 4:
        halves = [_shuffle(builder, a, b, range(2 * n)) for a, b in (rows[:2], rows[2:])]
        if n == 1:
            return _shuffle(builder, *halves, range(4))
        return _fold(builder, *halves, range(0, 8, 2), 1)

    def fold(a, b, chosen):
        lanes = [i + k + (n - 4) * (k > 3) for i in range(0, n, 4) for k in chosen]
        return _fold(builder, a, b, lanes, 2)

    total = fold(fold(*rows[:2], (0, 4, 1, 5)), fold(*rows[2:], (0, 4, 1, 5)), (0, 1, 4, 5))
    return _halved(builder, total) if n == 8 else total


def _folded_product(builder, a, b):
    """Partial sums of ``a * b``, at most 8 lanes wide: multiply-adds instead of additions later."""
    n = a.type.count
    step = min(n, 8)

    def part(v, start):
        return builder.shuffle_vector(v, v, constants(step, range(start, start + step)))

    total = builder.fmul(part(a, 0), part(b, 0))
    for start in range(step, n, step):
        total = call_intrinsic(
            builder, "llvm.fmuladd", total.type, [part(a, start), part(b, start), total]
        )
    return total


@intrinsic
def vsum(typing, a):
    """The sum of the lanes."""

    def build(context, builder, signature, args):
        return _sum_of_lanes(builder, args[0])

    return types.float32(a), build


@intrinsic
def vproduct(typing, a, b):
    """``a * b``, its lanes added up to at most 8: ``vsum`` or ``add_vsums`` complete the sum.

    They do so in different orders, so they may differ in the last bit.
    """

    def build(context, builder, signature, args):
        return _folded_product(builder, *args)

    return Vector(min(a.n, 8))(a, b), build


@intrinsic
def add_vsums(typing, pointer, offset, a, b, c, d):
    """Add the sums of four vectors to ``pointer[offset : offset + 4]``."""

    def build(context, builder, signature, args):
        address = address_of(builder, args[0], args[1], ir.VectorType(F32, 4))
        old = builder.load(address)
        old.align = 4
        total = builder.fadd(old, _four_sums(builder, args[2:]), flags=NOT_FUSED)
        builder.store(total, address).align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.int64, a, b, c, d), build


@intrinsic
def add_vsums_apart(typing, pointer, offset, apart, a, b, c, d):
    """Add the sums of four vectors to ``pointer[offset]``, ``pointer[offset + apart]``, ..."""

    def build(context, builder, signature, args):
        sums, at = _four_sums(builder, args[3:]), args[1]
        for k in range(4):
            address = address_of(builder, args[0], at)
            total = builder.extract_element(sums, ir.Constant(I32, k))
            builder.store(builder.fadd(builder.load(address), total, flags=NOT_FUSED), address)
            at = builder.add(at, args[2])
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.int64, a, b, c, d), build
