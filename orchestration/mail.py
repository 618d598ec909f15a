"""One mail over SMTP, by the settings of alerts (ALERT_SMTP_HOST and its like).

Flows in: whom, a title, a text, files. Flows out: one message. Raises OSError or SMTPException.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from email.message import EmailMessage

from connections.settings import Settings

SECONDS_TO_SEND = 10


def send(
    settings: Settings, to: str, title: str, text: str, files: Mapping[str, bytes] | None = None
) -> None:
    """Send it to all of `to`; `files` are attached under their names."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = title, settings.alert_from, to
    mail.set_content(text)
    for name, content in (files or {}).items():
        mail.add_attachment(content, maintype="application", subtype=_subtype(name), filename=name)
    host, _, port = settings.alert_smtp_host.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=SECONDS_TO_SEND) as server:
        if settings.alert_smtp_user:
            server.starttls()
            server.login(settings.alert_smtp_user, settings.alert_smtp_password.get_secret_value())
        server.send_message(mail)


def _subtype(name: str) -> str:
    return "pdf" if name.endswith(".pdf") else "octet-stream"
