"""Downloading microarray files: bad connections, hostile servers, progress."""

import io
import shutil
import sys

import numpy as np
import pytest
import requests
import urllib3
from datasets_toys import (
    BOMB_BYTES,
    EXPRESSION,
    MAT,
    VALUES,
    cached,
    folder_of,
    names_in,
)

pytest_plugins = ["datasets_fixtures"]


# Bad connections


def test_not_found_is_final(fetch, site):
    del site.files[MAT]
    with pytest.raises(OSError, match=r"TOY_10\.mat .*: the server answered 404.*base_url"):
        fetch()
    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_error_that_may_pass_is_retried(fetch, site, status):
    site.faults = [status, status]
    np.testing.assert_array_equal(fetch(n_retries=2).data, VALUES)
    assert len(site.requests) == 3


def test_retries_end(fetch, site):
    site.faults = [503, 503, 503]
    with pytest.raises(OSError, match=r"with n_retries=1 .*: 503 Server Error"):
        fetch(n_retries=1)
    assert len(site.requests) == 2


def test_retries_wait_longer_and_longer(fetch, site):
    site.faults = [503, 503, 503]
    fetch()
    assert site.waits == [1, 2, 3]


def test_server_that_dies_in_the_middle_is_asked_again(fetch, site, tmp_path):
    site.faults = [("cut", 1000), ("cut", 2000)]
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert len(site.requests) == 3
    assert cached(tmp_path).read_bytes() == site.files[MAT]


def test_truncated_file_is_not_kept(fetch, site, tmp_path):
    site.faults = [("cut", 1000)]
    with pytest.raises(OSError, match="1000 bytes read"):
        fetch(n_retries=0)
    assert names_in(folder_of(tmp_path)) == []


def test_interrupt_leaves_nothing(fetch, site, tmp_path, monkeypatch):
    def interrupt(response, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Response, "iter_content", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch()
    assert names_in(folder_of(tmp_path)) == []


def test_slow_server(fetch, site):
    site.faults = [("stall", 1000)]
    with pytest.raises(OSError, match=r"timeout=0\.2: .*timed out"):
        fetch(n_retries=0, timeout=0.2)
    np.testing.assert_array_equal(fetch().data, VALUES)


def test_bytes_are_kept_as_they_are_sent(fetch, site):
    site.content_encoding = "x-gzip"
    np.testing.assert_array_equal(fetch("GSE1").data, EXPRESSION)
    assert site.requests[0][1] == "identity"


def test_no_server(fetch, tmp_path):
    with pytest.raises(OSError, match=r"could not download http://127\.0\.0\.1:9/TOY_10\.mat"):
        fetch(base_url="http://127.0.0.1:9", n_retries=1)
    assert names_in(folder_of(tmp_path)) == []


def test_no_space(fetch, site, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with pytest.raises(OSError, match=r"no space.* 0\.0 MB are free; choose another data_home"):
        fetch()
    assert len(site.requests) == 1


# Hostile servers


def endless(site, chunk=bytes(1 << 16), **headers):
    def script(handler):
        site.send_head(handler, 200, **headers)
        site.send_without_end(handler, chunk)

    return script


CHUNKED = {"chunk": b"10000\r\n" + bytes(1 << 16) + b"\r\n", "Transfer_Encoding": "chunked"}


@pytest.mark.parametrize("answer", [{}, CHUNKED], ids=["until it is closed", "chunked"])
def test_endless_file_stops_at_a_limit(fetch, site, tmp_path, answer):
    site.scripts[MAT] = endless(site, **answer)
    with pytest.raises(OSError, match=r"the server sent more than 703360 bytes"):
        fetch()
    assert len(site.requests) == 1
    assert site.n_sent < BOMB_BYTES / 2
    assert names_in(folder_of(tmp_path)) == []


def test_size_beyond_the_limit_is_refused_at_once(fetch, site):
    site.scripts[MAT] = endless(site, Content_Length=703361)
    with pytest.raises(OSError, match="the server names 703361 bytes; at most 703360"):
        fetch()
    assert len(site.requests) == 1


@pytest.mark.parametrize("length", ["many", "-1", "1e3"])
def test_size_that_is_no_number_is_refused(fetch, site, length):
    site.scripts[MAT] = endless(site, Content_Length=length)
    with pytest.raises(OSError, match=f"the server names {length} bytes"):
        fetch()
    assert len(site.requests) == 1


def test_more_bytes_than_the_server_has_named_are_not_taken(fetch, site, tmp_path):
    site.scripts[MAT] = endless(site, Content_Length=1000)
    with pytest.raises(OSError, match="damaged or not the expected one"):
        fetch()
    (rejected,) = folder_of(tmp_path).iterdir()
    assert rejected.stat().st_size == 1000


def test_file_without_a_named_size(fetch, site):
    site.has_length = False
    np.testing.assert_array_equal(fetch().data, VALUES)


def redirect(site, **headers):
    def script(handler):
        site.send_head(handler, 302, Location="/moved.mat", **headers)
        site.send_without_end(handler, bytes(1 << 16))

    return script


def test_redirect_is_followed_but_its_body_not_read(fetch, site):
    site.files["moved.mat"] = site.files[MAT]
    site.scripts[MAT] = redirect(site)
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert site.n_sent < BOMB_BYTES / 2


def test_redirects_without_end(fetch, site):
    def script(handler):
        site.send_head(handler, 302, Location=f"/{MAT}", Content_Length=0)

    site.scripts[MAT] = script
    with pytest.raises(OSError, match="redirects"):
        fetch(n_retries=0)


def test_https_is_not_given_up_on_the_way(fetch, monkeypatch):
    asked = []

    def send(adapter, request, **settings):
        asked.append(request.url)
        response = requests.Response()
        response.status_code, response.url, response.request = 302, request.url, request
        response.headers["Location"] = "http://mirror.invalid/TOY_10.mat"
        response.raw = urllib3.HTTPResponse(io.BytesIO(), preload_content=False)
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(OSError, match=r"leads to http://mirror.* HTTPS does not protect"):
        fetch(base_url="https://mirror.invalid")
    assert asked == ["https://mirror.invalid/TOY_10.mat", "http://mirror.invalid/TOY_10.mat"]


# Progress


class Bar:
    """What pooch uses of a tqdm bar."""

    made = ()

    def __init__(self, total, **style):
        self.total = total
        Bar.made += (self,)

    def update(self, n_bytes):
        pass

    def reset(self):
        pass

    def close(self):
        pass


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setattr("pooch.downloaders.tqdm", Bar)
    monkeypatch.setattr(Bar, "made", ())
    return Bar


@pytest.mark.parametrize(
    ("progress_bar", "on_terminal", "is_drawn"),
    [
        (True, False, True),
        (True, True, True),
        (False, True, False),
        ("auto", False, False),
        ("auto", True, True),
    ],
)
def test_progress_bar(fetch, site, bars, monkeypatch, progress_bar, on_terminal, is_drawn):
    monkeypatch.setattr("sksparse_mlp.datasets._fetch.find_spec", lambda name: name)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    fetch(progress_bar=progress_bar)
    assert [bar.total for bar in bars.made] == [len(site.files[MAT])] * is_drawn


def test_no_automatic_progress_bar_without_tqdm(fetch, bars, monkeypatch):
    monkeypatch.setattr("sksparse_mlp.datasets._fetch.find_spec", lambda name: None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch()
    assert bars.made == ()


def test_progress_bar_without_tqdm(fetch, site, monkeypatch):
    monkeypatch.setattr("pooch.downloaders.tqdm", None)
    with pytest.raises(ImportError, match=r"needs tqdm: pip install 'sksparse-mlp\[data\]'"):
        fetch(progress_bar=True)
    assert not site.requests
