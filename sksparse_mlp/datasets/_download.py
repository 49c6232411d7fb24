"""Downloads that survive a bad connection: retries, resuming, a progress bar, clear errors."""

import errno
import hashlib
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 16
_MEGABYTE = 1e6
_BAR_WIDTH = 30
_SECONDS_BETWEEN_REDRAWS = 0.1
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def download(url, path, *, sha256, downloader):
    """Fetch `url` into `path` through pooch; nothing is left there unless the hash is right.

    Parameters
    ----------
    url : str
        Address of the file.
    path : Path
        Where the file is to be.
    sha256 : str or None
        Hash that the file must have; None accepts any.
    downloader : ResumingDownloader
        What transfers the bytes.
    """
    pooch = _import_pooch()
    manager = pooch.create(
        path=path.parent, base_url="", registry={path.name: sha256}, urls={path.name: url}
    )
    try:
        manager.fetch(path.name, downloader=downloader)
    except ValueError as error:
        raise OSError(
            f"{url} has another SHA-256 checksum than expected ({sha256}): the file was damaged on "
            f"its way, or has changed on the server. Nothing was kept of it. Where the expected "
            f"checksum is that of an earlier download, delete {checksum_path(path)} to accept "
            "the new file."
        ) from error


def _import_pooch():
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            "fetch_microarray needs pooch to download: pip install sksparse-mlp[data]"
        ) from error
    return pooch


def file_sha256(path):
    """Return the hash of a file, or None where there is no file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum_path(path):
    """Return the path of the file that records the hash of `path`."""
    return path.with_name(f"{path.name}.sha256")


@dataclass(frozen=True)
class ResumingDownloader:
    """Downloader for pooch that keeps an interrupted file for a later attempt or a later call.

    Parameters
    ----------
    n_retries : int
        Attempts after the first one, for failures that may pass.
    delay : float
        Seconds between two attempts.
    timeout : float
        Seconds without a byte after which an attempt is given up.
    progress_bar : bool
        Whether to draw a progress bar on stderr.
    """

    n_retries: int
    delay: float
    timeout: float
    progress_bar: bool

    def __call__(self, url, output_file, pooch):
        """Transfer `url` into `output_file`, the temporary file of the given pooch."""
        transfer = _Transfer(url, Path(output_file), self.timeout, self.progress_bar)
        transfer.claim_kept_part()
        try:
            self._attempt(transfer)
        except BaseException:
            transfer.keep_part()
            raise

    def _attempt(self, transfer):
        import requests

        for attempt in range(self.n_retries + 1):
            if attempt:
                time.sleep(self.delay)
            try:
                return transfer.run()
            except _transient_errors() as error:
                failure = error
            except requests.RequestException as error:
                raise OSError(f"could not download {transfer.url}: {error}") from error
        raise OSError(
            f"could not download {transfer.url} in {self.n_retries + 1} attempt(s): "
            f"{_reason(failure, self.timeout)}. Call again to continue where the download stopped, "
            "with a longer timeout or more retries if the connection is slow."
        ) from failure


class _InterruptedTransferError(Exception):
    """The server ended before the file did, or answered something that may pass."""


def _transient_errors():
    import requests
    import urllib3

    return (
        _InterruptedTransferError,
        requests.ConnectionError,
        requests.Timeout,
        urllib3.exceptions.HTTPError,
    )


def _reason(failure, timeout):
    import requests
    import urllib3

    if isinstance(failure, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"the server sent nothing for timeout={timeout:g} seconds"
    return str(failure)


class _Transfer:
    """One file on its way; a fingerprint of the server's ETag tells whether it may be continued.

    A part is kept under a name with that fingerprint, and claimed by renaming it: two processes
    that download the same file never write to the same part.
    """

    def __init__(self, url, path, timeout, progress_bar):
        self.url = url
        self.path = path
        self.timeout = timeout
        self.progress_bar = progress_bar
        self.fingerprint = ""

    @property
    def name(self):
        return self.url.rpartition("/")[2]

    def _kept_parts(self):
        return sorted(self.path.parent.glob(f"{self.name}.*.part"))

    def claim_kept_part(self):
        for part in self._kept_parts():
            try:
                part.replace(self.path)
            except FileNotFoundError:
                continue  # another process was quicker
            self.fingerprint = part.suffixes[-2].removeprefix(".")
            return

    def keep_part(self):
        if self.fingerprint and self.path.stat().st_size:
            self.path.replace(self.path.with_name(f"{self.name}.{self.fingerprint}.part"))

    def run(self):
        """Make one attempt, from the bytes that are already there if the server allows it."""
        n_bytes = self.path.stat().st_size if self.fingerprint else 0
        with self._request(n_bytes) as response:
            _check_status(response, (200, 206, 416) if n_bytes else (200,))
            if response.status_code == 200:
                n_bytes = 0
            elif not self._continues(response, n_bytes):
                # What is there is no part of what the server has now: begin again.
                self.fingerprint = ""
                return self.run()
            self._receive(response, n_bytes)

    def _request(self, n_bytes):
        import requests

        headers = {"Accept-Encoding": "identity"}
        if n_bytes:
            headers["Range"] = f"bytes={n_bytes}-"
        return requests.get(self.url, headers=headers, stream=True, timeout=self.timeout)

    def _continues(self, response, n_bytes):
        sent = response.headers.get("Content-Range", "")
        return sent.startswith(f"bytes {n_bytes}-") and _fingerprint(response) == self.fingerprint

    def _receive(self, response, n_bytes):
        self.fingerprint = _fingerprint(response)
        total = _total_bytes(response, n_bytes)
        _check_space(self.path.parent, total - n_bytes, self.url)
        # A short body is told below, in words of our own.
        response.raw.enforce_content_length = False
        # Undecoded, so that the bytes on disk are those the server holds.
        chunks = response.raw.stream(_CHUNK_BYTES, decode_content=False)
        if self.progress_bar:
            chunks = _with_progress(chunks, self.name, n_bytes, total)
        with self.path.open("ab" if n_bytes else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
        received = self.path.stat().st_size
        if total and received != total:
            raise _InterruptedTransferError(
                f"truncated, the connection closed after {received} of {total} bytes"
            )


def _check_status(response, expected):
    """Tell a fault that may pass from one that will not."""
    status = response.status_code
    if status in _TRANSIENT_STATUS:
        raise _InterruptedTransferError(f"the server answered {status} {response.reason}")
    if status not in expected:
        raise OSError(
            f"could not download {response.url}: the server answered {status} {response.reason}. "
            "If the file has moved, name a mirror with the base_url parameter."
        )


def _fingerprint(response):
    """Return a short name for this version of the file, empty where the server names none."""
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified", "")
    return hashlib.sha256(validator.encode()).hexdigest()[:16] if validator else ""


def _total_bytes(response, n_bytes):
    """Return the size of the whole file, 0 where the server does not say it."""
    length = response.headers.get("Content-Length")
    return n_bytes + int(length) if length else 0


def _check_space(folder, needed, url):
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"no space for {url}: {needed / _MEGABYTE:.1f} MB are needed and "
            f"{free / _MEGABYTE:.1f} MB are free; choose another data_home",
            str(folder),
        )


def _with_progress(chunks, name, n_bytes, total):
    """Pass the chunks on and draw how far they have come."""
    drawn_at = 0.0
    try:
        for chunk in chunks:
            n_bytes += len(chunk)
            now = time.monotonic()
            if now - drawn_at > _SECONDS_BETWEEN_REDRAWS or n_bytes == total:
                drawn_at = now
                sys.stderr.write(f"\r{_progress_line(name, n_bytes, total)}")
                sys.stderr.flush()
            yield chunk
    finally:
        sys.stderr.write("\n")


def _progress_line(name, n_bytes, total):
    done = f"{n_bytes / _MEGABYTE:.1f}"
    if not total:
        return f"{name} {done} MB"
    bar = ("#" * (_BAR_WIDTH * n_bytes // total)).ljust(_BAR_WIDTH, ".")
    return f"{name} [{bar}] {n_bytes / total:4.0%} {done} of {total / _MEGABYTE:.1f} MB"
