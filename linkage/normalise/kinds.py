"""The table of kinds: everything the project knows about a kind of identifier, one row each.

To add a kind, write its rule in a file of its own (or take one that is there) and add a row here; see
`docs/kinds.md`. How much a kind weighs is the model's business (`linkage/engine/models`): a kind that the model
does not name gets cautious defaults by its strength.
"""

from __future__ import annotations

import re

from linkage.model.identifier import AND, SIMILAR
from linkage.normalise import (
    api_key,
    bank_account,
    device,
    document,
    domain,
    email,
    ip,
    organisation,
    payment,
    person,
    phone,
    postal_address,
    tls_fingerprint,
    token,
    user_agent,
)
from linkage.normalise.kind import Cards, Kind, Strength
from linkage.normalise.text import show_all

_TABLE = (
    Kind(
        name="email",
        label="Email",
        noun="e-mail address",
        about="an e-mail address: tags and providers' spellings folded into one mailbox",
        wanted="an e-mail address",
        rule=email.normalise,
        mask=email.mask,
        canonical=email.CANONICAL,
        unless=email.UNLESS,
        family="email",
        strength=Strength.STRONG,
        aliases=("e_mail", "email_address", "mail"),
        cards=Cards.NONE,
    ),
    Kind(
        name="email_domain",
        label="EmailDomain",
        noun="e-mail domain",
        about="the domain of an e-mail address",
        wanted="a domain",
        rule=email.normalise_domain,
        mask=show_all,
        canonical=domain.CANONICAL,
        unless=email.DOMAIN_UNLESS,
        family="email",
        strength=Strength.WEAK,
        cards=Cards.NONE,
    ),
    Kind(
        name="phone",
        label="Phone",
        about="a phone or fax number, in E.164 where its country is known",
        wanted="a phone number",
        rule=phone.normalise,
        mask=phone.mask,
        canonical=phone.CANONICAL,
        family="phone",
        strength=Strength.STRONG,
        aliases=("phone_number", "telephone", "tel", "mobile", "msisdn", "fax", "fax_number"),
        cards=Cards.NONE,
    ),
    Kind(
        name="payment_method",
        label="PaymentMethod",
        about="a payment processor's fingerprint of a card or account, never a card number",
        wanted="a processor's fingerprint",
        rule=payment.normalise,
        canonical=payment.CANONICAL,
        family="payment",
        strength=Strength.STRONG,
        aliases=(
            "payment",
            "card",
            "card_fingerprint",
            "payment_fingerprint",
            "payment_instrument",
            "wallet",
            "paypal",
        ),
        cards=Cards.ANY,
    ),
    Kind(
        name="payment_account",
        label="PaymentAccount",
        about="an account that money was sent to or received from, one's own or another's",
        wanted="an account's number or name",
        rule=payment.normalise_account,
        canonical=payment.ACCOUNT_CANONICAL,
        family="context",
        strength=Strength.WEAK,
        cards=Cards.NONE,  # numbers of payment services look like card numbers, and one in ten passes the check
    ),
    Kind(
        name="bank_account",
        label="BankAccount",
        about="a bank account: an IBAN, or a national account number",
        wanted="an account number, or an IBAN with right check digits",
        rule=bank_account.normalise,
        mask=bank_account.mask,
        family="payment",
        strength=Strength.STRONG,
        aliases=("iban", "account_number"),
    ),
    Kind(
        name="ip",
        label="IP",
        noun="IP address",
        about="an IP address; IPv6 counts as its /64",
        wanted="a public or private IPv4 or IPv6 address",
        rule=ip.normalise,
        mask=ip.mask,
        canonical=ip.CANONICAL,
        unless=ip.UNLESS,
        family="network",
        strength=Strength.WEAK,
        aliases=("ip_address", "ipv4", "ipv6", "remote_addr"),
        cards=Cards.NONE,
    ),
    Kind(
        name="device",
        label="Device",
        about="a device's id or fingerprint",
        wanted="a device's id",
        rule=device.normalise,
        canonical=device.CANONICAL,
        unless=device.UNLESS,
        family="device",
        strength=Strength.STRONG,
        aliases=("device_id", "device_fingerprint", "machine_id"),
    ),
    Kind(
        name="user_agent",
        label="UserAgent",
        noun="browser identification",
        about="the User-Agent header",
        wanted="a user agent",
        rule=user_agent.normalise,
        mask=user_agent.mask,
        family="device",
        strength=Strength.WEAK,
        aliases=("useragent", "ua"),
    ),
    Kind(
        name="tls_fingerprint",
        label="TlsFingerprint",
        noun="TLS fingerprint",
        about="the fingerprint of a TLS client (JA3, JA4)",
        wanted="a TLS fingerprint",
        rule=tls_fingerprint.normalise,
        canonical=tls_fingerprint.CANONICAL,
        unless=tls_fingerprint.UNLESS,
        family="device",
        strength=Strength.WEAK,
        aliases=("ja3", "ja4", "tls"),
    ),
    Kind(
        name="organisation",
        label="OrganisationReference",
        about="an organisation that a subject names, by id or by name",
        wanted="an organisation's id or name",
        rule=organisation.normalise,
        family="organisation",
        strength=Strength.MEDIUM,
        aliases=("organization", "org", "company"),
    ),
    Kind(
        name="organisation_name",
        label="OrganisationName",
        about="an organisation's own name, without its legal form",
        wanted="a name",
        rule=organisation.normalise_name,
        family="organisation",
        strength=Strength.MEDIUM,
        aliases=("organization_name", "org_name", "company_name", "business_name"),
    ),
    Kind(
        name="employer",
        label="Employer",
        about="the organisation that somebody works for, by name",
        wanted="a name",
        rule=organisation.normalise_name,
        family="organisation",
        strength=Strength.WEAK,
    ),
    Kind(
        name="domain",
        label="Domain",
        about="a domain, also out of a web address",
        wanted="a domain or a web address",
        rule=domain.normalise,
        mask=show_all,
        canonical=domain.CANONICAL,
        unless=domain.UNLESS,
        family="organisation",
        strength=Strength.MEDIUM,
        aliases=("website", "web_site", "url", "homepage", "hostname"),
        cards=Cards.NONE,
    ),
    Kind(
        name="postal_address",
        label="PostalAddress",
        about="a postal address in plain words, abbreviations written one way",
        wanted="a postal address",
        rule=postal_address.normalise,
        mask=postal_address.mask,
        family="address",
        strength=Strength.MEDIUM,
        aliases=("address", "street_address", "billing_address", "shipping_address"),
    ),
    Kind(
        name="api_key",
        label="ApiKey",
        noun="API key",
        about="an API key, by its SHA-256; the key itself is never kept",
        wanted="a key of 16 characters or more",
        rule=api_key.normalise,
        mask=api_key.mask,
        canonical=api_key.CANONICAL,
        family="credential",
        strength=Strength.STRONG,
        aliases=("apikey", "access_key"),
        secret=True,
    ),
    Kind(
        name="prompt_template",
        label="PromptTemplate",
        about="the fingerprint of a prompt template; a template's text counts as its hash",
        wanted="a fingerprint or a text",
        rule=token.normalise_template,
        canonical=token.TEMPLATE_CANONICAL,
        family="behaviour",
        strength=Strength.WEAK,
        aliases=("template", "prompt"),
    ),
    Kind(
        name="referral_code",
        label="ReferralCode",
        about="the code by which somebody was referred",
        wanted="a code of three characters or more",
        rule=token.normalise_code,
        mask=show_all,
        family="signup",
        strength=Strength.WEAK,
        aliases=("referral", "promo_code", "coupon", "voucher"),
    ),
    Kind(
        name="signup_cohort",
        label="SignupCohort",
        noun="sign-up batch",
        about="the batch in which an account signed up",
        wanted="a cohort's name",
        rule=token.normalise_cohort,
        mask=show_all,
        family="signup",
        strength=Strength.WEAK,
        aliases=("cohort", "signup_batch"),
    ),
    Kind(
        name="person_name",
        label="PersonName",
        noun="name",
        about="a person's name in plain words, without titles",
        wanted="a name",
        rule=person.normalise_name,
        mask=person.mask_name,
        family="person",
        strength=Strength.WEAK,
        aliases=("name", "full_name", "customer_name"),
    ),
    Kind(
        name="date_of_birth",
        label="DateOfBirth",
        about="a date of birth",
        wanted="a date",
        rule=person.normalise_birth,
        mask=person.mask_birth,
        family="person",
        strength=Strength.WEAK,
        aliases=("dob", "birth_date", "birthday"),
        cards=Cards.NONE,
    ),
    *(
        Kind(
            name=name,
            label=label,
            about=about,
            wanted="a document's number",
            rule=document.normalise,
            mask=document.mask,
            family="document",
            strength=Strength.STRONG,
            aliases=aliases,
        )
        for name, label, about, aliases in (
            (
                "national_id",
                "NationalId",
                "a national identity or social security number",
                ("ssn", "social_security_number"),
            ),
            ("tax_id", "TaxId", "a tax number", ("vat", "vat_number", "tin", "ein")),
            ("passport", "Passport", "a passport's number", ("passport_number",)),
            ("drivers_license", "DriversLicense", "a driving licence's number", ("driving_licence", "drivers_licence")),
            ("registration_number", "RegistrationNumber", "a company's number in a register", ("company_number",)),
        )
    ),
    Kind(
        name="lei",
        label="Lei",
        noun="legal entity identifier",
        about="a legal entity identifier",
        wanted="a legal entity identifier with right check digits",
        rule=document.normalise_lei,
        mask=show_all,
        family="document",
        strength=Strength.STRONG,
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _TABLE}
_NAMES: dict[str, str] = {name: kind.name for kind in _TABLE for name in (kind.name, *kind.aliases)}
_KIND_NAME = re.compile("[a-z][a-z0-9_]{0,63}")
#: The label of identifiers whose kind nobody declared.
OTHER = "Other"


def canonical_name(text: str) -> str | None:
    """The name of a kind as the table writes it: `E-Mail`, `org_name` → `email`, `organisation_name`.

    A kind that the table does not have keeps its (lower-case) name; None where the text cannot be one.
    """
    name = re.sub(r"[\s\-.]+", "_", text.strip().lower())
    return _NAMES.get(name) or (name if _KIND_NAME.fullmatch(name) else None)


def kind_of(name: str) -> Kind:
    """The kind of that name (or alias); one that nobody declared is taken as it comes and trusted little."""
    canonical = canonical_name(name)
    if canonical is None:
        raise ValueError(f"{name!r} cannot be the name of a kind")
    if canonical.startswith(SIMILAR) and (base := KINDS.get(canonical.removeprefix(SIMILAR))):
        return _similar(base)
    return KINDS.get(canonical) or Kind(
        name=canonical,
        label=OTHER,
        about="a kind that nobody declared",
        wanted="a readable text of at most 1,024 characters",
        rule=token.normalise,
        family=canonical,
        strength=Strength.WEAK,
    )


def _similar(base: Kind) -> Kind:
    """The kind of two similar values of a kind: shown as a pair, each as its own kind has it shown."""
    noun = base.noun or base.name.replace("_", " ")
    return Kind(
        name=SIMILAR + base.name,
        label=OTHER,
        about=f"two values that are much alike, of the kind {base.name}",
        wanted="two values of one kind",
        rule=token.normalise,
        family=base.family,
        strength=Strength.WEAK,
        mask=lambda value: " and ".join(f"“{base.mask(side)}”" for side in value.split(AND)),
        noun=f"similar {noun}",
    )
