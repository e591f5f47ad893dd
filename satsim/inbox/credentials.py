"""What proves that a message may come in: a token, a secret of the web hook, a gateway's public key. None is ever told.

Files hold them, not the command line, which all users of a machine can read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satsim.errors import PacketError, ScenarioError
from satsim.inbox.guard import is_loopback
from satsim.sbd.webhook import Hook, disagreement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

LEAST_LETTERS, MOST_LETTERS = 16, 512
LEEWAY_S = 300
"""By which the clocks of a gateway and of this machine may differ."""
NEEDS = {
    "http": "--token-file, --jwt-key, --hook-secret-file, or --keys with --sealed-only",
    "directip": "--keys with --sealed-only, for DirectIP has no password",
    "tcp": "--token-file, or --keys with --sealed-only",
    "udp": "--keys with --sealed-only, for a datagram has no password",
}
"""What opens a way to other machines."""


@dataclass(frozen=True)
class Secrets:
    """None of these is shown by print, nor in any error."""

    token: str | None = field(default=None, repr=False)
    hook_secret: str | None = field(default=None, repr=False)
    jwt_key: RSAPublicKey | None = field(default=None, repr=False)
    sealed_only: bool = False

    def check_way(self, way: str, address: str) -> None:
        """Raise ScenarioError, in one line that says what to give, where strangers could reach a way unchecked."""
        opens: dict[str, list[object]] = {"http": [self.token, self.jwt_key, self.hook_secret], "tcp": [self.token]}
        if not (is_loopback(address) or self.sealed_only or any(opens.get(way, []))):
            raise ScenarioError(
                f"--{way}: other machines reach {address}; give {NEEDS[way]} (or 127.0.0.1, which they do not reach)"
            )


def read_secret(path: Path, what: str) -> str:
    """The one line that a file holds. Raises ScenarioError, without a letter of it, for what is none; OSError."""
    try:
        secret = path.read_bytes()[: MOST_LETTERS + 80].decode("ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if not (LEAST_LETTERS <= len(secret) <= MOST_LETTERS and all("!" <= letter <= "~" for letter in secret)):
        raise ScenarioError(
            f"{path}: no {what}; expected one line of {LEAST_LETTERS} to {MOST_LETTERS} letters and digits"
            " (openssl rand -hex 32)"
        )
    return secret


def read_jwt_key(path: Path) -> RSAPublicKey:
    """The public key of a gateway. Raises ScenarioError for what is none, or where a library is missing; OSError."""
    try:
        import jwt
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ScenarioError("--jwt-key needs PyJWT and cryptography: pip install 'satsim-link[field]'") from None
    del jwt
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise ScenarioError(
            f"{path}: no key of a gateway; expected a public RSA key of 2048 bits or more (-----BEGIN PUBLIC KEY-----)"
        )
    return key


def matches(given: str | None, secret: str) -> bool:
    """Whether they are equal, in a time that tells nothing of either."""
    digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (given or "", secret)]
    return hmac.compare_digest(*digests)


def check_signed(hook: Hook, key: RSAPublicKey) -> None:
    """Raise PacketError, without a letter of it, unless the gateway signed just what the hook says."""
    import jwt

    if hook.jwt is None:
        raise PacketError("JWT is missing")
    try:
        claims: Mapping[str, Any] = jwt.decode(
            hook.jwt, key, algorithms=["RS256"], leeway=LEEWAY_S, options={"verify_aud": False}
        )
    except jwt.ExpiredSignatureError:
        raise PacketError("JWT is out of date") from None
    except jwt.ImmatureSignatureError:
        raise PacketError("JWT is from the future; is this machine's clock right?") from None
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise PacketError("JWT is not the gateway's") from None
    if name := disagreement(hook, claims):
        raise PacketError(f"JWT signs another {name}")
