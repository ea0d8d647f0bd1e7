"""The second factor of staff: six digits of an authenticator app (RFC 6238)."""

from __future__ import annotations

import base64
import hashlib

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from app.clock import Clock
from app.version import PRODUCT

STEP_S = 30
# Codes of the step before and after are taken too, for clocks that are a little off.
STEPS_OFF = (0, -1, 1)


class SecondFactor:
    """Makes, keeps and checks secrets. Kept ones are encrypted with the server's secret key."""

    def __init__(self, clock: Clock, secret_key: str) -> None:
        self._clock = clock
        key = hashlib.sha256(f"candor.totp:{secret_key}".encode()).digest()
        self._box = Fernet(base64.urlsafe_b64encode(key))

    @staticmethod
    def new_secret() -> str:
        """160 random bits in base 32, as authenticator apps take them."""
        return pyotp.random_base32()

    @staticmethod
    def uri(username: str, secret: str) -> str:
        """The `otpauth://` address of a secret."""
        return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=PRODUCT)

    def seal(self, secret: str) -> str:
        """What is stored of a secret."""
        return self._box.encrypt(secret.encode()).decode("ascii")

    def step_of(self, sealed: str, code: str, last_step: int) -> int | None:
        """The step whose code this is, when it is later than `last_step`; None otherwise."""
        try:
            secret = self._box.decrypt(sealed.encode()).decode("ascii")
        except InvalidToken:
            return None
        return self.step_of_secret(secret, code, last_step)

    def step_of_secret(self, secret: str, code: str, last_step: int = 0) -> int | None:
        """As `step_of`, for a secret in the clear."""
        code = code.replace(" ", "")
        if len(code) != 6 or not (code.isascii() and code.isdigit()):
            return None
        totp = pyotp.TOTP(secret)
        now_step = int(self._clock.now().timestamp()) // STEP_S
        for off in STEPS_OFF:
            step = now_step + off
            if step > last_step and pyotp.utils.strings_equal(code, totp.generate_otp(step)):
                return step
        return None
