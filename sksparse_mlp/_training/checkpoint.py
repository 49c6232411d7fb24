"""Training that survives a kill at any moment: its whole state in one file, see :mod:`.archive`."""

import contextlib
import os
import time
import warnings
from copy import copy
from numbers import Integral
from reprlib import repr as short

import numpy as np

from .._network.checks import BadState, is_count
from .archive import Damaged, Unreadable, clear_away_leftovers, read, temporary_name, write
from .identity import digest

CONTENTS = ("identity", "stage", "found", "state")


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
        if not os.path.isdir(directory) or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise ValueError(f"{directory!r} is no writable directory.")
        if not is_directory:
            _check_file(place)
            # Its name may be one that no file can have.
            with contextlib.suppress(FileNotFoundError):
                os.lstat(temporary_name(place))
    except (OSError, ValueError) as error:
        raise ValueError(f"{required}{error}") from None


def _check_file(place):
    """Refuse what is there and could not be read, or would be replaced by a file."""
    if not os.path.lexists(place):
        return
    if not os.path.isfile(place):
        raise ValueError(f"{place!r} is something else, such as a device.")
    if not os.access(place, os.R_OK | os.W_OK):
        raise ValueError(f"{place!r} may not be read, or not be written.")


class Checkpoint:
    """The file of one fit, which is a training, or several one after the other: its *stages*.

    Parameters
    ----------
    path : str or path-like
        A file; or a directory, in which each fit has a file of its own, named after its identity.
    interval : int or float
        An int: epochs between two states; a float: seconds at least.
    identity : dict of str
        What the fit is determined by. A file of another identity is an error, which names the
        entries that differ.

    Attributes
    ----------
    stage : int
        Which training, counted from 0.
    found : ndarray of float64
        What the stages before have found, by which this one goes.
    """

    def __init__(self, path, interval, identity):
        self.path, self.interval, self.identity = os.path.realpath(path), interval, identity
        if os.path.isdir(self.path):
            self.path = os.path.join(self.path, f"{digest(identity)}.checkpoint")
        self._n_epochs, self._written = 0, time.monotonic()
        self._has_warned = False
        self.stage, self.found = 0, np.zeros(0)

    def at_stage(self, stage, found):
        """The same file for a training of the same fit."""
        later = copy(self)
        later.stage, later.found = stage, found
        return later

    def kept_stage(self, n_stages, n_found):
        """The stage whose state was last saved, and what had been found before it.

        Parameters
        ----------
        n_stages : int
        n_found : int
            How many numbers each stage finds.

        Returns
        -------
        stage : int
        found : ndarray of float64, shape (n_found,)
        """
        with self._explained():
            contents = self.load()
            if contents is None:
                return 0, np.zeros(n_found)
            stage, found = contents["stage"], contents["found"]
            if not (is_count(stage) and stage < n_stages):
                raise Damaged(f"stage={short(stage)} of {n_stages}")
            right = type(found) is np.ndarray and found.dtype == np.float64
            if not (right and found.shape == (n_found,) and np.isfinite(found).all()):
                raise Damaged(f"found is not {n_found} finite numbers")
        return stage, found

    def resume(self, trainer):
        """Let a trainer go on from the state last saved, if there is one of this stage.

        Parameters
        ----------
        trainer : Trainer
            Before its first step.

        Returns
        -------
        bool
            Whether there was one.
        """
        clear_away_leftovers(self.path)
        with self._explained():
            contents = self.load()
            if contents is None or self._is_of_earlier_stage(contents["stage"]):
                return False
            if not np.array_equal(contents["found"], self.found):
                raise Damaged("found is not what the stages before it found")
            trainer.load_state_dict(contents["state"])
        return True

    def _is_of_earlier_stage(self, stage):
        if not (is_count(stage) and stage <= self.stage):
            raise Damaged(f"stage={short(stage)}, not {self.stage}")
        return stage < self.stage

    @contextlib.contextmanager
    def _explained(self):
        """Where the file is none of this fit, say so, and what to do."""
        try:
            yield
        except (Unreadable, BadState) as error:
            what = error if isinstance(error, Unreadable) else Damaged(error.what)
            raise ValueError(
                f"checkpoint={self.path!r} {what}. Delete it to train from the beginning."
            ) from None

    def load(self):
        """What was last saved, or None where there is nothing; raises Unreadable or ValueError."""
        try:
            _check_file(self.path)
            file = open(self.path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ValueError(f"checkpoint={self.path!r} cannot be read: {error}") from None
        with file:
            contents = read(file)
        if contents.keys() != set(CONTENTS) or type(contents["identity"]) is not dict:
            raise Damaged("it does not say what fit it belongs to")
        self._check_identity(contents["identity"])
        return contents

    def _check_identity(self, found):
        """Raise ValueError unless a state is that of this run; entries of other versions count."""
        names = [*self.identity, *sorted(found.keys() - self.identity.keys())]
        names = [name for name in names if found.get(name) != self.identity.get(name)]
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
        try:
            contents = (self.identity, self.stage, self.found, state)
            write(self.path, dict(zip(CONTENTS, contents, strict=True)))
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
