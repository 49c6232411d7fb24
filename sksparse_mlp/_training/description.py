"""Parameters as text: the same for equal ones, another one for any that may give another result.

Numbers are told apart by value, sequences and arrays by what they hold, functions of the user by
what they do: their code, their defaults, what they close over, the globals that they name, and so
on from function to function. What an installed package defines is known by its name. An object
that a function merely uses, such as an open file or a random generator, counts by its class.
"""

import dis
import functools
import os
import sys
import sysconfig
from collections.abc import Sequence, Set
from hashlib import blake2b
from numbers import Number
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)

import numpy as np

from .._network.state import plain

# Arrays of more numbers are told apart by a hash.
LONG = 1000
# What C defines is known by its name.
BY_NAME = (
    BuiltinFunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
    np.ufunc,
)
# Instructions that read a global.
GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME")
# Functions of classes that say nothing about what an instance does.
ANNOTATIONS = ("__annotate__", "__annotate_func__")


def described(value):
    """A parameter as text.

    Raises
    ------
    ValueError
        Where nothing tells an object from another one of its class.
    """
    try:
        return _Describer().text(value)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


class _Describer:
    def __init__(self):
        # Functions and classes that were described already, and containers that are being.
        self.known, self.open = set(), []

    def text(self, value, whole=True):
        """The text of a value; ``whole`` is false where a function merely uses it."""
        value = plain(value)
        if isinstance(value, bool) or not isinstance(value, Number):
            return self._of_container(value, whole)
        try:
            return repr(float(value)) if float(value) == value else repr(value)
        except (OverflowError, TypeError):
            return repr(value)

    def _of_container(self, value, whole):
        if value is None or value is Ellipsis or isinstance(value, (bool, str, bytes)):
            return repr(value)
        if any(value is other for other in self.open):
            return "<itself>"
        self.open.append(value)
        try:
            return self._of_parts(value, whole)
        finally:
            self.open.pop()

    def _of_parts(self, value, whole):
        if isinstance(value, dict):
            pairs = [(self.text(key, whole), self.text(v, whole)) for key, v in value.items()]
            return f"{{{', '.join(f'{key}: {v}' for key, v in sorted(pairs))}}}"
        if isinstance(value, Set):
            return f"{{{', '.join(sorted(self.text(part, whole) for part in value))}}}"
        if isinstance(value, Sequence):
            return f"[{', '.join(self.text(part, whole) for part in value)}]"
        is_array = whole and hasattr(value, "__array__") and not isinstance(value, type)
        if is_array or isinstance(value, np.ndarray):
            return self._of_array(np.asarray(value), whole)
        return self._of_object(value, whole)

    def _of_array(self, array, whole):
        if array.size <= LONG or array.dtype.kind not in "biuf":
            return self.text(array.tolist(), whole)
        contents = blake2b(np.ascontiguousarray(array), digest_size=16).hexdigest()
        return f"{array.dtype} of shape {array.shape}: {contents}"

    # ------------------------------------------------------------ code

    def _of_object(self, value, whole):
        if isinstance(value, FunctionType):
            return self._of_function(value)
        if isinstance(value, type):
            return self._of_class(value)
        if isinstance(value, CodeType):
            return self._of_code(value)
        if isinstance(value, ModuleType):
            return value.__name__
        if isinstance(value, MethodType):
            return f"{self.text(value.__func__)} of {self.text(value.__self__, whole)}"
        if isinstance(value, functools.partial):
            return f"partial{self.text((value.func, value.args, value.keywords), whole)}"
        if isinstance(value, BY_NAME):
            return _name_of(value)
        if hasattr(value, "__wrapped__"):
            return f"{_name_of(type(value))} around {self.text(value.__wrapped__)}"
        return self._of_state(value) if whole else _name_of(type(value))

    def _of_state(self, value):
        """What makes a copy of an object: its class, and its state."""
        try:
            made = value.__reduce_ex__(2)
        except Exception as error:  # any: it is the object's own
            raise ValueError(f"nothing tells it from another {type(value).__name__}") from error
        if isinstance(made, str):
            return f"{_name_of(type(value))} {made}"
        made_by, *how = made
        parts = [list(part) if hasattr(part, "__next__") else part for part in how]
        return f"{_name_of(made_by)}{self.text(parts)}"

    def _of_class(self, cls):
        name = _name_of(cls)
        if name in self.known or _is_installed(cls.__module__):
            return name
        self.known.add(name)
        bases = [base for base in cls.__bases__ if base is not object]
        return f"{name}{self.text(bases)}{self.text(_members_of(cls), whole=False)}"

    def _of_function(self, function):
        name = _name_of(function)
        if function in self.known or _is_installed(function.__module__):
            return name
        self.known.add(function)
        parts = [
            function.__code__,
            function.__defaults__,
            function.__kwdefaults__,
            [_content_of(cell) for cell in function.__closure__ or ()],
            _used_globals(function),
        ]
        return f"{name}{self.text(parts, whole=False)}"

    def _of_code(self, code):
        parts = [
            code.co_code,
            code.co_consts,
            code.co_names,
            code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
            code.co_flags,
            code.co_exceptiontable,
        ]
        return self.text(parts)


def _name_of(value):
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    name = name or type(value).__qualname__
    return f"{getattr(value, '__module__', None)}.{name}"


def _members_of(cls):
    """What a class holds by itself: not what Python keeps there for its own use."""
    found = {}
    for name, member in vars(cls).items():
        if isinstance(member, property):
            member = [member.fget, member.fset]
        member = getattr(member, "__func__", member)
        of_python = name.startswith("__") and not isinstance(member, FunctionType)
        if not of_python and name not in ANNOTATIONS:
            found[name] = member
    return found


def _content_of(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return "an empty cell"


def _used_globals(function):
    """The globals that a function names, and what it names of the user's modules, by name."""
    names, read, codes = set(), set(), [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        read |= {step.argval for step in dis.get_instructions(code) if step.opname in GLOBALS}
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
    found = {name: v for name, v in function.__globals__.items() if name in read}
    modules = [v for v in found.values() if isinstance(v, ModuleType)]
    for module in modules:
        if not _is_installed(module.__name__):
            own = {f"{module.__name__}.{n}": v for n, v in vars(module).items() if n in names}
            found |= own
    return found


def _is_installed(name):
    """Whether a module is of Python or of a package: code that is known by its name."""
    if name in ("__main__", None) or name not in sys.modules:
        return False
    file = getattr(sys.modules[name], "__file__", None)
    if file is None:
        return True
    folders = os.path.dirname(file).split(os.sep)
    in_python = os.path.realpath(file).startswith(os.path.realpath(sysconfig.get_path("stdlib")))
    return in_python or bool({"site-packages", "dist-packages"} & set(folders))
