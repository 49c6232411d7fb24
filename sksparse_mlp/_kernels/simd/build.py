"""The Numba types of vectors and bare pointers, and what instructions are built with."""

import hashlib

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
# Of an addition that LLVM may not fuse with a product: it would do so in narrow vectors only.
NOT_FUSED = ("nsz",)


class Vector(types.Type):
    """The Numba type of ``n`` float32 lanes."""

    def __init__(self, n):
        self.n = n
        super().__init__(name=f"float32x{n}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(F32, vector.n))


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


class Record(types.NamedTuple):
    """The Numba type of a named tuple that functions pass on as one value, with a short name."""

    def __init__(self, kinds, instance_class):
        super().__init__(kinds, instance_class)
        digest = hashlib.sha256(repr([str(kind) for kind in kinds]).encode()).hexdigest()
        self.name = f"{instance_class.__name__}_{digest[:8]}"


@register_model(Record)
class _RecordModel(models.TupleModel):
    def get_argument_type(self):
        return self.get_value_type()

    def as_argument(self, builder, value):
        return value

    def from_argument(self, builder, value):
        return value


@intrinsic
def bare(typing, record):
    """The pointer to an array's first element, or a named tuple whose arrays are pointers.

    Inner kernels take these: an array is seven values to LLVM, a pointer one, and a named tuple
    is taken apart and put together wherever it is passed on, a record not: that takes most of the
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

    result = Record([bare_type(t) for t in record.types], record.instance_class)

    def build_all(context, builder, signature, args):
        fields = zip(record.types, cgutils.unpack_tuple(builder, args[0]), strict=True)
        values = [bare_value(context, builder, t, value) for t, value in fields]
        return context.make_tuple(builder, result, values)

    return result(record), build_all


def lane_count(lanes):
    return 1 << len(lanes)


def address_of(builder, pointer, offset, element=None):
    """The address of an element, seen as one of another type if asked for."""
    address = builder.gep(pointer, [offset])
    return builder.bitcast(address, element.as_pointer()) if element is not None else address


def constants(n, values, scalar=I32):
    return ir.Constant(ir.VectorType(scalar, n), list(values))


def splat(builder, value, n):
    start = ir.Constant(ir.VectorType(value.type, n), ir.Undefined)
    first = builder.insert_element(start, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, start, constants(n, [0] * n))


def call_intrinsic(builder, name, value_type, arguments):
    function_type = ir.FunctionType(value_type, [a.type for a in arguments])
    suffix = f"v{value_type.count}f32"
    function = cgutils.get_or_insert_function(builder.module, function_type, f"{name}.{suffix}")
    return builder.call(function, arguments)
