"""A certificate for a name of one's own, signed by an authority that nobody else knows.

The authority signs this one certificate, and its key is forgotten: whoever trusts it trusts nothing
that could be made later.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Some clients trust no certificate that is good for longer.
MAX_DAYS = 825
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certified:
    """A certificate in PEM, with what belongs to it.

    Attributes
    ----------
    authority : bytes
        The certificate that clients have to trust.
    certificate : bytes
        What the service shows.
    key : bytes
        What the service keeps to itself.
    """

    authority: bytes
    certificate: bytes
    key: bytes


def certify(names: Sequence[str] = LOCAL_NAMES, *, n_days: int = MAX_DAYS) -> Certified:
    """Make an authority, and a certificate that it signs.

    Parameters
    ----------
    names : sequence of str
        Names and addresses by which the service is called.
    n_days : int, optional
        How long it is good, 1 to 825.

    Raises
    ------
    ValueError
        If a name is none, there is none, or the time is out of its range.

    Examples
    --------
    >>> certify(["pictures.example"]).certificate.splitlines()[0]
    b'-----BEGIN CERTIFICATE-----'
    """
    if not names:
        raise ValueError("a certificate must have at least one name")
    if not 1 <= n_days <= MAX_DAYS:
        raise ValueError(f"n_days must be between 1 and {MAX_DAYS}; got {n_days}")
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _named("pimenton's own authority")
    authority = (
        _begun(authority_name, authority_name, authority_key, n_days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(_identifier(authority_key), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _begun(_named("pimenton"), authority_name, key, n_days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_identifier(key), critical=False)
        .add_extension(issuer, critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    kept = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = serialization.Encoding.PEM
    return Certified(authority.public_bytes(pem), certificate.public_bytes(pem), kept)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, n_days: int
) -> x509.CertificateBuilder:
    # Clocks that are a little slow accept it at once.
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=n_days))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Say what a key is for: to sign certificates, or to speak for a server."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    if not name or not name.isascii() or not all(c.isalnum() or c in "-.*_" for c in name):
        raise ValueError(f"a name must have letters, digits, dots and hyphens; got {name!r}")
    return x509.DNSName(name)
