"""The file of a state: written whole or not at all, read without trust.

The state is nested dicts, lists, tuples, numbers and arrays. On disk it is an uncompressed .npz
archive, arrays as they are and the rest as JSON: nothing in it can be executed, and its checksums
show damage. It is written to a temporary file beside its place, forced to the disk, and renamed:
a reader finds the previous state or the new one, never half of one.
"""

import contextlib
import json
import os
import platform
import re
import stat
import uuid
import zipfile
import zlib
from reprlib import repr as short

import numpy as np

from .._network.state import FORMAT_VERSION, map_leaves, plain


class Unreadable(Exception):
    """A file that holds no state of this format; its text goes on where the file's name ends."""


class Damaged(Unreadable):
    """A file that holds no state."""

    def __init__(self, why):
        super().__init__(f"is damaged or no checkpoint: {why}")


# ---------------------------------------------------------------- writing


def write(path, contents):
    """Replace a file in one step: on the disk is the old one or the new one, at any moment.

    The new one can be read by whom the old one could.
    """
    arrays = []

    def set_apart(value):
        """What JSON can hold: an array is moved to a list and leaves its number."""
        if not isinstance(value, np.ndarray):
            return plain(value)
        arrays.append(value)
        return {"array": len(arrays) - 1}

    contents = {"version": FORMAT_VERSION, **map_leaves(set_apart, contents)}
    text = np.frombuffer(json.dumps(contents).encode(), np.uint8)
    replaced = None
    with contextlib.suppress(FileNotFoundError):
        replaced = os.stat(path)
    temporary = temporary_name(path)
    file = open(temporary, "xb", opener=_opener_like(replaced))  # noqa: SIM115
    try:
        with file:
            np.savez(file, text, *arrays)
            file.flush()
            _keep_owners(file.fileno(), replaced)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _force_to_disk(os.path.dirname(path))


def _opener_like(replaced):
    """Opens a file that nobody can read, not even at first, who could not read the old one."""
    mode = 0o666 if replaced is None else stat.S_IMODE(replaced.st_mode) & 0o777
    return lambda name, flags: os.open(name, flags, mode)


def _keep_owners(descriptor, replaced):
    """Give a file the group, the owner and the permissions of the one that it replaces."""
    if replaced is None or os.name != "posix":
        return
    for owners in ((-1, replaced.st_gid), (replaced.st_uid, -1)):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, *owners)
    mode = stat.S_IMODE(replaced.st_mode)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)


def _force_to_disk(directory):
    """Make a renaming last; only POSIX systems can, and need to, be told."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ---------------------------------------------------------------- what killed processes left


def temporary_name(path):
    """A name that nobody else gives to a file, which says what process writes it."""
    return f"{path}.sksparse_mlp-{_this_host()}-{os.getpid()}-{uuid.uuid4().hex[:16]}.tmp"


def _this_host():
    return f"{zlib.crc32(platform.node().encode()):08x}"


def clear_away_leftovers(path):
    """Delete what processes of this machine that are no more had half written of a file."""
    if os.name != "posix":  # elsewhere, to ask for a process may end it
        return
    name = re.escape(os.path.basename(path))
    pattern = re.compile(rf"{name}\.sksparse_mlp-{_this_host()}-(\d+)-[0-9a-f]{{16}}\.tmp")
    # What cannot be deleted is in nobody's way.
    with contextlib.suppress(OSError), os.scandir(os.path.dirname(path)) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found and not _is_running(int(found[1])) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


def _is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


# ---------------------------------------------------------------- reading


def read(file):
    """What was written to a file that is open.

    Parameters
    ----------
    file : binary file

    Returns
    -------
    dict

    Raises
    ------
    Unreadable
        Where it is no such file.
    """
    try:
        text, *arrays = _arrays_of(file)
        contents = json.loads(text.tobytes())
    except MemoryError:
        raise
    except Exception:  # almost any: what libraries say of strange files is no advice to pass on
        raise Damaged("it is no archive of arrays, or its bytes are not what they were") from None
    if type(contents) is not dict or "version" not in contents:
        raise Damaged("it does not say in what format it is")
    version = contents.pop("version")
    if version != FORMAT_VERSION:
        raise Unreadable(
            f"is in format {short(version)}, and this version of sksparse_mlp reads format "
            f"{FORMAT_VERSION} only"
        )
    return _put_back(contents, arrays)


def _arrays_of(file):
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        # What is written is not compressed, so it is no larger than its file.
        if sum(part.file_size for part in parts) > os.fstat(file.fileno()).st_size:
            raise zipfile.BadZipFile
        by_name = {part.filename: part for part in parts}
        return [_array_of(archive, by_name[f"arr_{i}.npy"]) for i in range(len(parts))]


def _array_of(archive, part):
    """An array, if all of its part of the archive is one; nothing is reserved before."""
    with archive.open(part) as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        size = dtype.itemsize * np.prod(shape, dtype=object)
        if len(shape) != 1 or dtype.hasobject or size != part.file_size - file.tell():
            raise zipfile.BadZipFile
    with archive.open(part) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _put_back(contents, arrays):
    """The contents with their arrays, each of them in one place."""
    left = list(reversed(arrays))

    def part_of(part):
        if isinstance(part, list):
            return [part_of(value) for value in part]
        if not isinstance(part, dict):
            return part
        if part.keys() != {"array"}:
            return {name: part_of(value) for name, value in part.items()}
        if part["array"] != len(arrays) - len(left) or not left:
            raise Damaged("its arrays are not in their places")
        return left.pop()

    try:
        contents = part_of(contents)
    except RecursionError:
        raise Damaged("it is nested too deep") from None
    if left:
        raise Damaged("its arrays are not in their places")
    return contents
