"""Devices, browsers, TLS clients."""

from __future__ import annotations

import pytest

from linkage.normalise import KINDS


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("device", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        ("device", "AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff"),
        ("device", "dev-0000cd66805c539f98be", "dev-0000cd66805c539f98be"),
        ("device", "Pixel7-XyZ", "Pixel7-XyZ"),
        ("device", "00000000-0000-0000-0000-000000000000", None),
        ("device", "dev-00000000", None),
        ("device", "a:aaaaaaaa", None),
        ("device", "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA", None),
        ("device", "XXXX", None),
        ("device", "aabbaabb", "aabbaabb"),
        ("user_agent", "Mozilla/5.0  (X11)", "Mozilla/5.0 (X11)"),
        ("user_agent", "A" * 5000, "A" * 1024),
        ("user_agent", "ab", None),
        ("tls_fingerprint", "JA3: 771A4865B71A4865B71A4865B71A4865", "771a4865b71a4865b71a4865b71a4865"),
        ("tls_fingerprint", "t13d1516h2_8daaf6152771_b186095e22b6", "t13d1516h2_8daaf6152771_b186095e22b6"),
        ("tls_fingerprint", "0" * 32, None),
        ("tls_fingerprint", "a b", None),
    ],
)
def test_machines_have_one_form_and_zeros_are_none(kind: str, raw: str, value: str | None) -> None:
    assert KINDS[kind].normalise(raw) == value


def test_the_mask_of_a_browser_shows_its_product() -> None:
    assert KINDS["user_agent"].mask("Mozilla/5.0 (X11; Linux)") == "Mozilla/5.0"


@pytest.mark.parametrize(("value", "masked"), [("dev-0000cd66805c539f98be", "de***be"), ("short", "***")])
def test_the_mask_of_a_device_hides_its_middle(value: str, masked: str) -> None:
    assert KINDS["device"].mask(value) == masked
