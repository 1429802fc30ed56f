"""Sharing classes: what kind of place or thing a shared identifier is, and what each is called in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class SharingClass(StrEnum):
    """What kind of place an identifier is. The last three are said of mail domains, by reference files only."""

    PRIVATE = "private"
    HOME = "home"
    OFFICE = "office"
    CAMPUS = "campus"
    MOBILE = "mobile"
    VPN = "vpn"
    HOSTING = "hosting"
    RELAY = "relay"
    RESELLER = "reseller"
    SECOND_HAND = "second-hand"
    PUBLIC = "public"
    POOL = "pool"
    UNKNOWN = "unknown"
    FREE = "free"
    DISPOSABLE = "disposable"


#: What an identifier of the class is called; nothing is said of an unknown one.
CALLED: Mapping[str, str] = {
    SharingClass.PRIVATE: "one cluster's own",
    SharingClass.HOME: "home",
    SharingClass.OFFICE: "office",
    SharingClass.CAMPUS: "campus",
    SharingClass.MOBILE: "carrier NAT",
    SharingClass.VPN: "VPN exit",
    SharingClass.HOSTING: "hosting",
    SharingClass.RELAY: "relay",
    SharingClass.RESELLER: "reseller",
    SharingClass.SECOND_HAND: "second-hand",
    SharingClass.PUBLIC: "public",
    SharingClass.POOL: "pool of one actor",
    SharingClass.FREE: "free mail",
    SharingClass.DISPOSABLE: "disposable mail",
}
