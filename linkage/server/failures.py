"""Credentials that were wrong, counted by the address that they came from.

Whoever shows a good key is let in before anything is counted, so that nobody who guesses slows anybody down, also
behind one proxy. Addresses are kept in memory only, so many at most, and never logged.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from time import monotonic

from starlette.types import Scope

from linkage.access.rates import Rates

#: Wrong credentials of one address in a minute; after these it is told to wait.
A_MINUTE = 60
#: Whoever has one IPv6 address has this network of them.
OWN_NETWORK = 64


class Failures:
    """Counts; `total` since the start."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._rates = Rates("wrong credentials", clock=clock)
        self.total = 0

    def note(self, scope: Scope) -> None:
        """Note wrong credentials of a request. Raises `RateLimited` where there were too many."""
        self.total += 1
        self._rates.spend(_network(scope), 1, A_MINUTE)


def _network(scope: Scope) -> str:
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, OWN_NETWORK), strict=False))
    return host
