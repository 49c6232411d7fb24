"""What is kept on disk: each file, the table parsed from it, and the checksums of both."""

import hashlib
from contextlib import suppress

import numpy as np

from ._checksums import appearing_whole, file_sha256, record_sha256, recorded_sha256
from ._download import download
from ._readers import Table


def ensure_file(source, url, path, *, download_if_missing, **settings):
    """Download the file unless it is there and intact; return its hash."""
    expected = source.sha256 or recorded_sha256(path)
    sha256 = file_sha256(path)
    if sha256 is not None and expected in (None, sha256):
        return sha256
    if not download_if_missing:
        state = "missing" if sha256 is None else "damaged (its checksum has changed)"
        raise OSError(f"{path} is {state} and `download_if_missing` is False")
    download(url, path, sha256=expected, max_bytes=source.max_file_bytes, **settings)
    return file_sha256(path)


def load_table(source, path, sha256):
    """Return the content of the file, which has to be that of the set, and trust it from now on."""
    # The copy of another file has another name.
    copy = path.with_name(f"{path.name}.{sha256[:16]}.npz")
    table = _kept_table(source, copy)
    if table is None:
        table = _parsed_table(source, path, sha256)
        # The copy only saves time: a full disk is no reason to fail.
        with suppress(OSError):
            _keep_table(table, copy)
    if recorded_sha256(path) is None:
        record_sha256(path, sha256)
    return table


def _parsed_table(source, path, sha256):
    try:
        if path.stat().st_size > source.max_file_bytes:
            raise ValueError(f"it has more than {source.max_file_bytes} bytes")
        table = source.reader(path, source)
        source.verify(table)
    except MemoryError:
        raise
    # A damaged file makes the readers of SciPy and the standard library raise almost anything.
    except Exception as error:
        # Named after its content: nothing else is overwritten.
        rejected = path.replace(path.with_name(f"{path.name}.{sha256[:16]}.rejected"))
        raise OSError(
            f"the file for {source.name} is damaged or not the expected one: {error}. It was "
            f"renamed to {rejected}; call again to download it anew."
        ) from error
    return table


def _kept_table(source, copy):
    """Return the table of an earlier call, or None unless it is byte for byte what was kept."""
    # Whatever is wrong with the copy is no reason to fail: it is made anew.
    with suppress(Exception), copy.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == recorded_sha256(copy):
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                table = Table(**arrays)
            source.verify(table)
            return table
    return None


def _keep_table(table, copy):
    with appearing_whole(copy) as file:
        np.savez(file, **vars(table))
    record_sha256(copy, file_sha256(copy))
