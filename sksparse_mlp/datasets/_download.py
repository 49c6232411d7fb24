"""Downloads through pooch, with a limit on their size and errors that say what to do."""

import io
import shutil

from ._checksums import checksum_path

CHUNK_BYTES = 1 << 16
MEGABYTE = 1e6
# Of the answers that blame the client, those that another attempt may change.
PASSING_CLIENT_ERRORS = frozenset({408, 425, 429})
ADVICE = "pip install 'sksparse-mlp[data]'"


def download(url, path, *, sha256, max_bytes, n_retries, timeout, progress_bar):
    """Fetch ``url`` into ``path``; nothing is left there unless the hash is right.

    A ``sha256`` of None accepts any. The download stops at ``max_bytes``, whatever size the server
    has named, and an attempt at ``timeout`` seconds without a byte; pooch waits between attempts.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(f"fetch_microarray needs pooch to download: {ADVICE}") from error
    manager = pooch.create(
        path=path.parent,
        base_url="",
        registry={path.name: sha256},
        urls={path.name: url},
        retry_if_failed=n_retries,
    )
    downloader = LimitedDownloader(pooch, url, path.parent, max_bytes, timeout, progress_bar)
    try:
        manager.fetch(path.name, downloader=downloader)
    # The errors of requests, which pooch passes on, are among them.
    except OSError as error:
        raise OSError(
            f"could not download {url} with n_retries={n_retries} and timeout={timeout:g}: {error}"
        ) from error
    except ValueError as error:
        raise OSError(
            f"{url} has another SHA-256 checksum than expected ({sha256}): the file was damaged on "
            f"its way, or has changed on the server. Nothing was kept of it. Where the expected "
            f"checksum is that of an earlier download, delete {checksum_path(path)} to accept "
            "the new file."
        ) from error


class LimitedDownloader:
    """The HTTP downloader of pooch, with a look at each answer and a limit on what it writes."""

    def __init__(self, pooch, url, folder, max_bytes, timeout, progress_bar):
        self.url, self.folder, self.max_bytes = url, folder, max_bytes
        self.answers = []
        try:
            self.http = pooch.HTTPDownloader(
                progressbar=progress_bar,
                chunk_size=CHUNK_BYTES,
                timeout=timeout,
                headers={"Accept-Encoding": "identity"},
                hooks={"response": self._look_at},
            )
        except ValueError as error:
            raise ImportError(f"progress_bar=True needs tqdm: {ADVICE}") from error

    def __call__(self, url, output_file, pooch):
        """Transfer ``url`` into ``output_file``, the temporary file of the given pooch."""
        try:
            with LimitedFile(output_file, self.max_bytes) as file:
                self.http(url, file, pooch)
        finally:
            while self.answers:
                self.answers.pop().close()

    def _look_at(self, answer, **_):
        """Prepare an answer before its body is read, or refuse it for good."""
        self.answers.append(answer)
        if self.url.startswith("https:") and not answer.url.startswith("https:"):
            raise OSError(f"it leads to {answer.url}, which HTTPS does not protect")
        if answer.is_redirect:
            # Otherwise requests would read the body into memory, whatever its size.
            answer.close()
            return
        if 400 <= answer.status_code < 500 and answer.status_code not in PASSING_CLIENT_ERRORS:
            raise OSError(
                f"the server answered {answer.status_code} {answer.reason}. "
                "If the file has moved, name a mirror with the base_url parameter."
            )
        self._check_length(answer.headers.get("Content-Length", "0"))
        # Undecoded, so that the bytes on disk are those the server holds.
        answer.raw.headers.pop("Content-Encoding", None)
        # Before its version 2, urllib3 takes a short body for a whole one.
        answer.raw.enforce_content_length = True

    def _check_length(self, length):
        if not length.isdecimal() or int(length) > self.max_bytes:
            raise OSError(f"the server names {length} bytes; at most {self.max_bytes} are expected")
        free = shutil.disk_usage(self.folder).free
        if int(length) > free:
            raise OSError(
                f"no space: {int(length) / MEGABYTE:.1f} MB are needed and "
                f"{free / MEGABYTE:.1f} MB are free; choose another data_home"
            )


class LimitedFile(io.BufferedWriter):
    """A new file that refuses to grow beyond a limit."""

    def __init__(self, path, max_bytes):
        super().__init__(io.FileIO(path, "wb"))
        self.max_bytes = max_bytes

    def write(self, chunk):
        """Write a piece, unless the file would be too large with it."""
        if self.tell() + len(chunk) > self.max_bytes:
            raise OSError(f"the server sent more than {self.max_bytes} bytes, the most expected")
        return super().write(chunk)
