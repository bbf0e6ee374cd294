"""The channel `email` before a real SMTP server."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from pipeline.channels.sent import Sent
from pipeline.channels.unsubscribe import unsubscribe_token, verify_unsubscribe
from pipeline.errors import SealError
from pipeline.records import Email, Message, channel_key
from pipeline.settings.alerting import SmtpSettings
from pipeline.subscriptions.checks import check_email, check_mailbox
from tests.channelled import certificate, opened
from tests.told import NOW, item, message, story, subscription

PASSWORD = "a quite secret password"
TO = Email(to="reader@there.example")


@dataclass
class Mailbox:
    """What a server has taken, and what it answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipient: str = "250 OK"
    data: str = "250 OK"
    hang: asyncio.Event | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer as told."""
        envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        """Keep it, if it is taken."""
        if self.hang is not None:
            await self.hang.wait()
        content = envelope.content
        assert isinstance(content, bytes)
        if self.data.startswith("250"):
            self.raw.append(content)
            parsed = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
        return self.data


def password_is_right(
    _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: LoginPassword
) -> AuthResult:
    """As aiosmtpd asks."""
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def mailing(
    box: Mailbox, security: str = "none", tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[SmtpSettings]:
    """The settings of a server that fills `box`."""
    loop = asyncio.get_running_loop()
    if security == "starttls":
        options |= {"tls_context": tls, "require_starttls": True}
    server = await loop.create_server(
        lambda: SMTP(box, **options, loop=loop), "127.0.0.1", 0, ssl=tls if security == "tls" else None
    )
    async with server:
        yield SmtpSettings(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            security=security,  # type: ignore[arg-type]  # the test's values are the setting's
            sender="Counterclaim <alerts@here.example>",
        )


async def sent(folder: Path, smtp: SmtpSettings, told: Message | None = None, to: Email = TO, **alerts: Any) -> Sent:
    """One attempt."""
    async with opened(folder, smtp=smtp, **alerts) as (channels, _):
        return await channels.send(to, subscription(to), told or message())


async def test_a_mail_has_text_html_and_its_headers(tmp_path: Path) -> None:
    """From, To, Date, ids, both parts; made by a machine."""
    box = Mailbox()
    async with mailing(box) as smtp:
        assert await sent(tmp_path, smtp) == Sent("delivered", 250)
    [mail] = box.mails
    assert mail["From"] == "Counterclaim <alerts@here.example>"
    assert mail["To"] == "reader@there.example"
    assert mail["Subject"] == "Example Times: “Borduria denies jamming radio”"
    assert parsedate_to_datetime(mail["Date"]) == NOW
    assert mail["Message-ID"] == f"<{message().id}@here.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<mailto:alerts@here.example?subject=unsubscribe%20desk>"
    assert mail["List-Unsubscribe-Post"] is None
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Borduria denied it, according to reports, first by Example Times" in text.get_content()
    assert '<q dir="auto">Borduria denies jamming radio</q>' in html.get_content()


async def test_mails_of_a_story_are_a_thread(tmp_path: Path) -> None:
    """All refer to one root, which follows from subscription and story; others do not."""
    box = Mailbox()
    update = message("story.update", id="msg_" + "2" * 32)
    digest = message("digest", (item(1), item(2, story=story(thread="e" * 32))), id="msg_" + "3" * 32, thread="")
    other = message(id="msg_" + "4" * 32, thread="e" * 32)
    async with mailing(box) as smtp:
        for told in (message(), update, digest, other):
            assert (await sent(tmp_path, smtp, told)).outcome == "delivered"
    first, then, several, another = box.mails
    assert first["References"] == first["In-Reply-To"] == then["References"] == then["In-Reply-To"]
    assert first["Message-ID"] != then["Message-ID"]
    assert then["Subject"] == f"Re: {first['Subject']}"
    assert several["References"] is None
    assert another["References"] != first["References"]


async def test_a_mail_that_is_sent_again_has_its_id(tmp_path: Path) -> None:
    """So a mail program shows it once."""
    box = Mailbox()
    async with mailing(box) as smtp:
        await sent(tmp_path, smtp)
        await sent(tmp_path, smtp)
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]
    assert box.mails[0]["Date"] == box.mails[1]["Date"]


async def test_one_click_unsubscribes(tmp_path: Path) -> None:
    """RFC 8058: both headers, in one line each, with a token that names the channel."""
    box = Mailbox()
    base_url = "https://counterclaim.here.example/news"
    async with mailing(box) as smtp, opened(tmp_path, smtp=smtp, base_url=base_url) as (channels, seals):
        assert (await channels.send(TO, subscription(TO), message())).outcome == "delivered"
        [mail] = box.mails
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        [line] = [line for line in box.raw[0].split(b"\r\n") if line.startswith(b"List-Unsubscribe:")]
        url = line.decode().removeprefix("List-Unsubscribe: <").removesuffix(">")
        assert url.startswith(f"{base_url}/unsubscribe?")
        [token] = parse_qs(urlsplit(url).query)["token"]
        assert verify_unsubscribe(seals, token) == ("desk", channel_key("desk", TO))
        text = mail.get_body(("plain",))
        assert text is not None
        assert url in text.get_content()


async def test_a_token_that_was_changed_or_is_something_else_is_refused(tmp_path: Path) -> None:
    """Nobody makes one without the key; a sealed secret is none."""
    async with opened(tmp_path) as (_, seals):
        token = unsubscribe_token(seals, "desk", "0" * 16)
        for bad in (token[:-3] + "AAA", "x", "", seals.seal("whsec_something"), seals.seal("other|desk|0")):
            with pytest.raises(SealError):
                verify_unsubscribe(seals, bad)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str) -> None:
    """Both ways, with a password; a certificate that nobody vouches for is refused before anything is said."""
    context, cert = certificate(tmp_path)
    box = Mailbox()
    options = {"authenticator": password_is_right, "auth_require_tls": security == "starttls"}
    async with mailing(box, security, context, **options) as smtp:
        smtp = smtp.model_copy(update={"user": "me", "password": SmtpSettings(password=PASSWORD).password})
        refused = await sent(tmp_path, smtp)
        assert refused.outcome == "failed"
        assert "certificate" in refused.error.lower()
        assert not box.mails
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert await sent(tmp_path, smtp) == Sent("delivered", 250)
        wrong = smtp.model_copy(update={"password": SmtpSettings(password="another one").password})
        found = await sent(tmp_path, wrong)
    assert (found.outcome, found.status) == ("failed", 535)
    assert "another one" not in found.error


async def test_starttls_is_not_given_up_where_a_server_has_none(tmp_path: Path) -> None:
    """The password would go in the clear."""
    box = Mailbox()
    async with mailing(box) as smtp:
        found = await sent(tmp_path, smtp.model_copy(update={"security": "starttls"}))
    assert found.outcome == "failed"
    assert not box.mails


@pytest.mark.parametrize(
    ("box", "status", "error"),
    [
        (Mailbox(recipient="550 5.1.1 no such user"), 550, "refuses the recipient: 550 5.1.1 no such user"),
        (Mailbox(recipient="451 4.7.1 greylisted"), 451, "refuses the recipient: 451"),
        (Mailbox(data="452 4.3.1 full"), 452, "refuses the mail: 452"),
        (Mailbox(data="554 5.7.1 spam"), 554, "refuses the mail: 554"),
    ],
)
async def test_what_a_server_refuses_has_failed(tmp_path: Path, box: Mailbox, status: int, error: str) -> None:
    """With its code, for now or for good."""
    async with mailing(box) as smtp:
        found = await sent(tmp_path, smtp)
    assert (found.outcome, found.status) == ("failed", status)
    assert error in found.error


async def test_a_password_that_a_server_repeats_is_hidden(tmp_path: Path) -> None:
    """Its words go into the record of the delivery."""
    async with mailing(Mailbox(recipient=f"550 your {PASSWORD} is no recipient")) as smtp:
        found = await sent(tmp_path, smtp.model_copy(update={"password": SmtpSettings(password=PASSWORD).password}))
    assert "550 your *** is no recipient" in found.error


async def test_a_server_that_hangs_is_given_up(tmp_path: Path) -> None:
    """Within the timeout."""
    box = Mailbox(hang=asyncio.Event())
    async with mailing(box) as smtp:
        found = await sent(tmp_path, smtp, timeout_seconds=0.5)
        assert box.hang is not None
        box.hang.set()
    assert found.outcome == "failed"
    assert "time" in found.error or "0.5 s" in found.error


@pytest.mark.parametrize(
    "to", ["nobody", "", "a@b\r\nBcc: c@d", "a@b>, <c@d", "a b@c.example", "a@b.example, c@d.example", "Ä@b.example"]
)
async def test_what_is_no_address_gets_no_mail(tmp_path: Path, to: str) -> None:
    """And no second one either."""
    box = Mailbox()
    async with mailing(box) as smtp:
        found = await sent(tmp_path, smtp, to=Email(to=to))
    assert found.outcome == "failed"
    assert "no mail address" in found.error
    assert not box.mails


async def test_without_a_server_no_mail_is_sent(tmp_path: Path) -> None:
    """And it says what to set; a server that is away is another sentence."""
    assert "smtp.host" in (await sent(tmp_path, SmtpSettings())).error
    away = SmtpSettings(host="127.0.0.1", port=1, security="none", sender="a@b.example")
    found = await sent(tmp_path, away)
    assert found.error.startswith("the mail server could not be used")


async def test_long_texts_in_all_scripts_arrive(tmp_path: Path) -> None:
    """A long line is no reason for a server to refuse it."""
    title = "Бордурия отрицает " + "очень " * 60
    box = Mailbox()
    async with mailing(box) as smtp:
        assert (await sent(tmp_path, smtp, message(items=(item(story=story(title=title)),)))).outcome == "delivered"
    assert box.raw[0].isascii()  # a server need not take more
    assert max(map(len, box.raw[0].split(b"\r\n"))) <= 998
    text = box.mails[0].get_body(("plain",))
    assert text is not None
    assert title.strip() in text.get_content()


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("desk@example.org", True),
        ("a.b+c@example.org", True),
        ("müller@example.org", False),
        ('"a b"@example.org', False),
        ("a@b@c.example", False),
        ("a@example.org, b@example.org", False),
        ("a@[127.0.0.1]", False),
        ("a@example.org\n", False),
        ("Ada", False),
    ],
)
def test_an_address_that_a_subscription_may_have_can_be_written_to(address: str, good: bool) -> None:
    """What the file takes is what the channel takes; a sender may have a name before it."""
    for check, text in ((check_email, address), (check_mailbox, address), (check_mailbox, f"News Desk <{address}>")):
        if good:
            assert check(text) == text
        else:
            with pytest.raises(ValueError, match="is no mail address"):
                check(text)
    with pytest.raises(ValueError, match="is no mail address"):
        check_email(f"News Desk <{address}>")
