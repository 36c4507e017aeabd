"""Access tokens: real JWTs, signed with a secret of this sandbox's own that outlives a restart."""

import secrets
from datetime import datetime, timedelta

import jwt

from sandbox.store import Store
from sandbox.wire import Refusal

ALGORITHM = "HS256"


class Tokens:
    """Issues and checks tokens. A token carries a generation, so that all of them can be made to expire at once."""

    def __init__(self, store: Store, organisation_id: str, lifetime: timedelta) -> None:
        self._store = store
        self._organisation_id = organisation_id
        self._lifetime = lifetime
        with store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO tokens VALUES (1, ?, 0)", (secrets.token_hex(32),))

    def issue(self, now: datetime) -> str:
        """Return a new token, valid from `now` for the lifetime."""
        secret, generation = self._state()
        issued_at = int(now.timestamp())
        claims = {
            "sub": self._organisation_id,
            "iat": issued_at,
            "exp": issued_at + int(self._lifetime.total_seconds()),
            "generation": generation,
        }
        return jwt.encode(claims, secret, ALGORITHM)

    def check(self, authorization: str) -> None:
        """Raise Refusal unless the header holds a good token: 401 when it is not one of ours, 403 when it expired."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal(401, "Authorization must be: Bearer <access token>")
        secret, generation = self._state()
        try:
            claims = jwt.decode(token.strip(), secret, [ALGORITHM], options={"require": ["exp", "iat", "generation"]})
        except jwt.ExpiredSignatureError as problem:
            raise Refusal(403, "JWT expired") from problem
        except jwt.InvalidTokenError as problem:
            raise Refusal(401, "Invalid access token") from problem
        if claims["generation"] != generation:
            raise Refusal(403, "JWT expired")

    def expire_all(self) -> None:
        """Make every token issued so far an expired one."""
        with self._store.transaction() as db:
            db.execute("UPDATE tokens SET generation = generation + 1")

    def _state(self) -> tuple[str, int]:
        (row,) = self._store.rows("SELECT secret, generation FROM tokens")
        return row["secret"], row["generation"]
