"""Makes a TLS certificate for this machine, so that other machines may give their cameras."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.errors import CandorError
from app.settings import load_settings

# Some browsers refuse server certificates that are good for longer.
LONGEST_DAYS = 825


def local_names() -> tuple[str, ...]:
    """The names and addresses this machine answers to, as far as it can tell."""
    host = socket.gethostname()
    names = {"localhost", "127.0.0.1", "::1", host}
    with contextlib.suppress(OSError):
        names |= {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None)}
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # No packet leaves: connecting a datagram socket only picks the address to send from.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                names.add(str(probe.getsockname()[0]))
        except OSError:
            continue
    return tuple(sorted(names))


def make_certificate(names: Sequence[str], days: int, now: datetime) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, both PEM, valid for `names` (hosts and addresses).

    Raises ValueError for a name that no certificate can hold.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Candor on this machine")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(list(_general_names(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _general_names(names: Iterable[str]) -> Iterable[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            yield x509.DNSName(name)


def write_pair(folder: Path, certificate: bytes, key: bytes) -> tuple[Path, Path]:
    """Write `candor.crt` and `candor.key`; only the owner may read the key."""
    folder.mkdir(parents=True, exist_ok=True)
    cert_path, key_path = folder / "candor.crt", folder / "candor.key"
    key_path.unlink(missing_ok=True)
    descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    cert_path.write_bytes(certificate)
    return cert_path, key_path


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when the pair was written, 1 when not."""
    parser = argparse.ArgumentParser(prog="./run.sh tls", description=__doc__)
    parser.add_argument("--name", action="append", default=[], help="one more name or address")
    parser.add_argument("--days", type=int, default=LONGEST_DAYS, help="how long it is good for")
    parser.add_argument("--out", type=Path, help="folder (default: data/tls)")
    parser.add_argument("--force", action="store_true", help="replace a pair that is there")
    options = parser.parse_args(arguments)
    if not 1 <= options.days <= LONGEST_DAYS:
        parser.error(f"--days must be 1 to {LONGEST_DAYS}")
    try:
        folder = (options.out or load_settings().data_path / "data" / "tls").resolve()
    except CandorError as error:
        print(error.message, file=sys.stderr)
        return 1
    if (folder / "candor.key").exists() and not options.force:
        print(f"{folder}/candor.key is there already; --force replaces it.", file=sys.stderr)
        return 1
    names = tuple(dict.fromkeys([*local_names(), *options.name]))
    try:
        certificate, key = make_certificate(names, options.days, datetime.now(timezone.utc))
        cert_path, key_path = write_pair(folder, certificate, key)
    except (OSError, ValueError) as error:
        print(f"No certificate was made: {error}", file=sys.stderr)
        return 1
    print(f"Made a certificate for {', '.join(names)}, good for {options.days} days.\n")
    print("Put these lines into .env and start again:\n")
    print(f"FLASK_HOST=0.0.0.0\nPROCTOR_TLS_CERT={cert_path}\nPROCTOR_TLS_KEY={key_path}\n")
    print(
        "No authority signed it: every browser asks once whether to trust it. Import candor.crt\n"
        "on the exam machines, or use a certificate of your organisation, to avoid the question."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
