"""States with one thing changed: every place, and what a hostile hand might put there."""

import copy

import numpy as np

TEXTS = ("", "?", "tanh", "srelu", "sgd", "adam", "guided", "set", "normal", "xavier", "relu")
BIG = (2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, 2**63, 10**30)
# How often an array is chosen where a number is chosen once: most of it is in its elements.
ELEMENTS, WHOLE = 6, 3


def places(state, path=()):
    """Paths to all parts of a state, arrays several times."""
    if isinstance(state, dict):
        parts = state.items()
    elif isinstance(state, (list, tuple)):
        parts = enumerate(state)
    else:
        parts = ()
    for name, part in parts:
        n_times = ELEMENTS + WHOLE if isinstance(part, np.ndarray) else 1
        yield from [(*path, name)] * n_times
        yield from places(part, (*path, name))


def part_at(state, path):
    for name in path:
        state = state[name]
    return state


def tampered(state, path, rng):
    """A copy of a state with another value at a place."""
    state = copy.deepcopy(state)
    owner = part_at(state, path[:-1])
    owner[path[-1]] = other_value(owner[path[-1]], rng)
    return state


def one_of(values, rng):
    return values[rng.integers(len(values))]


def other_value(value, rng):
    """Something else instead of a value."""
    if isinstance(value, np.ndarray):
        return other_array(value, rng)
    if isinstance(value, bool):
        return one_of([not value, int(value), None, "yes", float("nan")], rng)
    if isinstance(value, int):
        near = [-value - 1, value - 1, value + 1, 2 * value + 3, 0, -(2**63)]
        return one_of([*near, *BIG, True, float(value), "1", None, [value], np.int8(1)], rng)
    if isinstance(value, float):
        special = [float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, 0.0]
        return one_of([*special, -value - 1, value + 0.5, 1, "x", None, [value], True], rng)
    if isinstance(value, str):
        return one_of([*TEXTS, value + "x", None, 1, value.encode(), [value]], rng)
    if isinstance(value, dict):
        return other_dict(value, rng)
    if isinstance(value, (list, tuple)):
        return other_list(list(value), rng)
    return one_of([0, 1.0, "x", {}, [], np.ones(3, np.float32), [None]], rng)


def other_dict(value, rng):
    names = list(value)
    if not names:
        return {"more": 1}
    name = one_of(names, rng)
    rest = {other: part for other, part in value.items() if other != name}
    renamed = {**rest, "renamed": value[name]}
    return one_of([rest, renamed, {**value, "more": 1}, {**value, 7: 1}, {}, None, names], rng)


def other_list(value, rng):
    swapped = [[], value[:-1], value + value[-1:], value + [None], [value], tuple(value)]
    return one_of([*swapped, value[::-1], None, "x", dict(enumerate(value)), np.array([1.0])], rng)


def other_array(array, rng):
    """Another element, or another array."""
    if array.size and array.dtype.kind in "iuf" and rng.random() < ELEMENTS / (ELEMENTS + WHOLE):
        return with_other_element(array, rng)
    kinds = ("f8", "i8", "i4", "u4", ">f4", "?", "O", "c16") if array.dtype.kind in "iuf" else "O"
    strange = [array.astype(kind) for kind in kinds]
    shaped = [array[:-1], np.append(array, array[-1:]), array.reshape(1, -1), array[:0]]
    doubled = np.repeat(array, 2)[::2]
    hidden = np.ma.masked_array(np.roll(array, 1), mask=True)
    others = [array[::-1], doubled, hidden, array.tolist(), None, "x", 0]
    return one_of([*strange, *shaped, *others], rng)


def with_other_element(array, rng):
    array, at = array.copy(), rng.integers(array.size)
    if array.dtype.kind == "f":
        value = array[at]
        wrong = [np.nan, np.inf, -np.inf, -value, -1.0, 3e38, -3e38, 1e-45, 0.0, value * 1e6]
        array[at] = one_of(wrong, rng)
        return array
    limits = np.iinfo(array.dtype)
    value = int(array[at])
    wrong = [value - 1, value + 1, -1, 2**30, limits.min, limits.max, 0, value ^ 64]
    array[at] = np.clip(one_of(wrong, rng), limits.min, limits.max)
    return array
