"""TinyPNG's clients over TLS, with an authority of one's own: Node's, and Python's."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from images import ROOT
from pimenton.cli import main
from pimenton.web.keys import Keys
from pimenton.web.records import Records
from serving import Service, serving
from stores import bucket
from tinypng import opened, picture, pictures, telling


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    assert main(["certificate", "--to", str(folder)]) == 0
    (folder / "photo.png").write_bytes(picture())
    (folder / "telling.jpg").write_bytes(telling())
    return folder


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    with closing(Records(folder)) as records:
        return Keys(records).add("press")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with bucket() as address:
        yield address


@pytest.fixture(scope="module")
def service(folder: Path, key: str, s3: str) -> Iterator[Service]:
    flags = ["--data", str(folder), "--source-hosts", "127.0.0.1", "--s3", s3, "--jobs", "2"]
    flags += ["--tls-cert", str(folder / "certificate.pem")]
    with serving(*flags, "--tls-key", str(folder / "certificate.key")) as service:
        yield service


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Node's client as it is in npm's registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs npm and node")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text("{}")
    command = [npm, "install", "--no-audit", "--no-fund", "--no-progress", "tinify@1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install tinify: {done.stderr.strip()[-200:]}")
    return folder


def test_node_s_client_does_every_call(
    service: Service, folder: Path, key: str, s3: str, installed: Path
) -> None:
    words = [installed, service.address.rstrip("/"), folder / "authority.pem", key]
    with pictures() as address:
        words += [address, s3, folder / "photo.png", folder / "telling.jpg"]
        command = ["node", str(ROOT / "tests/npm/tinify.mjs"), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 13


def test_python_s_client_knows_an_authority_by_the_environment(
    service: Service, folder: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tinify = pytest.importorskip("tinify")
    tinify.Client.API_ENDPOINT = service.address.rstrip("/")
    tinify.key = key
    try:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        with pytest.raises(tinify.ConnectionError):
            tinify.from_buffer(picture())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "authority.pem"))
        assert opened(tinify.from_buffer(picture()).to_buffer()) == ("PNG", (120, 80))
    finally:
        tinify.get_client().close()
        tinify.key = None
