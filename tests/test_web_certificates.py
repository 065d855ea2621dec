"""Certificates of one's own: trusted by whoever was given the authority, and by nobody else."""

import re
import ssl
import stat
import subprocess
import sys
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from pimenton.cli import main
from pimenton.web.certificates import certify
from serving import serving, small


@pytest.mark.parametrize("names", [[], ["two words"], ["a/b"], [""], ["ñandu.example"]])
def test_what_is_no_name_is_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="name"):
        certify(names)


def test_days_have_a_range() -> None:
    with pytest.raises(ValueError, match="between 1 and 825; got 0"):
        certify(n_days=0)


def test_the_key_is_its_owners_alone_and_nothing_is_replaced(tmp_path: Path) -> None:
    arguments = ["certificate", "--to", str(tmp_path / "tls"), "pictures.example", "10.0.0.7"]
    assert main(arguments) == 0
    key = tmp_path / "tls" / "certificate.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert main(arguments) == 1
    assert key.read_bytes() == before
    assert main([*arguments, "--force"]) == 0
    assert key.read_bytes() != before


def test_the_service_is_trusted_by_its_authority(tmp_path: Path) -> None:
    assert main(["certificate", "--to", str(tmp_path)]) == 0
    files = [str(tmp_path / name) for name in ("certificate.pem", "certificate.key")]
    with serving("--tls-cert", files[0], "--tls-key", files[1]) as service:
        assert service.address.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        for host in ("localhost", "127.0.0.1"):
            connection = HTTPSConnection(host, service.place[1], context=trusting, timeout=30)
            connection.request("POST", "/api/compress?preview=true", small())
            response = connection.getresponse()
            assert response.status == 200
            response.read()
            connection.close()
        doubting = HTTPSConnection(
            "localhost", service.place[1], context=ssl.create_default_context(), timeout=30
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            doubting.request("GET", "/")
        doubting.close()


def test_files_that_are_no_certificate_are_said_in_a_line(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    command = [sys.executable, "-m", "pimenton", "serve", "--port", "0", "--data", str(tmp_path)]
    for flags in (
        ["--tls-cert", str(nonsense), "--tls-key", str(nonsense)],
        ["--tls-cert", str(tmp_path / "none"), "--tls-key", str(nonsense)],
    ):
        refused = subprocess.run([*command, *flags], capture_output=True, text=True)
        assert refused.returncode == 1
        assert re.fullmatch(r"pimenton: .*(nonsense|none).*\n", refused.stderr)
    alone = subprocess.run([*command, "--tls-key", "x"], capture_output=True, text=True)
    assert (alone.returncode, "go together" in alone.stderr) == (2, True)
