"""Checksums beside files, and files that appear whole or not at all."""

import hashlib
from contextlib import contextmanager
from uuid import uuid4


def file_sha256(path):
    """Return the hash of a file, or None where there is no file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum_path(path):
    """Return the path of the file that records the hash of ``path``."""
    return path.with_name(f"{path.name}.sha256")


def recorded_sha256(path):
    """Return the hash that was recorded for ``path``, or None where none was."""
    record = checksum_path(path)
    # A crash of the machine can leave an empty record.
    text = record.read_text(errors="replace") if record.is_file() else ""
    return next(iter(text.split()), None)


def record_sha256(path, sha256):
    """Write the hash of ``path`` beside it, in the format of the command sha256sum."""
    with appearing_whole(checksum_path(path)) as file:
        file.write(f"{sha256}  {path.name}\n".encode())


@contextmanager
def appearing_whole(path):
    """Open a new file that takes the place of ``path`` once it is complete."""
    # A name that nobody else has: what is deleted below was made here.
    unfinished = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    file = unfinished.open("xb")
    try:
        with file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
