"""How often a wrong token may be tried: a few at once, then some a second, from each address."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

BURST: Final = 10
PER_S: Final = 1.0
_PEERS_MAX: Final = 1024
_NETWORK_BITS: Final = 64  # of IPv6, the least that one guest of a provider has


class Guesses:
    """Those who guess wrong are not listened to for a while; nobody else has to wait for them.

    >>> guesses = Guesses(clock=lambda: 0.0)
    >>> for _ in range(BURST): guesses.wrong("192.0.2.1")
    >>> guesses.may("192.0.2.1"), guesses.may("192.0.2.2")
    (False, True)
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        # How many wrong ones are held against whom, and when that was so.
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may(self, peer: str) -> bool:
        return self._against(_network(peer)) <= BURST - 1

    def wrong(self, peer: str) -> None:
        network = _network(peer)
        self._held[network] = self._against(network) + 1, self._clock()
        self._held.move_to_end(network)
        if len(self._held) > _PEERS_MAX:
            self._held.popitem(last=False)

    def _against(self, network: str) -> float:
        count, at_s = self._held.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at_s) * PER_S)


def _network(peer: str) -> str:
    """
    >>> _network("2001:db8::1") == _network("2001:db8::2"), _network("192.0.2.7")
    (True, '192.0.2.7')
    """
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 4 or address.ipv4_mapped:
        return str(getattr(address, "ipv4_mapped", None) or address)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
