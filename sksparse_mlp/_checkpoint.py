"""Training that survives a kill at any moment: its whole state in one file, replaced in one step.

The state is nested dicts, lists, tuples, numbers and arrays. On disk it is an uncompressed .npz
archive, arrays as they are and the rest as JSON: nothing in it can be executed, and its checksums
show damage. It is written to a temporary file beside its place, forced to the disk, and renamed:
a reader finds the previous state or the new one, never half of one.
"""

import contextlib
import glob
import json
import os
import re
import time
import uuid
import warnings
from dataclasses import asdict
from hashlib import blake2b
from numbers import Integral

import numpy as np
from scipy import sparse

FORMAT_VERSION = 2
# Arrays are hashed in blocks of about so many bytes.
BLOCK = 2**24


def check_checkpoint(path, random_state, observed):
    """Refuse a checkpoint that could not be written, or never be gone on from.

    Parameters
    ----------
    path : str, path-like or None
        A file, which need not exist, or a directory.
    random_state : object
        That of the fit.
    observed : bool
        Whether somebody has to see every epoch.
    """
    if path is None:
        return
    if random_state is None:
        raise ValueError(
            f"checkpoint={str(path)!r} needs random_state to be an int or a RandomState: with "
            "None each fit is another one, and none can be resumed."
        )
    if observed:
        raise ValueError(
            f"checkpoint={str(path)!r} cannot be used inside a feature selector, which has to see "
            "every epoch: set checkpoint=None."
        )
    _check_place(path)


def _check_place(path):
    required = f"checkpoint={str(path)!r} must be a file or directory that can be written; "
    if not os.fspath(path):
        raise ValueError(f"{required}an empty text is neither.")
    try:
        place = os.path.realpath(path)
        is_directory = os.path.isdir(place)
        directory = place if is_directory else os.path.dirname(place)
        if not os.path.isdir(directory) or not os.access(directory, os.W_OK):
            raise ValueError(f"{directory!r} is no writable directory.")
        if not is_directory and os.path.lexists(place) and not os.path.isfile(place):
            raise ValueError(f"{place!r} is something else, such as a device.")
        if not is_directory:
            _look_for(place)
    except (OSError, ValueError) as error:
        raise ValueError(f"{required}{error}") from None


def _look_for(place):
    """Ask for a file that need not exist: its name may be one that no file can have."""
    with contextlib.suppress(FileNotFoundError):
        os.lstat(place)


class Checkpoint:
    """The file of one training run.

    Parameters
    ----------
    path : str or path-like
        A file; or a directory, in which each run has a file of its own, named after its identity.
    interval : int or float
        An int: epochs between two states; a float: seconds at least.
    identity : dict of str
        What the run is determined by. A file of another identity is an error, which names the
        entries that differ.
    """

    def __init__(self, path, interval, identity):
        self.path, self.interval, self.identity = os.path.realpath(path), interval, identity
        if os.path.isdir(self.path):
            self.path = os.path.join(self.path, f"{digest(identity)}.checkpoint")
        self._n_epochs, self._written = 0, time.monotonic()
        self._has_warned = False

    def load(self):
        """The state last kept, or None where there is none."""
        for leftover in glob.glob(f"{glob.escape(self.path)}.*.tmp"):
            os.unlink(leftover)
        try:
            contents = _read(self.path)
        except FileNotFoundError:
            return None
        except PermissionError:
            raise
        except Exception as error:  # a damaged archive can raise almost anything
            raise ValueError(
                f"checkpoint={self.path!r} is damaged or no checkpoint ({error}). Delete it to "
                "train from the beginning."
            ) from error
        if contents["version"] != FORMAT_VERSION:
            raise ValueError(
                f"checkpoint={self.path!r} has format {contents['version']}, and this version "
                f"of sksparse_mlp reads format {FORMAT_VERSION}. Delete it to train anew."
            )
        self._check_identity(contents["identity"])
        return contents["state"]

    def _check_identity(self, found):
        names = [name for name in self.identity if found.get(name) != self.identity[name]]
        if names:
            raise ValueError(
                f"checkpoint={self.path!r} belongs to another fit, which differs in "
                f"{', '.join(names)}. Delete it, choose another path, or give a directory, in "
                "which each fit has a file of its own."
            )

    def keep(self, state, at_once=False):
        """Take note that an epoch has ended, and write its state if it is due."""
        self._n_epochs += 1
        if isinstance(self.interval, Integral):
            due = self._n_epochs % self.interval == 0
        else:
            due = time.monotonic() - self._written >= self.interval
        if not due and not at_once:
            return
        contents = {"version": FORMAT_VERSION, "identity": self.identity, "state": state}
        try:
            _write(self.path, contents)
        except OSError as error:
            self._warn(error)
        self._written = time.monotonic()

    def _warn(self, error):
        if not self._has_warned:
            warnings.warn(
                f"checkpoint={self.path!r} could not be written ({error}): training goes on, and "
                "what was kept before stays as it is.",
                RuntimeWarning,
                stacklevel=2,
            )
        self._has_warned = True


def identity_of_fit(options, network, data, held_out, scoring, direct_network):
    """What a fit is determined by, in entries that an error can name.

    Parameters
    ----------
    options : TrainingOptions
    network : SparseNetwork
        Before its first step of this fit.
    data : TrainingData
    held_out : TrainingData or None
        Validation samples.
    scoring : str, callable or None
        Known by its ``repr``, without addresses.
    direct_network : SparseNetwork or None
        The direct path, which validation figures include.
    """
    identity = {name: repr(np.asarray(value).item()) for name, value in asdict(options).items()}
    del identity["verbose"]
    if held_out is not None and held_out.X is data.X:
        held_out = held_out.rows
    return {
        **identity,
        "scoring": re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(scoring)),
        "training data": digest(data),
        "validation data": digest(held_out),
        "direct path": digest(direct_network and direct_network.arrays),
        "guidance": digest(network.preferences),
        "initial network": digest(network.laws, network.arrays, network.slots),
    }


def digest(*values):
    """A hash of arrays, CSR matrices, and whatever its ``repr`` describes."""
    hasher = blake2b(digest_size=16)
    for value in values:
        _feed(hasher, value)
    return hasher.hexdigest()


def _feed(hasher, value):
    if sparse.issparse(value):
        hasher.update(repr(value.shape).encode())
        value = (value.indptr, value.indices[: value.nnz], value.data[: value.nnz])
    if isinstance(value, (tuple, list)):
        for part in value:
            _feed(hasher, part)
    elif isinstance(value, np.ndarray):
        hasher.update(repr((value.dtype.str, value.shape)).encode())
        step = max(1, BLOCK * len(value) // max(1, value.nbytes))
        for start in range(0, len(value), step):
            hasher.update(value[start : start + step].tobytes())
    else:
        hasher.update(repr(value).encode())


# ---------------------------------------------------------------- file


def _write(path, contents):
    """Replace a file in one step: on the disk is the old one or the new one, at any moment."""
    arrays = []
    text = json.dumps(_without_arrays(contents, arrays)).encode()
    temporary = f"{path}.{uuid.uuid4().hex[:16]}.tmp"
    try:
        with open(temporary, "xb") as file:
            np.savez(file, np.frombuffer(text, np.uint8), *arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _force_to_disk(os.path.dirname(path))


def _force_to_disk(directory):
    """Make a renaming last; only POSIX systems can, and need to, be told."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path):
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        text, *arrays = (archive[f"arr_{i}"] for i in range(len(archive.files)))
    return _with_arrays(json.loads(text.tobytes()), arrays)


def _without_arrays(value, arrays):
    """What JSON can hold: arrays are moved to a list and leave their number, tuples are marked."""
    if isinstance(value, dict):
        return {name: _without_arrays(part, arrays) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, tuple):
        return {"tuple": [_without_arrays(part, arrays) for part in value]}
    if isinstance(value, list):
        return [_without_arrays(part, arrays) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _with_arrays(value, arrays):
    """The inverse of :func:`_without_arrays`."""
    if isinstance(value, list):
        return [_with_arrays(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"array"}:
        return arrays[value["array"]]
    if value.keys() == {"tuple"}:
        return tuple(_with_arrays(part, arrays) for part in value["tuple"])
    return {name: _with_arrays(part, arrays) for name, part in value.items()}
