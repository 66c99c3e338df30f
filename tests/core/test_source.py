"""What counters take for one caller."""

from __future__ import annotations

import pytest

from bkendctl.core.call import Source


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (None, "local"),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_caller_is_an_address_or_the_network_of_one_host(address: str | None, network: str) -> None:
    """Who has a whole /64 must not have a counter for each of its addresses."""
    assert Source(ip_address=address).network == network
