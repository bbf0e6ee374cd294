"""Channels as they are run, over settings of a test."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.channels.channels import Channels
from pipeline.channels.templates import Templates
from pipeline.sealing import Seals
from pipeline.settings.alerting import AlertsSettings, SmtpSettings
from pipeline.settings.models import Settings


class NoProducer:
    """For whatever does not send to Kafka."""

    async def send(self, topic: str, value: bytes, *, key: bytes) -> object:
        """Nobody calls it."""
        raise AssertionError(f"a record for {topic}")


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    smtp: SmtpSettings | None = None,
    templates: Templates | None = None,
    clock: Callable[[], datetime] | None = None,
    producer: Any = None,
    **alerts: Any,
) -> AsyncIterator[tuple[Channels, Seals]]:
    """Channels with a key of their own; receivers on this machine are allowed."""
    fields: dict[str, Any] = {"allow_private": True, "timeout_seconds": 30, "feeds_dir": folder / "feeds"} | alerts
    settings = Settings(directory=folder, alerts=AlertsSettings(**fields), smtp=smtp or SmtpSettings())
    seals = Seals.open(folder / "secret.key", create=True)
    more: dict[str, Any] = {} if clock is None else {"clock": clock}
    async with Channels(settings, seals, templates or Templates(), producer or NoProducer(), **more) as channels:
        yield channels, seals


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for 127.0.0.1, with a certificate that signs itself; and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert_file, key_file)
    return context, cert_file
