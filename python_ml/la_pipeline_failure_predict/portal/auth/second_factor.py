"""Second factors: codes of an app (TOTP, RFC 6238), and recovery codes for when it is lost."""

import base64
import hmac
import secrets
import time

import flask
import pyotp
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth import sessions
from la_pipeline_failure_predict.portal.auth.audit import record
from la_pipeline_failure_predict.portal.auth.models import Account, RecoveryCode, db

ISSUER = "Mains to renew"
STEP_S = 30
# The clock of a phone may be a step off.
DRIFT_STEPS = (0, -1, 1)
CODES = 10
# 120 bits: too many to guess, so that a plain digest keeps them.
CODE_BYTES = 15
GROUP = 4
PURPOSE = b"la-pipes second factors"


def offer(account: Account) -> str:
    """Return a new secret for an account, sealed; nothing is kept before a code proves it."""
    return _seal(account, pyotp.random_base32())


def secret_of(account: Account, sealed: str) -> str | None:
    """Return a sealed secret; None if it is not this account's, or the key was replaced."""
    try:
        owner, _, secret = _box().decrypt(sealed.encode()).decode().partition(" ")
    except InvalidToken:
        return None
    return secret if owner == str(account.id) else None


def app_address(account: Account, secret: str) -> str:
    """Return what the app of a phone reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER)


def turn_on(account: Account, sealed: str, code: str) -> list[str]:
    """Keep a secret that a code has proved, end the other sessions, return recovery codes.

    Raises
    ------
    UserError
        If the code is not of this secret and moment.
    """
    secret = secret_of(account, sealed)
    step = _step_of(secret, code) if secret else None
    if step is None:
        raise UserError("This code is wrong: type the one that the app shows now.")
    account.otp_secret, account.otp_step = sealed, step
    sessions.begin_anew(account)
    record("second factor on", account.email)
    return renew_codes(account)


def turn_off(account: Account) -> None:
    """Take the second factor and its recovery codes away; the caller commits."""
    account.otp_secret = account.otp_step = None
    _forget_codes(account)
    record("second factor off", account.email)


def renew_codes(account: Account) -> list[str]:
    """Return ten new recovery codes; the old ones end."""
    _forget_codes(account)
    codes = [_new_code() for _ in range(CODES)]
    db.session.add_all(
        RecoveryCode(account_id=account.id, code_sha256=_digest(code)) for code in codes
    )
    record("recovery codes made", account.email)
    db.session.commit()
    return codes


def codes_left(account: Account) -> int:
    """Return how many recovery codes are not used yet."""
    mine = RecoveryCode.account_id == account.id
    return db.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode).where(mine)) or 0


def use(account: Account, code: str) -> str | None:
    """Use a code of the app or a recovery code up; the caller commits.

    Returns
    -------
    str
        What it was; None if it is wrong, or was used before.
    """
    secret = secret_of(account, account.otp_secret) if account.otp_secret else None
    step = _step_of(secret, code) if secret else None
    if step is not None:
        # In one statement, so that of two requests with the same code one gets in.
        is_new = sa.or_(Account.otp_step.is_(None), Account.otp_step < step)
        used = sa.update(Account).where(Account.id == account.id, is_new).values(otp_step=step)
        return "code of the app" if _changed(used) else None
    used_up = sa.delete(RecoveryCode).where(
        RecoveryCode.account_id == account.id, RecoveryCode.code_sha256 == _digest(code)
    )
    return "recovery code" if _changed(used_up) else None


def _step_of(secret: str, code: str) -> int | None:
    """Return the step of time that a code is of, None if it is of none near."""
    typed, now_step = "".join(code.split()).encode(), int(time.time()) // STEP_S
    app = pyotp.TOTP(secret, interval=STEP_S)
    for step in (now_step + drift for drift in DRIFT_STEPS):
        if hmac.compare_digest(app.at(step * STEP_S).encode(), typed):
            return step
    return None


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    return "-".join(letters[start : start + GROUP] for start in range(0, len(letters), GROUP))


def _digest(code: str) -> str:
    return sessions.digest("".join(filter(str.isalnum, code.upper())))


def _forget_codes(account: Account) -> None:
    db.session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


def _changed(statement: sa.Update | sa.Delete) -> bool:
    result: sa.CursorResult = db.session.execute(statement)  # type: ignore[assignment]
    return result.rowcount == 1


def _seal(account: Account, secret: str) -> str:
    return _box().encrypt(f"{account.id} {secret}".encode()).decode()


def _box() -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(_portal_key())
    return Fernet(base64.urlsafe_b64encode(key))


def _portal_key() -> bytes:
    return str(flask.current_app.config["SECRET_KEY"]).encode()
