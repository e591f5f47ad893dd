"""How a session ended, as the codes of +SBDIX tell it, in words.

Codes to 15 come from the gateway, from 16 on from the modem. Makers' command references of the 9601, 9602 and 9523;
37 and 38 as RockBLOCK's documentation lists them.
"""

from __future__ import annotations

MO_STATUS = {
    0: "transferred",
    1: "transferred; a waiting MT message was too big",
    2: "transferred; the location update was not accepted",
    3: "transferred",
    4: "transferred",
    10: "the call did not complete in time",
    11: "the gateway's queue is full",
    12: "too many segments",
    13: "the session did not complete",
    14: "invalid segment size",
    15: "access denied",
    16: "the modem is locked",
    17: "the gateway does not respond",
    18: "connection lost",
    19: "link failure",
    32: "no network service",
    33: "antenna fault",
    34: "the radio is off",
    35: "the modem is busy",
    36: "try later: 3 minutes must pass since the last registration",
    37: "the service is disabled for now",
    38: "try later: traffic management",
    64: "band violation",
    65: "hardware failure: no lock",
}
"""By code of the mobile-originated side; those that are not here are reserved, and mean failure from 5 on."""
LAST_SUCCESS = 4

MT_STATUS = {0: "nothing waits", 1: "a message came", 2: "the mailbox could not be asked"}
"""By code of the mobile-terminated side."""


def succeeded(mo_status: int) -> bool:
    """Whether the gateway has the message."""
    return 0 <= mo_status <= LAST_SUCCESS


def mo_words(mo_status: int) -> str:
    """The code in words; for one that is reserved, that it is."""
    return MO_STATUS.get(mo_status, f"failed with the reserved code {mo_status}")
