"""Reading, writing and prefetching memory; atomics and yielding, for the barrier.

Offsets count elements and are not checked: the callers own the bounds.
"""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .build import I32, I64, NOT_FUSED, Vector, address_of, lane_count, splat

# Gives the processor to another thread while this one waits at a barrier.
yield_processor = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


@intrinsic
def vload(typing, pointer, offset, lanes):
    """The vector at ``pointer[offset:offset + n]``."""
    vector = Vector(lane_count(lanes))

    def build(context, builder, signature, args):
        value = builder.load(address_of(builder, args[0], args[1], context.get_value_type(vector)))
        value.align = 4
        return value

    return vector(pointer, types.int64, lanes), build


@intrinsic
def vstore(typing, pointer, offset, vector):
    """Write a vector to ``pointer[offset:offset + n]``."""

    def build(context, builder, signature, args):
        builder.store(args[2], address_of(builder, args[0], args[1], args[2].type)).align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.int64, vector), build


@intrinsic
def vsplat(typing, value, lanes):
    """A vector that holds the same float32 in each lane."""
    vector = Vector(lane_count(lanes))

    def build(context, builder, signature, args):
        return splat(builder, args[0], vector.n)

    return vector(types.float32, lanes), build


@intrinsic
def load(typing, pointer, offset):
    """``pointer[offset]``; integers of 32 bits come back as int64."""
    kind = pointer.dtype
    short = isinstance(kind, types.Integer) and kind.bitwidth < 64

    def build(context, builder, signature, args):
        value = builder.load(address_of(builder, args[0], args[1]))
        if short:
            value = (builder.sext if kind.signed else builder.zext)(value, I64)
        return value

    return (types.int64 if short else kind)(pointer, types.int64), build


@intrinsic
def store(typing, pointer, offset, value):
    """``pointer[offset] = value``, cast to the pointer's type."""

    def build(context, builder, signature, args):
        builder.store(args[2], address_of(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(pointer, types.int64, pointer.dtype), build


@intrinsic
def add_to(typing, pointer, offset, value):
    """``pointer[offset] += value`` for float32."""

    def build(context, builder, signature, args):
        address = address_of(builder, args[0], args[1])
        builder.store(builder.fadd(builder.load(address), args[2], flags=NOT_FUSED), address)
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


load_int32 = _loader(I32, types.int32)


load_int64 = _loader(I64, types.int64)


def _prefetch(builder, address):
    byte = address.type
    function_type = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
    read, keep, data = (ir.Constant(I32, c) for c in (0, 3, 1))
    builder.call(function, [address, read, keep, data])


@intrinsic
def prefetch(typing, pointer, offset):
    """Ask for the cache line of ``pointer[offset]``, to be read soon."""

    def build(context, builder, signature, args):
        _prefetch(builder, address_of(builder, args[0], args[1], ir.IntType(8)))
        return context.get_dummy_value()

    return types.void(pointer, types.int64), build


@intrinsic
def prefetch_address(typing, address):
    """Ask for the cache line at an address, to be read soon; nothing needs to be there."""

    def build(context, builder, signature, args):
        _prefetch(builder, builder.inttoptr(args[0], ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64), build


@intrinsic
def atomic_add(typing, pointer, index, value):
    """Add to an int64 that several threads share; returns the old value."""

    def build(context, builder, signature, args):
        return builder.atomic_rmw("add", address_of(builder, args[0], args[1]), args[2], "seq_cst")

    return types.int64(pointer, types.int64, types.int64), build


@intrinsic
def atomic_load(typing, pointer, index):
    """Read an int64 that another thread may be writing."""

    def build(context, builder, signature, args):
        return builder.load_atomic(address_of(builder, args[0], args[1]), "acquire", 8)

    return types.int64(pointer, types.int64), build
