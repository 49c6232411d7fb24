"""Compiled kernels on disk, safe to share: between processes, machines, and versions of this code.

Numba's own cache keeps an index of numbered files for each function. Processes that compile at
once can read the same index and take the same number for different types, after which the code
found under a type is that of another; one that dies between writing the index and the code leaves
code of an older version behind. Here there is no index: the name of a file follows from all that
its code depends on, its contents are checked, and it appears complete or not at all. A file that
cannot be read or written costs time, never a result.

What is unpickled can do anything: only files are, that nobody but this user, or root, can write.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import pickle
import stat
import uuid
import warnings

import numba

DIGEST = hashlib.sha256
DIGEST_SIZE = DIGEST().digest_size
_has_warned = False


def kernel_cache(function):
    """The disk cache of one kernel.

    Parameters
    ----------
    function : callable
        The function that is compiled.

    Raises
    ------
    RuntimeError
        No directory is writable.
    ImportError, AttributeError
        This version of Numba has other private interfaces.
    """
    from numba.core.caching import FunctionCache

    class KernelCache(FunctionCache):
        """Numba's interface to a cache; whatever fails in it costs time only."""

        def __init__(self, py_func):
            super().__init__(py_func)
            directory = pathlib.Path(self._cache_path)
            self._cache_file = _KernelFiles(directory, self._impl.filename_base)

        def holds(self, first):
            """Whether there seems to be code for a first argument of this type."""
            return self._cache_file.has_any((first,))

        def load_overload(self, sig, target_context):
            """Compiled code for a signature, or None."""
            try:
                return super().load_overload(sig, target_context)
            except Untrusted as error:
                warn_that_files_are_ignored(str(error))
                return None
            except Exception:  # another version of Numba may raise anything here
                return None

        def save_overload(self, sig, data):
            """Keep compiled code, if the disk lets us."""
            try:
                super().save_overload(sig, data)
            except Exception as error:
                warn_that_nothing_is_kept(str(error))

    return KernelCache(function)


class _KernelFiles:
    """One file for each signature: a checksum, then the pickled signature and code."""

    def __init__(self, directory, base):
        self.directory, self.base = directory, base
        self.version = _short_digest(f"{numba.__version__} {digest_of_sources()}".encode())

    def load(self, key):
        """The code for a key, or None where the file is damaged.

        OSError where there is none, and Untrusted where others may have written it.
        """
        path = self._path(key)
        with path.open("rb") as file:
            check_that_nobody_else_writes(self.directory, self.directory.stat())
            check_that_nobody_else_writes(path, os.fstat(file.fileno()))
            contents = file.read()
        checksum, payload = contents[:DIGEST_SIZE], contents[DIGEST_SIZE:]
        if DIGEST(payload).digest() != checksum:
            return None
        stored_key, data = pickle.loads(payload)
        return data if stored_key == key else None

    def save(self, key, data):
        """Write the code for a key in one step, and remove what older versions have left."""
        from numba.core.serialize import dumps

        check_that_nobody_else_writes(self.directory, self.directory.stat())
        payload = dumps((key, data))
        path = self._path(key)
        temporary = self.directory / f"{path.name}.{uuid.uuid4().hex[:16]}.tmp"
        try:
            with open(temporary, "xb", opener=_open_for_me_alone) as file:
                file.write(DIGEST(payload).digest() + payload)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        for other in self.directory.glob(f"{self.base}.*.nbc"):
            if not other.name.startswith(f"{self.base}.{self.version}."):
                with contextlib.suppress(OSError):  # it may belong to somebody else
                    other.unlink()

    def flush(self):
        """Forget everything."""
        for path in self.directory.glob(f"{self.base}.*.nbc"):
            path.unlink(missing_ok=True)

    def has_any(self, first):
        """Whether there are files for signatures that begin with a type."""
        return any(self.directory.glob(f"{self.base}.{self.version}.{_digest_of(first)}-*.nbc"))

    def _path(self, key):
        signature, *_ = key
        name = f"{_digest_of(signature[:1])}-{_digest_of(key)}"
        return self.directory / f"{self.base}.{self.version}.{name}.nbc"


def _open_for_me_alone(name, flags):
    """Nobody else can write the file, whatever files are usually made like here."""
    return os.open(name, flags, 0o644)


class Untrusted(Exception):
    """Files that somebody else may have written."""


def check_that_nobody_else_writes(path, status):
    """Raise :class:`Untrusted` where others than this user and root may have written a file.

    They may where it is theirs, or its permissions let them. A directory lets them replace files;
    one that is sticky does not, and one that a group can write to is no danger, because many
    systems make all so, and files of others are told by their owner. Only POSIX systems say who
    may; elsewhere the folders of a user have to be protected by the system.

    Parameters
    ----------
    path : pathlib.Path
        A file or directory.
    status : os.stat_result
        What the system says of it.
    """
    if os.name != "posix":
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise Untrusted(f"{path} belongs to another user")
    others = stat.S_IWGRP | stat.S_IWOTH
    if stat.S_ISDIR(status.st_mode):
        others = 0 if status.st_mode & stat.S_ISVTX else stat.S_IWOTH
    if status.st_mode & others:
        raise Untrusted(f"others may write to {path}")


def _digest_of(types):
    return _short_digest(str(types).encode())


def _short_digest(contents):
    return DIGEST(contents).hexdigest()[:16]


@functools.cache
def digest_of_sources(folder=pathlib.Path(__file__).parent):
    """The contents of all that kernels can call: of every file in their folder and below it.

    Numba looks at the time and size of one file alone, which an edit need not change.
    """
    digest = DIGEST()
    for file in sorted(folder.rglob("*.py")):
        contents = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()} {len(contents)} ".encode() + contents)
    return digest.hexdigest()


def warn_that_nothing_is_kept(reason):
    """Say so, in a process once."""
    _warn_once(
        f"Compiled kernels cannot be kept ({reason}): sksparse_mlp compiles them anew in each "
        "process. Set NUMBA_CACHE_DIR to a directory that you alone can write to, to compile once."
    )


def warn_that_files_are_ignored(reason):
    """Say so, if nothing was said before."""
    _warn_once(
        f"Compiled kernels on disk are ignored ({reason}): sksparse_mlp compiles its own. Set "
        "NUMBA_CACHE_DIR to a directory that you alone can write to."
    )


def _warn_once(message):
    global _has_warned
    if not _has_warned:
        _has_warned = True
        warnings.warn(message, RuntimeWarning, stacklevel=5)
