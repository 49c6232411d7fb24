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
import time
import uuid
import warnings
from numbers import Integral

import numpy as np

from .._network.state import FORMAT_VERSION, map_leaves, plain
from .identity import digest


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
        """The state last saved, or None where there is none."""
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

    def save(self, state, at_once=False):
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


# ---------------------------------------------------------------- file


def _write(path, contents):
    """Replace a file in one step: on the disk is the old one or the new one, at any moment."""
    arrays = []

    def set_apart(value):
        """What JSON can hold: an array is moved to a list and leaves its number."""
        if not isinstance(value, np.ndarray):
            return plain(value)
        arrays.append(value)
        return {"array": len(arrays) - 1}

    text = json.dumps(map_leaves(set_apart, contents)).encode()
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

    def put_back(pairs):
        found = dict(pairs)
        return arrays[found["array"]] if found.keys() == {"array"} else found

    return json.loads(text.tobytes(), object_pairs_hook=put_back)
