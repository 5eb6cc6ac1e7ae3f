"""IBSI's data are fetched whole, as published, or not at all."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ferromics import ibsi_data
from ferromics.errors import DownloadError, RadiomicsError

PHANTOM = ibsi_data.data_set("ibsi_1_digital_phantom")
IMAGE = "nifti/image/phantom.nii.gz"


class Mirror:
    """A server with GitHub's layout over IBSI's data; it can fail in several ways."""

    def __init__(self, data: Path) -> None:
        self.files = {
            f"/{entry.repository}/{entry.commit}/{file.source}": data / entry.name / file.path
            for entry in ibsi_data.data_sets()
            for file in entry.files
        }
        self.asked: Counter[str] = Counter()
        self.broken: dict[str, int] = {}  # path's end: transfers that break off
        self.spoilt: set[str] = set()
        self.missing: set[str] = set()
        self.halting: set[str] = set()
        self.halted, self.go_on = threading.Event(), threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked[request.path] += 1
        path = self.files.get(request.path)
        if path is None or any(request.path.endswith(end) for end in self.missing):
            request.send_error(404)
            return
        packed = path.with_name(f"{path.name}.gz")
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
        if any(request.path.endswith(end) for end in self.spoilt):
            content = content[:-1] + bytes([content[-1] ^ 1])
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        for end, left in self.broken.items():
            if request.path.endswith(end) and left > 0:
                self.broken[end] -= 1
                content = content[: len(content) // 2]
        if any(request.path.endswith(end) for end in self.halting):
            request.wfile.write(content[: len(content) // 2])
            self.halted.set()
            self.go_on.wait(60)
            return
        request.wfile.write(content)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def without_a_proxy(monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):  # a proxy cannot reach this machine
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def mirror(ibsi_data):
    made = Mirror(ibsi_data)
    yield made
    made.close()


def kept(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


ALL = {f"{PHANTOM.name}/{file.path}" for file in PHANTOM.files}


def test_everything_comes_and_the_suite_runs_on_it(mirror, cli, tmp_path) -> None:
    environment = {
        "FERROMICS_IBSI_MIRROR": mirror.url,
        "XDG_CACHE_HOME": str(tmp_path),
        "FERROMICS_IBSI_DATA": "",
    }
    done = cli("ibsi", "--download", "-c", "C", env=environment)
    assert done.returncode == 0, done.stderr
    assert "210 of 210 reference values matched" in done.stdout
    assert "CC BY-NC 3.0" in done.stderr
    published = {f"{s.name}/{f.path}" for s in ibsi_data.data_sets() for f in s.files}
    assert kept(tmp_path / "ferromics" / "ibsi") == published
    before = mirror.asked.total()
    again = cli("ibsi", "--download", "-c", "C", env=environment)
    assert again.returncode == 0
    assert mirror.asked.total() == before == len(published)


def test_what_is_there_stays_and_what_is_missing_comes(mirror, tmp_path) -> None:
    ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)
    assert kept(tmp_path) == ALL
    mirror.asked.clear()
    (tmp_path / PHANTOM.name / IMAGE).unlink()
    sizes: list[int] = []
    ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url, tell=sizes.append)
    assert [path.rsplit("/", 3)[-3:] for path in mirror.asked] == [IMAGE.split("/")]
    assert sum(sizes) == PHANTOM.size
    assert ibsi_data.differing(tmp_path, PHANTOM.name) == []


def test_a_transfer_that_breaks_once_is_tried_again(mirror, tmp_path) -> None:
    mirror.broken[IMAGE] = 1
    ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)
    assert kept(tmp_path) == ALL
    assert ibsi_data.differing(tmp_path, PHANTOM.name) == []


def test_a_transfer_that_breaks_off_leaves_no_torn_file_and_is_taken_up_again(
    mirror, tmp_path
) -> None:
    mirror.broken[IMAGE] = 99
    with pytest.raises(DownloadError, match=r"phantom\.nii\.gz broke off, twice; run the same"):
        ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)
    assert kept(tmp_path) < ALL
    assert f"{PHANTOM.name}/{IMAGE}" not in kept(tmp_path)
    mirror.broken.clear()
    mirror.asked.clear()
    before = kept(tmp_path)
    ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)
    assert kept(tmp_path) == ALL
    assert mirror.asked.total() == len(ALL - before)


def test_a_file_that_is_not_the_published_one_is_not_kept(mirror, cli, tmp_path) -> None:
    mirror.spoilt.add("phantom.nii.gz")
    with pytest.raises(DownloadError, match=r"SHA-256 differs\); it was not kept"):
        ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)
    assert f"{PHANTOM.name}/{IMAGE}" not in kept(tmp_path)
    environment = {"FERROMICS_IBSI_MIRROR": mirror.url, "FERROMICS_IBSI_DATA": ""}
    done = cli("ibsi", "--download", "--data", tmp_path / "other", env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "SHA-256 differs" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_leaves_no_torn_file(mirror, tmp_path) -> None:
    mirror.halting.add(IMAGE)
    command = [sys.executable, "-m", "ferromics", "ibsi", "--download", "--data", tmp_path]
    environment = {**os.environ, "FERROMICS_IBSI_MIRROR": mirror.url}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert mirror.halted.wait(60)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=60)
    mirror.go_on.set()
    assert process.returncode == 130
    assert messages.splitlines()[-1] == "ferromics: interrupted"
    assert kept(tmp_path) <= ALL - {f"{PHANTOM.name}/{IMAGE}"}


def test_maps_are_found_as_downloaded_and_packed(tmp_path) -> None:
    folder = tmp_path / ibsi_data.RESPONSE_MAPS
    folder.mkdir()
    packed, plain = folder / "3_a_1-ValidCRM.nii.gz", folder / "3_a_1-ValidCRM.nii"
    assert ibsi_data.response_map(tmp_path, "3.a.1") == plain
    packed.touch()
    assert ibsi_data.response_map(tmp_path, "3.a.1") == packed
    plain.touch()
    assert ibsi_data.response_map(tmp_path, "3.a.1") == plain


def test_a_file_that_is_gone_is_named(mirror, tmp_path) -> None:
    mirror.missing.add(IMAGE)
    with pytest.raises(DownloadError, match=r"phantom\.nii\.gz: the server answers 404"):
        ibsi_data.download(tmp_path, [PHANTOM], mirror=mirror.url)


def test_no_network_is_one_line_with_the_way_around(cli, tmp_path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
        environment = {"FERROMICS_IBSI_MIRROR": closed, "FERROMICS_IBSI_DATA": ""}
        done = cli("ibsi", "--download", "--data", tmp_path / "ibsi", env=environment)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "cannot reach 127.0.0.1" in last
    assert "clone of https://github.com/theibsi/data_sets" in last
    assert "Traceback" not in done.stderr


def test_a_download_error_is_one_of_ours() -> None:
    assert issubclass(DownloadError, RadiomicsError)


def test_data_are_looked_for_where_the_user_says_then_in_the_cache(
    ibsi_data, monkeypatch, tmp_path
) -> None:
    from ferromics import ibsi_data as module

    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv(module.FOLDER_VARIABLE, raising=False)
    assert module.find() is None
    assert module.find(beside=ibsi_data) == ibsi_data
    (tmp_path / "cache").symlink_to(ibsi_data)
    assert module.find(beside=tmp_path) == tmp_path / "cache"
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(ibsi_data))
    assert module.find() == ibsi_data
    assert module.find(tmp_path / "cache") == tmp_path / "cache"
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(
        RadiomicsError, match=f"{module.FOLDER_VARIABLE} .* does not hold IBSI's data"
    ):
        module.find()
