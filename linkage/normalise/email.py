"""E-mail addresses: one address for one mailbox, however its owner writes it.

Plus tags are dropped everywhere: nearly every provider ignores them, and the few that do not lose little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from linkage.normalise import domain
from linkage.normalise.kind import Context


@dataclass(frozen=True, slots=True)
class Provider:
    """A mail provider whose mailboxes have several spellings: its domain, the others, and what it ignores."""

    domain: str
    others: tuple[str, ...] = ()
    ignores: str = ""


PROVIDERS = (
    Provider("gmail.com", ("googlemail.com",), ignores="."),
    Provider("proton.me", ("protonmail.com", "protonmail.ch", "pm.me"), ignores="._-"),
    Provider("yandex.ru", ("ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua")),
    Provider("fastmail.com", ("fastmail.fm",)),
    Provider("icloud.com", ("me.com", "mac.com")),
)
_PROVIDER = {name: provider for provider in PROVIDERS for name in (provider.domain, *provider.others)}

# Bounded so that whatever it matches is within the lengths that addresses may have; others go to the library.
_LABEL = r"[a-z0-9]{1,20}(?:-[a-z0-9]{1,20}){0,2}"
CANONICAL = rf"^[a-z0-9]{{1,20}}(?:[._-][a-z0-9]{{1,20}}){{0,2}}@(?:{_LABEL}\.){{1,2}}[a-z]{{2,24}}$"
_NOBODY = "test|none|no|noemail|no-email|nobody|unknown|null|na|asdf|noreply|no-reply|donotreply"
_NOWHERE = "test|none|no|noemail|no-email|nobody|unknown|null|na|asdf|example|domain|email"
_JUNK = rf"^(?:{_NOBODY})@(?:{_NOWHERE})\.[a-z]+$"
_JUNK_RE = re.compile(_JUNK)
UNLESS = rf"{_JUNK}|@(?:{'|'.join(re.escape(name) for name in _PROVIDER)})$"
_PLAIN = re.compile(CANONICAL)
#: as a mail program writes it: `Jay Jones <jjones@example.org>`
_NAMED = re.compile(r".*<([^<>]+)>")


def normalise(text: str, _: Context) -> str | None:
    """The mailbox's address in lower case, without tag, in its provider's main spelling."""
    text = (named[1] if (named := _NAMED.fullmatch(text)) else text.removeprefix("mailto:")).strip().lower()
    if not _PLAIN.fullmatch(_without_tag(text)) or len(text) > 254:
        try:
            parsed = validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return None
        text = f"{parsed.local_part}@{parsed.ascii_domain or ''}".lower()
    local, _at, host = _without_tag(text).rpartition("@")
    if provider := _PROVIDER.get(host):
        host = provider.domain
        local = local.translate({ord(character): None for character in provider.ignores})
    address = f"{local}@{host}"
    return address if local and len(local) <= 64 and not _JUNK_RE.fullmatch(address) else None


def _without_tag(address: str) -> str:
    local, at, host = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{host}"


def normalise_domain(text: str, context: Context) -> str | None:
    """The domain of an address or the domain itself; providers of several spellings count as one."""
    host = domain.normalise(text.rpartition("@")[2], context)
    provider = _PROVIDER.get(host or "")
    return provider.domain if provider else host


def mask(value: str) -> str:
    """Show the first letter and the domain."""
    local, _at, host = value.rpartition("@")
    return f"{local[:1]}***@{host}"


DOMAIN_UNLESS = rf"^(?:www[0-9]?\.|(?:{'|'.join(re.escape(name) for p in PROVIDERS for name in p.others)})$)"
