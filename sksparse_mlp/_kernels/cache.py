"""Compiled kernels on disk, safe to share: between processes, machines, and versions of this code.

Numba's own cache keeps an index of numbered files for each function. Processes that compile at
once can read the same index and take the same number for different types, after which the code
found under a type is that of another; one that dies between writing the index and the code leaves
code of an older version behind. Here there is no index: the name of a file follows from all that
its code depends on, its contents are checked, and it appears complete or not at all. A file that
cannot be read or written costs time, never a result.
"""

import functools
import hashlib
import pathlib
import pickle
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

        def load_overload(self, sig, target_context):
            """Compiled code for a signature, or None."""
            try:
                return super().load_overload(sig, target_context)
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
        """The code for a key, or None where the file is damaged; OSError where there is none."""
        contents = self._path(key).read_bytes()
        checksum, payload = contents[:DIGEST_SIZE], contents[DIGEST_SIZE:]
        if DIGEST(payload).digest() != checksum:
            return None
        stored_key, data = pickle.loads(payload)
        return data if stored_key == key else None

    def save(self, key, data):
        """Write the code for a key in one step, and remove what older versions have left."""
        from numba.core.serialize import dumps

        payload = dumps((key, data))
        path = self._path(key)
        temporary = self.directory / f"{path.name}.{uuid.uuid4().hex[:16]}.tmp"
        try:
            temporary.write_bytes(DIGEST(payload).digest() + payload)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        for other in self.directory.glob(f"{self.base}.*.nbc"):
            if not other.name.startswith(f"{self.base}.{self.version}."):
                other.unlink(missing_ok=True)

    def flush(self):
        """Forget everything."""
        for path in self.directory.glob(f"{self.base}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key):
        name = f"{self.base}.{self.version}.{_short_digest(str(key).encode())}.nbc"
        return self.directory / name


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
    global _has_warned
    if _has_warned:
        return
    _has_warned = True
    warnings.warn(
        f"Compiled kernels cannot be kept ({reason}): sksparse_mlp compiles them anew in each "
        "process. Set NUMBA_CACHE_DIR to a writable directory to compile only once.",
        RuntimeWarning,
        stacklevel=4,
    )
