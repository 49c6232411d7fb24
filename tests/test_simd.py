"""Each vector intrinsic against NumPy, called from small compiled adapters."""

import threading
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sksparse_mlp._kernels.jit import FASTMATH
from sksparse_mlp._kernels.simd import (
    add_vsums,
    add_vsums_apart,
    atomic_add,
    atomic_load,
    bare,
    load,
    load_float32,
    load_float64,
    load_int32,
    load_int64,
    none_positive,
    prefetch,
    prefetch_address,
    store,
    vadd,
    vdiv,
    vdrop,
    vexp,
    vflush,
    vfma,
    vload,
    vmul,
    vnormal,
    vproduct,
    vselect_less,
    vsplat,
    vstore,
    vsub,
    vsum,
    yield_processor,
)

all_lanes = pytest.mark.parametrize("n", [2, 4, 8, 16, 32])
adapter = numba.njit(nogil=True, error_model="numpy", fastmath=FASTMATH)


def lanes_tuple(n):
    """The form in which kernels take a number of lanes."""
    return (0,) * (n.bit_length() - 1)


@cache
def vectors(n):
    """Five vectors of normal numbers."""
    return np.random.default_rng(n).normal(size=(5, n)).astype(np.float32)


# ---------------------------------------------------------------- lane by lane


@adapter
def lane_by_lane(lanes, inputs, out):
    """Every operation from vectors to a vector, one row of ``out`` each."""
    source, target, n = bare(inputs), bare(out), 1 << len(lanes)
    a, b = vload(source, 0, lanes), vload(source, n, lanes)
    c, d = vload(source, 2 * n, lanes), vload(source, 3 * n, lanes)
    vstore(target, 0, vadd(a, b))
    vstore(target, n, vsub(a, b))
    vstore(target, 2 * n, vmul(a, b))
    vstore(target, 3 * n, vdiv(a, b))
    vstore(target, 4 * n, vfma(a, b, c))
    vstore(target, 5 * n, vexp(a))
    vstore(target, 6 * n, vselect_less(a, b, c, d))
    vstore(target, 7 * n, vflush(a))
    vstore(target, 8 * n, vsplat(inputs[0, 1], lanes))
    vstore(target, 9 * n, a)


EXPECTED = {
    "vadd": lambda a, b, c, d: a + b,
    "vsub": lambda a, b, c, d: a - b,
    "vmul": lambda a, b, c, d: a * b,
    "vdiv": lambda a, b, c, d: a / b,
    "vfma": lambda a, b, c, d: a.astype(np.float64) * b + c,
    "vexp": lambda a, b, c, d: np.exp(a.astype(np.float64)),
    "vselect_less": lambda a, b, c, d: np.where(a < b, c, d),
    "vflush": lambda a, b, c, d: np.where(abs(a) < 1e-30, np.float32(0), a),
    "vsplat": lambda a, b, c, d: np.full_like(a, a[1]),
    "vload and vstore": lambda a, b, c, d: a,
}


def apply(operation, inputs):
    """The result of one operation on (some of) four vectors."""
    out = np.zeros((len(EXPECTED), inputs.shape[1]), np.float32)
    lane_by_lane(lanes_tuple(inputs.shape[1]), inputs, out)
    return out[list(EXPECTED).index(operation)]


def apply_to(operation, *values):
    """The same on vectors that repeat single numbers, four lanes wide; the first lane's result."""
    inputs = np.zeros((4, 4), np.float32)
    inputs[: len(values)] = np.array(values, np.float32)[:, None]
    return apply(operation, inputs)[0]


@all_lanes
@pytest.mark.parametrize("operation", EXPECTED)
def test_lane_by_lane(operation, n):
    inputs = vectors(n)
    assert_allclose(apply(operation, inputs), EXPECTED[operation](*inputs[:4]), rtol=3e-7)


@pytest.mark.parametrize(("x", "y"), [(np.nan, 0), (0, np.nan), (np.nan, np.nan), (1, 1), (2, 1)])
def test_select_less_takes_otherwise_unless_less(x, y):
    assert apply_to("vselect_less", x, y, 10, 20) == 20


@pytest.mark.parametrize(("x", "y"), [(1, 2), (-np.inf, np.inf), (0, 1e-45)])
def test_select_less_takes_then_where_less(x, y):
    assert apply_to("vselect_less", x, y, 10, 20) == 10


@pytest.mark.parametrize("operation", ["vadd", "vsub", "vmul", "vdiv", "vfma", "vexp", "vflush"])
def test_nan_propagates(operation):
    assert np.isnan(apply_to(operation, np.nan, 1, 1))


@pytest.mark.parametrize("value", [1e-31, -1e-31, 1e-45, 0.0])
def test_flush_makes_next_to_nothing_zero(value):
    assert apply_to("vflush", value) == 0


@pytest.mark.parametrize("value", [1e-29, -1e-29, np.inf, -np.inf])
def test_flush_leaves_everything_else(value):
    assert apply_to("vflush", value) == np.float32(value)


def test_exp_is_accurate_over_the_range_of_float32():
    x = np.linspace(-86, 87, 4 * 10_000, dtype=np.float32).reshape(-1, 4)
    found = np.array([apply("vexp", np.stack([row] * 4)) for row in x[::10]])
    assert_allclose(found, np.exp(x[::10].astype(np.float64)), rtol=2.5e-7)


@pytest.mark.parametrize(("x", "low", "high"), [(-1e4, 0, 1e-37), (-np.inf, 0, 1e-37)])
def test_exp_of_very_negative_numbers_is_next_to_nothing(x, low, high):
    assert low <= apply_to("vexp", x) < high


@pytest.mark.parametrize("x", [1e4, np.inf])
def test_exp_of_very_large_numbers_is_huge(x):
    assert apply_to("vexp", x) > 1e38


# ---------------------------------------------------------------- sums over the lanes


@adapter
def reduce(lanes, inputs, out):
    """Sum, dot product, and whether no lane is positive."""
    a = vload(bare(inputs), 0, lanes)
    b = vload(bare(inputs), 1 << len(lanes), lanes)
    out[0], out[1], out[2] = vsum(a), vsum(vproduct(a, b)), none_positive(a)


@adapter
def dots(lanes, inputs, out, at):
    """Four dot products with the first row, added to ``out[at:at + 4]``."""
    source, n = bare(inputs), 1 << len(lanes)
    a, b0, b1 = vload(source, 0, lanes), vload(source, n, lanes), vload(source, 2 * n, lanes)
    b2, b3 = vload(source, 3 * n, lanes), vload(source, 4 * n, lanes)
    p0, p1, p2, p3 = vproduct(a, b0), vproduct(a, b1), vproduct(a, b2), vproduct(a, b3)
    add_vsums(bare(out), at, p0, p1, p2, p3)


@adapter
def sums_apart(lanes, inputs, out, at, apart):
    """Four sums, added to ``out[at]``, ``out[at + apart]``, ..."""
    source, n = bare(inputs), 1 << len(lanes)
    a, b = vload(source, 0, lanes), vload(source, n, lanes)
    c, d = vload(source, 2 * n, lanes), vload(source, 3 * n, lanes)
    add_vsums_apart(bare(out), at, apart, a, b, c, d)


def reduced(inputs):
    """Sum, dot product, and whether no lane is positive."""
    out = np.zeros(3, np.float32)
    reduce(lanes_tuple(inputs.shape[1]), inputs, out)
    return out


@all_lanes
def test_sum(n):
    inputs = vectors(n)
    assert_allclose(reduced(inputs)[0], inputs[0].astype(np.float64).sum(), atol=1e-6)


@all_lanes
def test_dot(n):
    inputs = vectors(n)
    assert_allclose(reduced(inputs)[1], inputs[0].astype(np.float64) @ inputs[1], atol=1e-6)


@all_lanes
def test_sum_is_a_fixed_tree(n):
    inputs = vectors(n)
    total = inputs[0]
    while total.size > 1:
        half = total.size // 2
        total = total[:half] + total[half:]
    assert reduced(inputs)[0] == total[0]


@all_lanes
def test_four_dots(n):
    inputs = vectors(n)
    out = np.full(6, 100, np.float32)
    dots(lanes_tuple(n), inputs, out, 1)
    assert_allclose(out[1:5], inputs[1:].astype(np.float64) @ inputs[0] + 100, atol=1e-5)
    assert_array_equal(out[[0, 5]], 100)


def test_four_sums_are_a_fixed_tree():
    inputs = vectors(8)
    out = np.zeros(4, np.float32)
    sums_apart(lanes_tuple(8), inputs, out, 0, 1)
    quarters = inputs[:4].reshape(4, 2, 2, 2)
    pairs = quarters[:, :, 0] + quarters[:, :, 1]
    fours = pairs[..., 0] + pairs[..., 1]
    assert_array_equal(out, fours[:, 0] + fours[:, 1])


@pytest.mark.parametrize("n", [2, 4, 8])
def test_four_sums_apart(n):
    inputs = vectors(n)
    out = np.full(12, 100, np.float32)
    sums_apart(lanes_tuple(n), inputs, out, 1, 3)
    expected = np.full(12, 100.0)
    expected[1:11:3] += inputs[:4].sum(axis=1, dtype=np.float64)
    assert_allclose(out, expected, atol=1e-5)


@all_lanes
def test_none_positive_of_zeros_and_negative_numbers(n):
    inputs = -abs(vectors(n))
    inputs[0, :2] = 0.0, -0.0
    assert reduced(inputs)[2] == 1


@all_lanes
@pytest.mark.parametrize("value", [1e-45, 1.0, np.inf, np.nan])
def test_one_positive_or_nan_lane_is_enough(n, value):
    inputs = -abs(vectors(n))
    inputs[0, n - 1] = value
    assert reduced(inputs)[2] == 0


# ---------------------------------------------------------------- randomness


@adapter
def drop(lanes, keys, values, threshold, scale, out):
    """Dropout of one vector for each key."""
    n = 1 << len(lanes)
    for i in range(keys.size):
        x = vload(bare(values), 0, lanes)
        vstore(bare(out), i * n, vdrop(x, keys[i], threshold, scale))


@adapter
def draw(lanes, keys, out):
    """One vector of normal numbers for each key."""
    for i in range(keys.size):
        vstore(bare(out), i << len(lanes), vnormal(keys[i], lanes))


@cache
def keys_of_units(n_keys):
    """Keys as the kernels make them for neighbouring neurons."""
    return np.array([reference.derive(12345, unit) for unit in range(n_keys)], np.uint64)


def kept_lanes(n, n_keys, rate):
    """Which lanes dropout keeps."""
    out = np.zeros((n_keys, n), np.float32)
    threshold, one = np.uint64(round(rate * 2**32)), np.float32(1)
    drop(lanes_tuple(n), keys_of_units(n_keys), np.ones(n, np.float32), threshold, one, out)
    return out == 1


def normal_lanes(n, n_keys):
    """Normal numbers."""
    out = np.zeros((n_keys, n), np.float32)
    draw(lanes_tuple(n), keys_of_units(n_keys), out)
    return out


@all_lanes
def test_drop_equals_the_twins(n):
    hashes = reference.hash_lanes(keys_of_units(50)[:, None], np.arange(n))
    assert_array_equal(kept_lanes(n, 50, 0.3), reference.dropout_mask(hashes, 0.3) > 0)


def test_drop_scales_what_it_keeps():
    values, out = vectors(4)[0], np.zeros((50, 4), np.float32)
    scale = np.float32(2.5)
    drop(lanes_tuple(4), keys_of_units(50), values, np.uint64(2**31), scale, out)
    kept = np.broadcast_to(values * scale, out.shape)[out != 0]
    assert_array_equal(out[out != 0], kept)


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.5, 0.9])
def test_drop_rate(rate):
    kept = kept_lanes(32, 20_000, rate)
    deviation = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * deviation


def test_no_lane_and_no_key_is_dropped_more_often():
    kept = kept_lanes(32, 20_000, 0.5)
    of_lanes = stats.chisquare(kept.sum(axis=0)).statistic * 2
    of_keys = ((kept.sum(axis=1) - 16) ** 2 / 8).sum()
    assert stats.chi2(31).sf(of_lanes) > 1e-3
    assert 1e-3 < stats.chi2(20_000).sf(of_keys) < 1 - 1e-3


@pytest.mark.parametrize("apart", [0, 1, 2], ids=lambda apart: f"{apart} neurons apart")
def test_drops_are_uncorrelated(apart):
    kept = kept_lanes(32, 20_000, 0.5) * 2.0 - 1.0
    products = kept[apart:].T @ kept[: len(kept) - apart] / np.sqrt(len(kept) - apart)
    if apart == 0:
        products = products[np.triu_indices(32, k=1)]
    assert abs(products).max() < 4.5


@all_lanes
def test_normal_numbers_equal_the_twins(n):
    keys, lanes = keys_of_units(50)[:, None], np.arange(n)
    low = reference.hash_lanes(keys, lanes)
    high = reference.hash_lanes(keys ^ np.uint64(0x5851F42D), lanes)
    expected = reference.normal_of_hashes(low, high)
    assert_allclose(normal_lanes(n, 50), expected, rtol=1e-6, atol=1e-6)


@cache
def exact_distribution():
    """Values and probabilities of the normal numbers, if the hashes are uniform."""
    sums_of_two = (2.0**16 - abs(np.arange(2**17 - 1) - (2**16 - 1))) / 2**32
    size = 2 * sums_of_two.size - 1
    sums_of_four = np.fft.irfft(np.fft.rfft(sums_of_two, 2**18) ** 2, 2**18)[:size]
    return reference.normal_of_sum(np.arange(size)), sums_of_four


@pytest.mark.parametrize(
    ("power", "moment", "tolerance"), [(1, 0, 1e-9), (2, 1, 1e-3), (3, 0, 1e-9), (4, 3, 0.04)]
)
def test_moments_of_the_exact_distribution(power, moment, tolerance):
    values, probabilities = exact_distribution()
    assert abs(values**power @ probabilities - moment) < tolerance


def test_the_exact_distribution_is_normal():
    values, probabilities = exact_distribution()
    error = np.cumsum(probabilities) - stats.norm.cdf(values)
    assert abs(error).max() < 4e-4


@pytest.mark.parametrize(("power", "moment"), [(1, 0), (2, 1), (3, 0), (4, 3)])
def test_moments_of_normal_numbers(power, moment):
    x = normal_lanes(32, 20_000).astype(np.float64).ravel() ** power
    assert abs(x.mean() - moment) < 4 * x.std() / np.sqrt(x.size) + 0.04 * (power == 4)


def test_kolmogorov_distance_of_normal_numbers():
    x = normal_lanes(32, 20_000).ravel()
    assert stats.kstest(x.astype(np.float64), "norm").statistic < 1.63 / np.sqrt(x.size) + 4e-4


@pytest.mark.parametrize("apart", [0, 1], ids=lambda apart: f"{apart} features apart")
def test_normal_numbers_are_uncorrelated(apart):
    x = normal_lanes(32, 20_000)
    products = x[apart:].T @ x[: len(x) - apart] / np.sqrt(len(x) - apart)
    if apart == 0:
        products = products[np.triu_indices(32, k=1)]
    assert abs(products).max() < 4.5


# ---------------------------------------------------------------- memory


class Record(NamedTuple):
    """A number and two arrays."""

    number: int
    floats: np.ndarray
    shorts: np.ndarray


@adapter
def read_fields(record, i):
    """Fields of a record whose arrays are pointers."""
    record = bare(record)
    return record.number, load(record.floats, i), load(record.shorts, i)


@adapter
def write(values, i, value):
    """``values[i] = value``, asking for the cache line before."""
    prefetch(bare(values), i)
    store(bare(values), i, value)


@adapter
def read_address(address):
    """The number at an address, read as each of four types; first asks for it, and for nothing."""
    prefetch_address(address)
    prefetch_address(0)
    return (
        load_float32(address),
        load_float64(address),
        load_int32(address),
        load_int64(address),
    )


@adapter
def count_up(counter, times):
    """Add one to a shared number many times; returns what is there then."""
    for _ in range(times):
        atomic_add(bare(counter), 0, 1)
        yield_processor()
    return atomic_load(bare(counter), 0)


def test_records_lose_their_arrays_and_nothing_else():
    record = Record(7, np.arange(5, dtype=np.float32), np.arange(5, 10, dtype=np.int32))
    assert read_fields(record, 3) == (7, 3.0, 8)


@pytest.mark.parametrize(("dtype", "value"), [(np.int32, -5), (np.uint32, 2**32 - 5)])
def test_short_integers_keep_their_sign(dtype, value):
    record = Record(0, np.zeros(1, np.float32), np.array([value], dtype))
    assert read_fields(record, 0)[2] == value


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint32])
def test_store_casts_to_the_type_of_the_memory(dtype):
    values = np.zeros(3, dtype)
    write(values, 1, 7)
    assert_array_equal(values, [0, 7, 0])


@pytest.mark.parametrize(
    ("position", "dtype"), [(0, np.float32), (1, np.float64), (2, np.int32), (3, np.int64)]
)
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_numbers_are_read_at_any_address(position, dtype, offset):
    memory = np.frombuffer(np.random.default_rng(0).bytes(16), np.uint8).copy()
    size = np.dtype(dtype).itemsize
    (expected,) = memory[offset : offset + size].copy().view(dtype)
    assert_array_equal(read_address(memory.ctypes.data + offset)[position], expected)


def test_no_count_is_lost_between_threads():
    counter = np.zeros(1, np.int64)
    members = [threading.Thread(target=count_up, args=(counter, 10_000)) for _ in range(3)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    assert count_up(counter, 0) == 30_000
