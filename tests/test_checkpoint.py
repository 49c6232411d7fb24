"""Checkpoints: a fit that was killed, at any moment, ends with the bits of one that was not."""

import errno
import io
import json
import multiprocessing
import os
import pickle
import random
import re
import signal
import time
import traceback
import tracemalloc
import warnings
import zipfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from builders import bits_of
from estimators import small, small_regressor
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from sksparse_mlp._estimator import defaults, fitting
from sksparse_mlp._estimator.supervised import BaseSupervisedMLP
from sksparse_mlp._training import archive
from sksparse_mlp._training import checkpoint as module
from sksparse_mlp._training.checkpoint import Checkpoint
from sksparse_mlp._training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 12)).astype(np.float32)
y = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + 0.5 * RNG.normal(size=(60, 3)), axis=1)]
N_EPOCHS = 8

classifier = partial(
    small, hidden_layer_sizes=(20, 10), solver="adam", learning_rate_init=0.02, input_noise=0.3,
    dropout=0.2, batch_size=16, max_iter=N_EPOCHS,
)  # fmt: skip


class Killed(BaseException):
    """Ends a fit as a kill does, as far as the disk can tell."""


def model_of(estimator):
    """All that a fit leaves, except what time it took."""
    network = estimator._network
    counters = (network.t, network.epoch, network.n_seen, network.n_evolutions)
    history = {name: list(v) for name, v in estimator.history_.items() if name != "seconds"}
    figures = (estimator.n_iter_, estimator.best_loss_, estimator.best_validation_score_)
    return bits_of(network), counters, history, figures


def die_after(monkeypatch, n_epochs):
    """Let the next fit die when it has saved this many states."""
    save, saved = Checkpoint.save, []

    def save_or_die(self, state, at_once=False):
        save(self, state, at_once)
        saved.append(state)
        if len(saved) == n_epochs:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", save_or_die)


def state_in(path):
    """The state that a file holds."""
    with open(path, "rb") as file:
        return archive.read(file)["state"]


def fit_killed_after(n_epochs, estimator, *data, **more):
    with pytest.MonkeyPatch.context() as monkeypatch:
        die_after(monkeypatch, n_epochs)
        with pytest.raises(Killed):
            estimator.fit(*data, **more)


# ---------------------------------------------------------------- the same bits

CASES = {
    "adam, cosine, noise": {},
    "sgd, rate that falls when training stalls": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 10.0,
        "n_iter_no_change": 2,
    },
    "early stopping": {"early_stopping": True, "tol": 0.05, "n_iter_no_change": 3},
    "early stopping by a score": {"early_stopping": True, "scoring": "balanced_accuracy"},
    "SReLU, frequent evolution": {"activation": "srelu", "evolution_interval": 3, "zeta": 0.5},
    "full batches, decreasing rate": {"batch_size": 60, "learning_rate": "invscaling"},
    "a moving average": {"averaging": "ema", "evolution_interval": 3, "early_stopping": True},
    "an average of cycles": {"averaging": "cyclic", "solver": "sgd", "activation": "srelu"},
    "weights of classes": {"class_weight": "balanced", "shuffle": False},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_a_fit_killed_after_any_epoch_goes_on_as_if_nothing_had_happened(tmp_path, changes):
    expected = model_of(classifier(**changes).fit(X, y))
    n_epochs = classifier(**changes).fit(X, y).n_iter_
    assert n_epochs >= 3
    for n in range(1, n_epochs + 1):
        path = tmp_path / f"{n}.state"
        fit_killed_after(n, classifier(**changes, checkpoint=path), X, y)
        resumed = classifier(**changes, checkpoint=path).fit(X, y)
        assert model_of(resumed) == expected


def test_a_fit_killed_again_and_again(tmp_path):
    path = tmp_path / "state"
    for _ in range(N_EPOCHS):
        fit_killed_after(1, classifier(checkpoint=path), X, y)
    assert model_of(classifier(checkpoint=path).fit(X, y)) == model_of(classifier().fit(X, y))


def test_sparse_data_weights_and_validation_data(tmp_path):
    data, more = (sparse.csr_array(X), y, RNG.uniform(1, 2, 60)), {"X_val": X, "y_val": y}
    path = tmp_path / "state"
    fit_killed_after(3, classifier(early_stopping=True, checkpoint=path), *data, **more)
    resumed = classifier(early_stopping=True, checkpoint=path).fit(*data, **more)
    assert model_of(resumed) == model_of(classifier(early_stopping=True).fit(*data, **more))


def test_a_warm_start_goes_on_from_its_own_middle(tmp_path):
    def started(**changes):
        return classifier(warm_start=True, **changes).fit(X, y)

    expected = model_of(started().fit(X, y))
    killed = started(checkpoint=tmp_path)
    fit_killed_after(3, killed, X, y)
    assert killed.n_iter_ == N_EPOCHS
    resumed = started(checkpoint=tmp_path).fit(X, y)
    assert model_of(resumed) == expected
    assert len(list(tmp_path.iterdir())) == 2


def test_a_RandomState_in_the_same_state(tmp_path):
    path = tmp_path / "state"
    fit_killed_after(3, classifier(random_state=np.random.RandomState(7), checkpoint=path), X, y)
    resumed = classifier(random_state=np.random.RandomState(7), checkpoint=path).fit(X, y)
    assert model_of(resumed) == model_of(classifier(random_state=7).fit(X, y))


def test_the_number_of_threads_may_change(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "WORK_PER_THREAD", 1)
    wide = {"hidden_layer_sizes": (400,), "epsilon": 60}
    path = tmp_path / "state"
    fit_killed_after(3, classifier(**wide, checkpoint=path, n_jobs=3), X, y)
    resumed = classifier(**wide, checkpoint=path, n_jobs=2, verbose=True).fit(X, y)
    assert model_of(resumed) == model_of(classifier(**wide).fit(X, y))


def test_a_finished_fit_is_read_and_not_repeated(tmp_path, monkeypatch):
    path = tmp_path / "state"
    expected = model_of(classifier(checkpoint=path).fit(X, y))
    monkeypatch.delattr(Trainer, "_run_epoch")
    assert model_of(classifier(checkpoint=path).fit(X, y)) == expected


def test_ctrl_c_loses_nothing(tmp_path, usual_ctrl_c):
    presses = iter([False, False, True])

    def score_with_ctrl_c(estimator, X, y):
        if next(presses, False):
            signal.raise_signal(signal.SIGINT)
        return 0.0

    more = {"scoring": score_with_ctrl_c, "checkpoint_interval": 100}
    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt), pytest.warns(RuntimeWarning, match="epoch 3"):
        classifier(**more, checkpoint=path).fit(X, y, X_val=X, y_val=y)
    resumed = classifier(**more, checkpoint=path).fit(X, y, X_val=X, y_val=y)
    undisturbed = classifier(**more).fit(X, y, X_val=X, y_val=y)
    assert model_of(resumed) == model_of(undisturbed)


# ---------------------------------------------------------------- pilots


def piloted(**changes):
    """A regressor that finds out how long to train by five pilots."""
    shape = {"hidden_layer_sizes": (8,), "skip_connections": "fitted", "max_iter": "auto"}
    return small_regressor(**shape | changes)


NUMBERS = X[:, :3], X[:, 0] + RNG.normal(size=60)


@pytest.fixture
def short_pilots(monkeypatch):
    """Eight epochs each, by what a full batch of any size takes."""
    monkeypatch.setattr(defaults, "n_epochs", lambda *args, **how: 8)


def n_saved(estimator, *data):
    """How many states a fit saves."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        states = []
        monkeypatch.setattr(Checkpoint, "save", lambda self, *args, **how: states.append(args))
        estimator.fit(*data)
    return len(states)


def test_a_fit_killed_in_any_epoch_of_any_pilot_goes_on(tmp_path, short_pilots):
    expected = model_of(piloted().fit(*NUMBERS))
    n_epochs = n_saved(piloted(checkpoint=tmp_path / "none"), *NUMBERS)
    assert n_epochs > 5 * 8
    for n in range(1, n_epochs + 1):
        path = tmp_path / f"{n}.state"
        fit_killed_after(n, piloted(checkpoint=path), *NUMBERS)
        n_left = n_saved(piloted(checkpoint=path), *NUMBERS)
        assert n_left == n_epochs - n
        assert model_of(piloted(checkpoint=path).fit(*NUMBERS)) == expected


def test_a_finished_fit_has_no_pilot_again(tmp_path, short_pilots, monkeypatch):
    path = tmp_path / "state"
    expected = model_of(piloted(checkpoint=path).fit(*NUMBERS))
    monkeypatch.delattr(Trainer, "_run_epoch")
    assert model_of(piloted(checkpoint=path).fit(*NUMBERS)) == expected


def test_ctrl_c_in_a_pilot_keeps_its_state(tmp_path, short_pilots, monkeypatch):
    path, run = tmp_path / "state", Trainer._run_epoch

    def run_with_ctrl_c(self, epoch, interrupt):
        interrupt.requested |= epoch == 3
        return run(self, epoch, interrupt)

    monkeypatch.setattr(Trainer, "_run_epoch", run_with_ctrl_c)
    model = piloted(checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*NUMBERS)
    monkeypatch.undo()
    assert not model.__sklearn_is_fitted__()
    assert len(state_in(path)["history"]["loss"]) == 4


WRONG_STAGES = {
    "stage": [-1, 6, 2**70, None, "1", 1.0, True],
    "found": [np.zeros(7), np.zeros(8, np.float32), np.full(8, np.nan), [0.0] * 8, None],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_STAGES.items() for value in values]
)
def test_a_stage_that_cannot_be_is_an_error(tmp_path, short_pilots, name, value):
    path = tmp_path / "state"
    fit_killed_after(10, piloted(checkpoint=path), *NUMBERS)
    with open(path, "rb") as file:
        contents = archive.read(file)
    archive.write(path, contents | {name: value})
    with pytest.raises(ValueError, match=rf"is damaged or no checkpoint: {name}"):
        piloted(checkpoint=path).fit(*NUMBERS)


@pytest.mark.parametrize(("name", "value"), [("stage", 1), ("found", np.zeros(1))])
def test_a_fit_without_pilots_has_one_stage_that_goes_by_nothing(half_done, name, value):
    with open(half_done, "rb") as file:
        contents = archive.read(file)
    archive.write(half_done, contents | {name: value})
    with pytest.raises(ValueError, match=rf"is damaged or no checkpoint: {name}"):
        classifier(checkpoint=half_done).fit(X, y)


# ---------------------------------------------------------------- other fits


@pytest.mark.parametrize(
    ("changes", "data", "difference"),
    [
        ({"max_iter": 9}, (X, y), "max_iter"),
        ({"learning_rate_init": 0.03}, (X, y), "learning_rate_init"),
        ({"dropout": 0.1, "zeta": 0.1}, (X, y), "dropout, zeta"),
        ({"random_state": 1}, (X, y), "random_state"),
        ({"weight_init": "xavier"}, (X, y), "weight_init"),
        ({"hidden_layer_sizes": (20, 11)}, (X, y), "hidden_layer_sizes"),
        ({"class_weight": {"a": 2}}, (X, y), "class_weight, training data"),
        ({}, (X + 1, y), "training data"),
        ({}, (X, np.roll(y, 1)), "training data"),
        ({}, (X, y, np.arange(1, 61)), "training data"),
        ({}, (sparse.csr_array(X), y), "training data"),
        ({"early_stopping": True}, (X, y), "early_stopping, training data, validation data"),
        ({"scoring": "accuracy"}, (X, y), "scoring"),
    ],
)
def test_the_file_of_another_fit_is_an_error_that_says_what_differs(
    tmp_path, changes, data, difference
):
    path = tmp_path / "state"
    classifier(checkpoint=path).fit(X, y)
    before = path.read_bytes()
    estimator = classifier(checkpoint=path, **changes)
    with pytest.raises(ValueError, match=rf"another fit, which differs in {difference}\b"):
        estimator.fit(*data)
    assert path.read_bytes() == before
    assert not hasattr(estimator, "classes_")


def test_in_a_directory_every_fit_of_a_grid_search_has_its_own_file(tmp_path, monkeypatch):
    grid = {"zeta": [0.1, 0.3], "max_iter": [2, 3]}
    search = GridSearchCV(classifier(checkpoint=tmp_path), grid, cv=3).fit(X, y)
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(files) == 13
    monkeypatch.delattr(Trainer, "_run_epoch")
    again = GridSearchCV(classifier(checkpoint=tmp_path), grid, cv=3, error_score="raise")
    again.fit(X, y)
    name = "mean_test_score"
    np.testing.assert_array_equal(again.cv_results_[name], search.cv_results_[name])
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files


def test_a_checkpoint_needs_a_random_state(tmp_path, monkeypatch):
    monkeypatch.delattr(BaseSupervisedMLP, "_learn")
    with pytest.raises(ValueError, match="needs random_state to be an int"):
        classifier(checkpoint=tmp_path, random_state=None).fit(X, y)


def test_a_checkpoint_has_no_meaning_for_streams(tmp_path):
    with pytest.raises(ValueError, match=r"checkpoint=.* has no meaning for partial_fit"):
        classifier(checkpoint=tmp_path).partial_fit(X, y, classes=["a", "b", "c"])


@pytest.mark.parametrize(
    "place", ["nowhere/state", "file/state", "pipe", "a name\0with zero", 300 * "long"]
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path, place, monkeypatch):
    (tmp_path / "file").touch()
    # Renaming would replace a pipe, or a device, by a file.
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.delattr(BaseSupervisedMLP, "_learn")
    with pytest.raises(ValueError, match="must be a file or directory that can be written"):
        classifier(checkpoint=tmp_path / place).fit(X, y)


def test_an_empty_place_is_not_the_directory_of_the_process():
    with pytest.raises(ValueError, match="checkpoint='' must be a file or directory"):
        classifier(checkpoint="").fit(X, y)


@pytest.mark.skipif(os.name != "posix", reason="anybody may make links")
def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "state", tmp_path / "link"
    link.symlink_to(path)
    classifier(checkpoint=link).fit(X, y)
    assert link.is_symlink()
    assert path.is_file()


# ---------------------------------------------------------------- when it is written


def written_at(monkeypatch, **changes):
    """The epochs after which a fit writes its state."""
    epochs = []

    def note(path, contents):
        epochs.append(len(contents["state"]["history"]["loss"]))

    monkeypatch.setattr(module, "write", note)
    classifier(**changes).fit(X, y)
    return epochs


@pytest.mark.parametrize(
    ("interval", "epochs"), [(1, [1, 2, 3, 4, 5, 6, 7, 8]), (3, [3, 6, 8]), (100, [8])]
)
def test_epochs_between_two_states(tmp_path, monkeypatch, interval, epochs):
    changes = {"checkpoint": tmp_path, "checkpoint_interval": interval}
    assert written_at(monkeypatch, **changes) == epochs


def test_seconds_between_two_states(tmp_path, monkeypatch):
    seconds = iter(np.arange(100) * 10.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    changes = {"checkpoint": tmp_path, "checkpoint_interval": 25.0}
    assert written_at(monkeypatch, **changes) == [3, 6, 8]


def test_callbacks_go_together_with_checkpoints(tmp_path):
    pytest.importorskip("sklearn.callback")

    class StopAfterThree:
        def setup(self, estimator, context):
            self.n_epochs = 0

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **told):
            pass

        def on_fit_task_end(self, estimator, context, **told):
            self.n_epochs += 1
            return self.n_epochs == 3

    path = tmp_path / "state"
    for _ in range(2):
        stopped = classifier(checkpoint=path).set_callbacks(StopAfterThree()).fit(X, y)
        assert stopped.n_iter_ == 3
    expected = classifier().set_callbacks(StopAfterThree()).fit(X, y)
    assert model_of(stopped) == model_of(expected)


# ---------------------------------------------------------------- trouble with the file


@pytest.fixture
def half_done(tmp_path):
    """The file of a fit that was killed after three epochs."""
    path = tmp_path / "state"
    fit_killed_after(3, classifier(checkpoint=path), X, y)
    return path


@pytest.mark.parametrize("moment", ["savez", "fsync", "replace"])
def test_a_failure_while_writing_leaves_the_state_before_it(half_done, monkeypatch, moment):
    before = half_done.read_bytes()
    owner = np if moment == "savez" else os
    with monkeypatch.context() as patches:
        patches.setattr(owner, moment, lambda *args: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            classifier(checkpoint=half_done).fit(X, y)
    assert half_done.read_bytes() == before
    assert list(half_done.parent.iterdir()) == [half_done]


def test_a_full_disk_does_not_stop_the_training(half_done, monkeypatch):
    before = half_done.read_bytes()

    def no_space(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.warns(RuntimeWarning, match=r"could not be written \(.*No space left") as caught:
        model = classifier(checkpoint=half_done).fit(X, y)
    assert len(caught) == 1
    assert model_of(model) == model_of(classifier().fit(X, y))
    assert half_done.read_bytes() == before


def leftover_of(process, path):
    """The name that a process gives to a file that it has not written to the end."""
    here = f"-{os.getpid()}-"
    assert here in archive.temporary_name(path)
    return Path(archive.temporary_name(path).replace(here, f"-{process}-"))


def ended_process():
    """The number of a process that is no more."""
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join()
    return process.pid


@pytest.mark.skipif(os.name != "posix", reason="nobody can be asked whether a process runs")
def test_half_written_files_of_a_killed_process_are_cleared_away(half_done):
    leftover_of(ended_process(), half_done).write_bytes(b"half")
    classifier(checkpoint=half_done).fit(X, y)
    assert list(half_done.parent.iterdir()) == [half_done]


def files_of_others(path):
    """Files beside a checkpoint that nobody but their owner may delete."""
    of_another_host = archive.temporary_name(path).replace(archive._this_host(), "0" * 8)
    return [
        leftover_of(os.getppid(), path),
        leftover_of(10**30, path),
        leftover_of(0, path),
        Path(of_another_host.replace(f"-{os.getpid()}-", f"-{ended_process()}-")),
        leftover_of(ended_process(), path.with_name("other")),
        leftover_of(ended_process(), f"{path}.more"),
        path.with_name(f"{path.name}.0123456789abcdef.tmp"),
        path.with_name(f"{path.name}.tmp"),
        path.with_name(f"{leftover_of(ended_process(), path).name}.mine"),
    ]


def test_files_of_others_stay(half_done):
    files = files_of_others(half_done)
    for file in files:
        file.write_bytes(b"mine")
    directory, link = (leftover_of(ended_process(), half_done) for _ in range(2))
    directory.mkdir()
    link.symlink_to(half_done)
    classifier(checkpoint=half_done).fit(X, y)
    expected = {half_done, directory, link, *files}
    assert set(half_done.parent.iterdir()) == expected
    assert {file.read_bytes() for file in files} == {b"mine"}


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o644])
def test_the_permissions_of_the_file_are_kept(half_done, mode):
    half_done.chmod(mode)
    classifier(checkpoint=half_done).fit(X, y)
    assert half_done.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    classifier(checkpoint=tmp_path / "state").fit(X, y)
    assert (tmp_path / "state").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_what_is_half_written_can_be_read_by_nobody_else(half_done, monkeypatch):
    half_done.chmod(0o600)
    savez, modes = np.savez, []

    def save_and_look(file, *arrays):
        modes.append(os.fstat(file.fileno()).st_mode & 0o777)
        savez(file, *arrays)

    monkeypatch.setattr(np, "savez", save_and_look)
    classifier(checkpoint=half_done).fit(X, y)
    assert set(modes) == {0o600}


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_the_owner_and_the_group_of_the_file_are_kept(half_done):
    os.chown(half_done, 1234, 4321)
    half_done.chmod(0o660)
    classifier(checkpoint=half_done).fit(X, y)
    found = half_done.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 4321, 0o660)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_error_that_says_what_to_do(half_done, part):
    contents = half_done.read_bytes()
    half_done.write_bytes(contents[: int(part * len(contents))])
    with pytest.raises(ValueError, match=r"is damaged or no checkpoint: .*Delete it"):
        classifier(checkpoint=half_done).fit(X, y)


def bytes_of(save, *args, **arrays):
    file = io.BytesIO()
    save(file, *args, **arrays)
    return file.getvalue()


def npz_of(contents, *arrays):
    """An archive of JSON and arrays, as a hand that knows the format makes it."""
    text = np.frombuffer(json.dumps(contents).encode(), np.uint8)
    return bytes_of(np.savez, text, *arrays)


def npz_with_header(**header):
    """An archive whose first array claims to be something."""
    file, member = io.BytesIO(), io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (2,)} | header
    np.lib.format.write_array_header_1_0(member, header)
    with zipfile.ZipFile(file, "w") as npz:
        npz.writestr("arr_0.npy", member.getvalue() + b"{}")
    return file.getvalue()


ONE = np.ones(1, np.float32)
START = {"version": 6, "identity": {}}
JUNK = {
    "nothing": b"",
    "text": b"text",
    "a pickle": pickle.dumps({"version": 6}),
    "an empty pickle": b"\x80\x04N.",
    "a broken archive": b"PK\x03\x04" + bytes(100),
    "an array": bytes_of(np.save, np.zeros(3)),
    "an array of objects": bytes_of(np.save, np.array([None])),
    "an archive of objects": bytes_of(np.savez, np.array([None])),
    "an archive of texts": bytes_of(np.savez, np.array(["{}"])),
    "an archive of other names": bytes_of(np.savez, a=np.zeros(3)),
    "an archive of nothing": bytes_of(np.savez),
    "a compressed archive": bytes_of(np.savez_compressed, np.zeros(10**6, np.uint8)),
    "a model": bytes_of(lambda file: joblib.dump({"a": np.zeros(3)}, file)),
    "a huge array": npz_with_header(shape=(2**50,)),
    "a negative array": npz_with_header(shape=(-1,)),
    "an array of arrays": npz_with_header(shape=(1, 2)),
    "an array with a long header": npz_with_header(descr=[("x" * 10_000, "|u1")]),
    "a number": npz_of(3),
    "no version": npz_of({"identity": {}, "state": {}}),
    "no identity": npz_of({"version": 6, "state": {}}),
    "a list as identity": npz_of({"version": 6, "identity": [], "state": {}}),
    "more": npz_of({**START, "state": {}, "more": 1}),
    "an array that is not there": npz_of({**START, "state": {"array": 0}}),
    "an array that is used twice": npz_of({**START, "state": [{"array": 0}, {"array": 0}]}, ONE),
    "an array that is not used": npz_of({**START, "state": {}}, ONE),
    "an array before the first": npz_of({**START, "state": {"array": -1}}, ONE),
    "a deep list": bytes_of(np.savez, np.frombuffer(b'{"version": 6, "a": ' + 10**5 * b"[", "u1")),
}


@pytest.mark.parametrize("contents", JUNK.values(), ids=JUNK)
def test_a_file_of_something_else_is_an_error_in_our_own_words(tmp_path, contents):
    path = tmp_path / "state"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=r"is damaged or no checkpoint: .*Delete it") as caught:
        classifier(checkpoint=path).fit(X, y)
    # What NumPy says of some of them is advice to load pickles.
    assert "pickle" not in "".join(traceback.format_exception(caught.value))
    assert path.read_bytes() == contents


def test_an_archive_that_would_fill_the_memory_is_refused_before_it_does(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(bytes_of(np.savez_compressed, np.zeros(10**8, np.uint8)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="is damaged or no checkpoint"):
        classifier(checkpoint=path).fit(X, y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10**7


@pytest.mark.parametrize("version", [0, 3, 5, "6", None, [6]])
def test_a_file_of_another_format_says_so(tmp_path, version):
    path = tmp_path / "state"
    path.write_bytes(npz_of({"version": version, "something": "else", "array": -1}))
    said = rf"is in format {re.escape(repr(version))}, and this version .* reads format 6 only"
    with pytest.raises(ValueError, match=said) as caught:
        classifier(checkpoint=path).fit(X, y)
    assert "damaged" not in str(caught.value)


def changed_file(path, **changes):
    """Write a file once more, with other parts of its state."""
    with open(path, "rb") as file:
        contents = archive.read(file)
    contents["state"] |= changes
    archive.write(path, contents)


def test_a_fit_that_is_about_to_diverge_is_not_called_damaged(tmp_path):
    path = tmp_path / "state"
    fit_killed_after(1, classifier(checkpoint=path), X, y)
    network = state_in(path)["network"]
    network["arrays"]["weights"][0] = np.inf
    changed_file(path, network=network)
    with pytest.raises(ValueError, match="Training diverged in epoch 2"):
        classifier(checkpoint=path).fit(X, y)


def test_a_network_of_another_shape_is_refused(tmp_path, half_done):
    """It would be right by itself, but the buffers of this training are too small for it."""
    wide = tmp_path / "wide"
    fit_killed_after(3, classifier(hidden_layer_sizes=(400, 200), checkpoint=wide), X, y)
    changed_file(half_done, **state_in(wide))
    with pytest.raises(ValueError, match=r"damaged.*widths=\[12, 400, 200, 3\] in a fit with"):
        classifier(checkpoint=half_done).fit(X, y)


def test_a_state_that_would_go_on_after_the_last_epoch_is_refused(tmp_path):
    path = tmp_path / "state"
    classifier(checkpoint=path).fit(X, y)
    changed_file(path, ended=False)
    with pytest.raises(ValueError, match=r"damaged.*ended=False after the last epoch"):
        classifier(checkpoint=path).fit(X, y)


def test_a_directory_where_a_fit_would_have_its_file_is_an_error(tmp_path):
    classifier(checkpoint=tmp_path).fit(X, y)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(ValueError, match=r"checkpoint=.* cannot be read: .* is something else"):
        classifier(checkpoint=tmp_path).fit(X, y)


@pytest.mark.parametrize("forbidden", [os.R_OK, os.W_OK])
def test_a_file_that_may_not_be_used_is_refused_before_any_work(half_done, monkeypatch, forbidden):
    access = os.access

    def denied(path, mode):
        return access(path, mode) and not (mode & forbidden and Path(path) == half_done)

    monkeypatch.setattr(os, "access", denied)
    monkeypatch.delattr(BaseSupervisedMLP, "_learn")
    with pytest.raises(ValueError, match="may not be read, or not be written"):
        classifier(checkpoint=half_done).fit(X, y)


def test_a_name_that_leaves_no_room_for_a_temporary_one_is_refused_before_any_work(
    tmp_path, monkeypatch
):
    monkeypatch.delattr(BaseSupervisedMLP, "_learn")
    with pytest.raises(ValueError, match="must be a file or directory that can be written"):
        classifier(checkpoint=tmp_path / (250 * "x")).fit(X, y)


def test_one_wrong_bit_is_found_or_does_not_matter(half_done):
    contents, expected = half_done.read_bytes(), model_of(classifier().fit(X, y))
    rng = random.Random(0)
    n_found = 0
    for _ in range(40):
        wrong = bytearray(contents)
        wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        half_done.write_bytes(wrong)
        try:
            assert model_of(classifier(checkpoint=half_done).fit(X, y)) == expected
        except ValueError as error:
            assert "is damaged" in str(error)
            n_found += 1
    assert n_found > 20


def test_a_file_of_another_version_is_refused(half_done, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT_VERSION", 99)
    with pytest.raises(ValueError, match=r"is in format 6, and this version .* reads format 99"):
        classifier(checkpoint=half_done).fit(X, y)


def test_nothing_in_the_file_can_be_executed(half_done):
    with np.load(half_done, allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} <= set("iuf")


# ---------------------------------------------------------------- kill -9

LONG = {"hidden_layer_sizes": (200, 100), "max_iter": 150}


def fit_in_a_process(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier(**LONG, checkpoint=path).fit(X, y)


def fit_and_kill(path, rng):
    """Fit in a process that is killed at a random moment; whether it was killed before the end."""
    process = multiprocessing.get_context("fork").Process(target=fit_in_a_process, args=(path,))
    process.start()
    process.join(rng.uniform(0.0, 0.4))
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def kill_and_resume(directory, n_kills, seed):
    """Kill a fit so many times; each time that it ends it must end with the same bits."""
    rng, expected = random.Random(seed), model_of(classifier(**LONG).fit(X, y))
    n_killed = n_ended = 0
    epochs = []
    path = Path(directory, "0")
    while n_killed < n_kills or n_ended == 0:
        if fit_and_kill(path, rng):
            n_killed += 1
            kept = state_in(path)["history"]["loss"] if path.exists() else []
            assert len(kept) >= (epochs[-1] if epochs else 0)
            epochs.append(len(kept))
        else:
            assert model_of(classifier(**LONG, checkpoint=path).fit(X, y)) == expected
            n_ended += 1
            epochs = []
            path = Path(directory, str(n_ended))
    assert model_of(classifier(**LONG, checkpoint=path).fit(X, y)) == expected
    return n_killed, n_ended


@pytest.mark.skipif(os.name != "posix", reason="processes are forked")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "n_kills", [5, pytest.param(50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_kill_9_at_random_moments(tmp_path, n_kills):
    start = time.monotonic()
    n_killed, n_ended = kill_and_resume(tmp_path, n_kills, seed=n_kills)
    print(f"{n_killed} kills, {n_ended} fits ended, {time.monotonic() - start:.0f} s")
