"""Vectors of float32, raw loads and atomics: the only code that builds LLVM instructions.

Numba leaves the innermost loops of the kernels, a few floats wide, scalar. Here a vector is a
value of its own: ``<n x float>``, which LLVM maps to whatever registers the processor has. The
number of lanes travels as the *length* of a tuple argument (``lanes = (0,) * 5`` means 2**5
lanes), so that kernels stay ordinary module-level functions that the disk cache can hold.

Memory is read and written through pointers: offsets count elements and are not checked, the
callers own the bounds. Multiply-adds use
``llvm.fmuladd`` and horizontal sums fixed trees, so results do not depend on the context that
a function is inlined into.
"""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)

# Gives the processor to another thread while this one waits at a barrier.
yield_processor = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


class Vector(types.Type):
    """The Numba type of ``n`` float32 lanes."""

    def __init__(self, n):
        self.n = n
        super().__init__(name=f"float32x{n}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(_F32, vector.n))


class Pointer(types.Type):
    """The Numba type of an array's bare memory: no shape, no bounds, one register."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"pointer({dtype})")


@register_model(Pointer)
class _PointerModel(models.PrimitiveModel):
    def __init__(self, manager, pointer):
        element = manager[pointer.dtype].get_data_type()
        super().__init__(manager, pointer, element.as_pointer())


@intrinsic
def bare(typing, record):
    """The pointer to an array's first element, or a named tuple whose arrays are pointers.

    Inner kernels take these: an array is seven values to LLVM, a pointer one, which halves the
    time to compile. The caller keeps the arrays alive.
    """

    def bare_type(t):
        return Pointer(t.dtype) if isinstance(t, types.Array) else t

    def bare_value(context, builder, t, value):
        if not isinstance(t, types.Array):
            return value
        return context.make_array(t)(context, builder, value=value).data

    if isinstance(record, types.Array):

        def build(context, builder, signature, args):
            return bare_value(context, builder, record, args[0])

        return bare_type(record)(record), build

    result = types.NamedTuple([bare_type(t) for t in record.types], record.instance_class)

    def build_all(context, builder, signature, args):
        fields = zip(record.types, cgutils.unpack_tuple(builder, args[0]), strict=True)
        values = [bare_value(context, builder, t, value) for t, value in fields]
        return context.make_tuple(builder, result, values)

    return result(record), build_all


def _lane_count(lanes):
    return 1 << len(lanes)


def _at(builder, pointer, offset, element=None):
    """The address of an element, seen as one of another type if asked for."""
    address = builder.gep(pointer, [offset])
    return builder.bitcast(address, element.as_pointer()) if element is not None else address


def _constants(n, values, scalar=_I32):
    return ir.Constant(ir.VectorType(scalar, n), list(values))


def _splat(builder, value, n):
    start = ir.Constant(ir.VectorType(value.type, n), ir.Undefined)
    first = builder.insert_element(start, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, start, _constants(n, [0] * n))


def _call(builder, name, value_type, arguments):
    function_type = ir.FunctionType(value_type, [a.type for a in arguments])
    suffix = f"v{value_type.count}f32"
    function = cgutils.get_or_insert_function(builder.module, function_type, f"{name}.{suffix}")
    return builder.call(function, arguments)


# ---------------------------------------------------------------- loading and storing


@intrinsic
def vload(typing, pointer, offset, lanes):
    """The vector at ``pointer[offset:offset + n]``."""
    vector = Vector(_lane_count(lanes))

    def build(context, builder, signature, args):
        value = builder.load(_at(builder, args[0], args[1], context.get_value_type(vector)))
        value.align = 4
        return value

    return vector(pointer, types.int64, lanes), build


@intrinsic
def vstore(typing, pointer, offset, vector):
    """Write a vector to ``pointer[offset:offset + n]``."""

    def build(context, builder, signature, args):
        builder.store(args[2], _at(builder, args[0], args[1], args[2].type)).align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.int64, vector), build


@intrinsic
def vsplat(typing, value, lanes):
    """A vector that holds the same float32 in each lane."""
    vector = Vector(_lane_count(lanes))

    def build(context, builder, signature, args):
        return _splat(builder, args[0], vector.n)

    return vector(types.float32, lanes), build


@intrinsic
def load(typing, pointer, offset):
    """``pointer[offset]``; integers of 32 bits come back as int64."""
    kind = pointer.dtype
    short = isinstance(kind, types.Integer) and kind.bitwidth < 64

    def build(context, builder, signature, args):
        value = builder.load(_at(builder, args[0], args[1]))
        if short:
            value = (builder.sext if kind.signed else builder.zext)(value, _I64)
        return value

    return (types.int64 if short else kind)(pointer, types.int64), build


@intrinsic
def store(typing, pointer, offset, value):
    """``pointer[offset] = value``, cast to the pointer's type."""

    def build(context, builder, signature, args):
        builder.store(args[2], _at(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, pointer.dtype), build


@intrinsic
def add_to(typing, pointer, offset, value):
    """``pointer[offset] += value`` for float32."""

    def build(context, builder, signature, args):
        address = _at(builder, args[0], args[1])
        builder.store(builder.fadd(builder.load(address), args[2]), address)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.float32), build


def _loader(scalar, numba_type):
    @intrinsic
    def load_address(typing, address):
        def build(context, builder, signature, args):
            value = builder.load(builder.inttoptr(args[0], scalar.as_pointer()))
            value.align = 1
            return value

        return numba_type(types.int64), build

    return load_address


load_float32 = _loader(ir.FloatType(), types.float32)
load_float64 = _loader(ir.DoubleType(), types.float64)
load_int32 = _loader(_I32, types.int32)
load_int64 = _loader(_I64, types.int64)


def _prefetch(builder, address):
    byte = address.type
    function_type = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
    read, keep, data = (ir.Constant(_I32, c) for c in (0, 3, 1))
    builder.call(function, [address, read, keep, data])


@intrinsic
def prefetch(typing, pointer, offset):
    """Ask for the cache line of ``pointer[offset]``, to be read soon."""

    def build(context, builder, signature, args):
        _prefetch(builder, _at(builder, args[0], args[1], ir.IntType(8)))
        return context.get_dummy_value()

    return types.void(pointer, types.int64), build


@intrinsic
def prefetch_address(typing, address):
    """Ask for the cache line at an address, to be read soon; nothing needs to be there."""

    def build(context, builder, signature, args):
        _prefetch(builder, builder.inttoptr(args[0], ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64), build


# ---------------------------------------------------------------- arithmetic, lane by lane


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
        return _call(builder, "llvm.fmuladd", args[0].type, args)

    return a(a, b, c), build


@intrinsic
def vexp(typing, a):
    """``exp(a)`` to within two units in the last place; NaN stays NaN, overflow is clamped.

    ``exp(a) = 2^n exp(r)`` with an integer n and ``|r| <= log(2) / 2``: seven terms of the series.
    """

    def build(context, builder, signature, args):
        (x,) = args
        floats, integers = x.type, ir.VectorType(_I32, a.n)

        def constant(value):
            return ir.Constant(floats, [value] * a.n)

        def less(p, q):
            return builder.fcmp_ordered("<", p, q)

        low, high = constant(-87.0), constant(88.0)
        y = builder.select(less(x, low), low, builder.select(less(high, x), high, x))
        n = _call(builder, "llvm.rint", floats, [builder.fmul(y, constant(1.44269504))])
        r = _call(builder, "llvm.fmuladd", floats, [n, constant(-0.693359375), y])
        r = _call(builder, "llvm.fmuladd", floats, [n, constant(2.12194440e-4), r])
        series = constant(1.0 / 5040.0)
        for factorial in (720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0):
            series = _call(builder, "llvm.fmuladd", floats, [series, r, constant(1.0 / factorial)])
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
        small = _call(builder, "llvm.fabs", args[0].type, args)
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


# ---------------------------------------------------------------- sums over the lanes


def _shuffle(builder, a, b, lanes):
    """The chosen lanes of two vectors, those of ``b`` counted on from those of ``a``."""
    return builder.shuffle_vector(a, b, _constants(len(lanes), lanes))


def _fold(builder, a, b, lanes, apart):
    """The chosen lanes, plus those so far apart from them."""
    others = [lane + apart for lane in lanes]
    return builder.fadd(_shuffle(builder, a, b, lanes), _shuffle(builder, a, b, others))


def _halved(builder, a):
    half = a.type.count // 2
    return _fold(builder, a, a, range(half), half)


def _sum_of_lanes(builder, a):
    while a.type.count > 1:
        a = _halved(builder, a)
    return builder.extract_element(a, ir.Constant(_I32, 0))


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
        return builder.shuffle_vector(v, v, _constants(step, range(start, start + step)))

    total = builder.fmul(part(a, 0), part(b, 0))
    for start in range(step, n, step):
        total = _call(builder, "llvm.fmuladd", total.type, [part(a, start), part(b, start), total])
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
        address = _at(builder, args[0], args[1], ir.VectorType(_F32, 4))
        old = builder.load(address)
        old.align = 4
        builder.store(builder.fadd(old, _four_sums(builder, args[2:])), address).align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.int64, a, b, c, d), build


@intrinsic
def add_vsums_apart(typing, pointer, offset, apart, a, b, c, d):
    """Add the sums of four vectors to ``pointer[offset]``, ``pointer[offset + apart]``, ..."""

    def build(context, builder, signature, args):
        sums, at = _four_sums(builder, args[3:]), args[1]
        for k in range(4):
            address = _at(builder, args[0], at)
            total = builder.extract_element(sums, ir.Constant(_I32, k))
            builder.store(builder.fadd(builder.load(address), total), address)
            at = builder.add(at, args[2])
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.int64, a, b, c, d), build


# ---------------------------------------------------------------- counter-based randomness


def _hash_lanes(builder, key, n):
    """One 32-bit hash a lane, from a key and the lane's number (the lowbias32 mixer)."""
    kind = ir.VectorType(_I32, n)
    spread = _constants(n, [(lane * 0x9E3779B9) & 0xFFFFFFFF for lane in range(n)])
    x = builder.add(_splat(builder, builder.trunc(key, _I32), n), spread)
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
        limit = _splat(builder, builder.trunc(threshold_value, _I32), a.n)
        kept = builder.fmul(a_value, _splat(builder, scale_value, a.n))
        zero = ir.Constant(a_value.type, [0.0] * a.n)
        return builder.select(builder.icmp_unsigned(">=", hashed, limit), kept, zero)

    return a(a, types.uint64, types.uint64, types.float32), build


# Least squares fit of the normal law's quantiles to those of the sum, scaled to unit variance.
_SUM_TO_UNIT_VARIANCE = 1.7320508 / 65536
_NORMAL_POLYNOMIAL = (0.963666, 0.0093268, 0.00097485)


@intrinsic
def vnormal(typing, key, lanes):
    """Standard normal numbers, one a lane: four 16-bit uniforms summed, then a quintic correction.

    The sum of four uniforms has tails too light; an odd polynomial maps its quantiles to those of
    the normal law (largest error of the distribution function 4e-4, largest value 4.2).
    """
    vector = Vector(_lane_count(lanes))
    n = vector.n

    def build(context, builder, signature, args):
        floats, integers = ir.VectorType(_F32, n), ir.VectorType(_I32, n)
        low, high = (
            _hash_lanes(builder, builder.xor(args[0], ir.Constant(_I64, salt)), n)
            for salt in (0, 0x5851F42D)
        )
        mask, shift = ir.Constant(integers, [0xFFFF] * n), ir.Constant(integers, [16] * n)
        total = ir.Constant(integers, [-131070 & 0xFFFFFFFF] * n)
        for word in (low, high):
            total = builder.add(total, builder.and_(word, mask))
            total = builder.add(total, builder.lshr(word, shift))
        x = builder.sitofp(total, floats)
        x = builder.fmul(x, ir.Constant(floats, [_SUM_TO_UNIT_VARIANCE] * n))
        square = builder.fmul(x, x)
        slope = ir.Constant(floats, [_NORMAL_POLYNOMIAL[-1]] * n)
        for coefficient in _NORMAL_POLYNOMIAL[-2::-1]:
            constant = ir.Constant(floats, [coefficient] * n)
            slope = _call(builder, "llvm.fmuladd", floats, [slope, square, constant])
        return builder.fmul(x, slope)

    return vector(types.uint64, lanes), build


# ---------------------------------------------------------------- atomics, for the barrier


@intrinsic
def atomic_add(typing, pointer, index, value):
    """Add to an int64 that several threads share; returns the old value."""

    def build(context, builder, signature, args):
        return builder.atomic_rmw("add", _at(builder, args[0], args[1]), args[2], "seq_cst")

    return types.int64(pointer, types.int64, types.int64), build


@intrinsic
def atomic_load(typing, pointer, index):
    """Read an int64 that another thread may be writing."""

    def build(context, builder, signature, args):
        return builder.load_atomic(_at(builder, args[0], args[1]), "acquire", 8)

    return types.int64(pointer, types.int64), build
