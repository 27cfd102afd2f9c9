"""Which passwords are taken, and how they are kept."""

import unicodedata
from collections.abc import Mapping

from flask_security.utils import hash_password, verify_password
from zxcvbn import zxcvbn

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth.models import Account

LEAST_LENGTH = 15
MOST_LENGTH = 128
LEAST_SCORE = 3
"""Of zxcvbn: 3 takes over 10^8 guesses."""
# zxcvbn refuses longer ones, because its time grows with the square of the length.
JUDGED_LENGTH = 72


def normalize(password: str) -> str:
    """Return the password in the form in which it is kept, whatever keyboard typed it."""
    return unicodedata.normalize("NFKD", password)


def typed_twice(form: Mapping[str, str]) -> str:
    """Return the new password of a form, where people type it twice.

    Raises
    ------
    UserError
        If they typed two.
    """
    password = form.get("password", "")
    if password != form.get("again", ""):
        raise UserError("The two passwords differ.")
    return password


def fault(password: str, email: str) -> str | None:
    """Return a sentence if the password is too short, too long or easily guessed."""
    if len(password) < LEAST_LENGTH:
        return f"Choose a password of {LEAST_LENGTH} characters or more; a few words will do."
    if len(password) > MOST_LENGTH:
        return f"Choose a password of at most {MOST_LENGTH} characters."
    judged = zxcvbn(password[:JUDGED_LENGTH], user_inputs=[email, *email.split("@"), "la-pipes"])
    if judged["score"] < LEAST_SCORE:
        return "This password is too easily guessed: choose words that do not belong together."
    return None


def keep(account: Account, password: str) -> None:
    """Give an account a password, as its Argon2id hash."""
    account.password = hash_password(normalize(password))


def is_right(account: Account | None, password: str) -> bool:
    """Whether this is the account's password; takes as long where there is no account."""
    if len(password) > MOST_LENGTH:
        password = ""
    if account is None or not account.active or account.password is None:
        hash_password(normalize(password))
        return False
    return bool(verify_password(normalize(password), account.password))
