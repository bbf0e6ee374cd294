"""The channel `email`: one message of text and HTML a mail, by SMTP.

Sources: RFC 5322 (Message-ID, References), RFC 3834 (Auto-Submitted), RFC 2369 and RFC 8058 (List-Unsubscribe),
RFC 2919 (List-Id). The Message-ID follows from the message's id: a mail that is sent again is the same mail.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Final
from urllib.parse import quote

import aiosmtplib

from pipeline.channels.clean import Link, clean
from pipeline.channels.sent import Sent, failed
from pipeline.channels.templates import Templates
from pipeline.channels.view import View
from pipeline.records.alert import Message
from pipeline.settings.alerting import SmtpSettings
from pipeline.subscriptions.checks import check_mailbox

MAX_SUBJECT: Final = 200
"""Characters; a longer one is cut."""

QUIT_SECONDS: Final = 2.0
"""For leaving a server that has taken the mail already."""

_WHOLE: Final = frozenset({"list-unsubscribe", "list-id", "message-id", "references", "in-reply-to"})
"""Headers that are never folded: Python would encode what is too long for a line, and no program reads that there."""


class _Policy(EmailPolicy):
    def fold(self, name: str, value: str) -> str:
        if name.lower() in _WHOLE:
            return f"{name}: {value}{self.linesep}"
        folded: str = super().fold(name, value)
        return folded

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii") if name.lower() in _WHOLE else super().fold_binary(name, value)


_POLICY: Final = _Policy(linesep="\r\n", cte_type="7bit", max_line_length=SMTP.max_line_length, raise_on_defect=False)


def written(
    message: Message, view: View, templates: Templates, *, sender: str, to: str, unsubscribe: str = ""
) -> EmailMessage:
    """The mail.

    Args:
        unsubscribe: URL that ends it with one click, if there is one; else a reader writes to ``sender``.

    Raises:
        ValueError: an address is none.
        TemplateError: a shipped template is broken.
    """
    domain = _domain(sender)
    where = Link(unsubscribe)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = check_mailbox(sender)
    mail["To"] = check_mailbox(to)
    mail["Subject"] = clean(templates.render("email_subject.j2", view))[:MAX_SUBJECT]
    mail["Date"] = format_datetime(message.made)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    if message.thread:
        root = f"<{root_id(message.subscription, message.thread)}@{domain}>"
        mail["In-Reply-To"] = mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Id"] = f"<{message.subscription}.counterclaim.{domain}>"
    about = quote(f"unsubscribe {message.subscription}")
    mail["List-Unsubscribe"] = f"<{where}>" if where else f"<mailto:{parseaddr(sender)[1]}?subject={about}>"
    if where.startswith("https:"):  # RFC 8058 §3.1: nowhere else
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(templates.render("email.txt.j2", view, unsubscribe=where) + "\n")
    mail.add_alternative(templates.render("email.html.j2", view, unsubscribe=where) + "\n", subtype="html")
    return mail


def root_id(subscription: str, thread: str) -> str:
    """What all mails of a story refer to: nobody sent it, and mail programs need no more to show them together."""
    digest = hashlib.blake2b(f"mail|{subscription}|{thread}".encode(), digest_size=16).hexdigest()
    return f"story_{digest}"


async def submit(settings: SmtpSettings, mail: bytes, *, sender: str, to: str, timeout: float) -> Sent:
    """One attempt. What the server has taken is delivered, however the connection ends."""
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.user or None,
        password=settings.password.get_secret_value() or None if settings.user else None,
        use_tls=settings.security == "tls",
        start_tls=settings.security == "starttls",
        timeout=timeout,
    )
    try:
        await client.connect()
        await client.sendmail(parseaddr(sender)[1], [parseaddr(to)[1]], mail)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _refused(error.recipients[0])
    except aiosmtplib.SMTPResponseException as error:
        return _refused(error)
    except aiosmtplib.SMTPTimeoutError:
        return failed("the mail server did not answer in time")
    except (aiosmtplib.SMTPException, OSError) as error:
        return failed(f"the mail server could not be used: {clean(str(error)) or type(error).__name__}")
    else:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=QUIT_SECONDS)
        return Sent("delivered", 250)
    finally:
        client.close()


def _refused(error: aiosmtplib.SMTPResponseException) -> Sent:
    """4xx may pass, 5xx will hardly; both are tried again, for a mailbox that is unknown today may be back tomorrow."""
    who = "the recipient" if isinstance(error, aiosmtplib.SMTPRecipientRefused) else "the mail"
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        who = "our user name and password"
    return failed(f"the mail server refuses {who}: {error.code} {clean(error.message)}", status=error.code)


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


UNUSABLE: Final = (ValueError, MessageError)
"""What `written` raises of addresses that are none."""
