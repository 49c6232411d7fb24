"""Random numbers, one a lane, as hashes of a key and the lane's number."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .build import F32, I32, I64, Vector, call_intrinsic, constants, lane_count, splat


def _hash_lanes(builder, key, n):
    """One 32-bit hash a lane, from a key and the lane's number (the lowbias32 mixer)."""
    kind = ir.VectorType(I32, n)
    spread = constants(n, [(lane * 0x9E3779B9) & 0xFFFFFFFF for lane in range(n)])
    x = builder.add(splat(builder, builder.trunc(key, I32), n), spread)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = builder.xor(x, builder.lshr(x, ir.Constant(kind, [shift] * n)))
        x = builder.mul(x, ir.Constant(kind, [factor] * n))
    return builder.xor(x, builder.lshr(x, ir.Constant(kind, [16] * n)))


@intrinsic
def vdrop(typing, a, key, threshold, scale):
    """Inverted dropout: ``scale * a`` where the lane's hash reaches ``threshold``, else zero."""

    def build(context, builder, signature, args):
        a_value, key_value, threshold_value, scale_value = args
        hashed = _hash_lanes(builder, key_value, a.n)
        limit = splat(builder, builder.trunc(threshold_value, I32), a.n)
        kept = builder.fmul(a_value, splat(builder, scale_value, a.n))
        zero = ir.Constant(a_value.type, [0.0] * a.n)
        return builder.select(builder.icmp_unsigned(">=", hashed, limit), kept, zero)

    return a(a, types.uint64, types.uint64, types.float32), build


# Least squares fit of the normal law's quantiles to those of the sum, scaled to unit variance.
SUM_TO_UNIT_VARIANCE = 1.7320508 / 65536


NORMAL_POLYNOMIAL = (0.963666, 0.0093268, 0.00097485)


@intrinsic
def vnormal(typing, key, lanes):
    """Standard normal numbers, one a lane: four 16-bit uniforms summed, then a quintic correction.

    The sum of four uniforms has tails too light; an odd polynomial maps its quantiles to those of
    the normal law (largest error of the distribution function 4e-4, largest value 4.2).
    """
    vector = Vector(lane_count(lanes))
    n = vector.n

    def build(context, builder, signature, args):
        floats, integers = ir.VectorType(F32, n), ir.VectorType(I32, n)
        low, high = (
            _hash_lanes(builder, builder.xor(args[0], ir.Constant(I64, salt)), n)
            for salt in (0, 0x5851F42D)
        )
        mask, shift = ir.Constant(integers, [0xFFFF] * n), ir.Constant(integers, [16] * n)
        total = ir.Constant(integers, [-131070 & 0xFFFFFFFF] * n)
        for word in (low, high):
            total = builder.add(total, builder.and_(word, mask))
            total = builder.add(total, builder.lshr(word, shift))
        x = builder.sitofp(total, floats)
        x = builder.fmul(x, ir.Constant(floats, [SUM_TO_UNIT_VARIANCE] * n))
        square = builder.fmul(x, x)
        slope = ir.Constant(floats, [NORMAL_POLYNOMIAL[-1]] * n)
        for coefficient in NORMAL_POLYNOMIAL[-2::-1]:
            constant = ir.Constant(floats, [coefficient] * n)
            slope = call_intrinsic(builder, "llvm.fmuladd", floats, [slope, square, constant])
        return builder.fmul(x, slope)

    return vector(types.uint64, lanes), build
