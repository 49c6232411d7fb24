"""What Numba has compiled so far, and a fork that waits for what it is compiling."""

import functools
import os

import numba


def is_compiled(kernel, first):
    """Whether a kernel can be called at once in this process.

    Parameters
    ----------
    kernel : numba.core.dispatcher.Dispatcher
    first : object
        The first argument of the calls to come; it decides what types the others have.
    """
    # Where Numba may not compile, a kernel is a plain function, which says so.
    kind = _type_of_lanes(first) if type(first) is tuple else numba.typeof(first)
    # An OrderedDict's own iterator looks each key up, which is to hash all types of a signature.
    compiled = [arguments[0] for arguments in dict.keys(getattr(kernel, "overloads", {}))]
    return any(one is kind or one == kind for one in compiled)


# Numba takes longer to tell the type of a tuple than to predict a sample.
_type_of_lanes = functools.cache(numba.typeof)


def is_at_hand(kernel, first):
    """Whether a kernel is compiled, or seems to be kept on the disk; arguments as above."""
    holds = getattr(getattr(kernel, "_cache", None), "holds", lambda _: False)
    return is_compiled(kernel, first) or holds(numba.typeof(first))


def n_compilations(kernels):
    """How often kernels were compiled, not loaded, in this process; one that goes on counts."""
    statistics = [kernel.stats for kernel in kernels if hasattr(kernel, "stats")]
    return sum(sum(each.cache_misses.values()) for each in statistics)


def let_forks_wait():
    """A fork while another thread compiles would leave the child a lock that nobody opens."""
    try:
        from numba.core.compiler_lock import global_compiler_lock as lock

        acquire, release = lock.acquire, lock.release
    except (ImportError, AttributeError):  # another version of Numba has no such lock
        return
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=acquire, after_in_parent=release, after_in_child=release)


let_forks_wait()
