"""Tables of the accounts; `migrations/` makes them. Moments are UTC without a zone."""

import secrets
from datetime import UTC, datetime

from flask_security.core import RoleMixin, UserMixin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from la_pipeline_failure_predict.portal.auth.roles import ADMINISTRATOR, ROLE_NAMES, RoleName

db = SQLAlchemy()
MOST_ADDRESS = 64
"""Characters of a network address."""


def now() -> datetime:
    """Return the time, UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """Tables of the portal."""


class Role(RoleMixin):
    """What an account may do."""

    def __init__(self, name: str) -> None:
        self.name = name


class Account(Base, UserMixin):
    """A person who may sign in."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool]
    fs_uniquifier: Mapped[str] = mapped_column(
        String(64), unique=True, default=lambda: secrets.token_hex(32)
    )
    role: Mapped[RoleName] = mapped_column(String(20))
    sees_all_areas: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)
    units: Mapped[str | None] = mapped_column(String(10))
    """A key of `views.words.UNITS`; None for both."""
    otp_secret: Mapped[str | None] = mapped_column(String(255))
    """What the codes of its app are made of, sealed; None without a second factor."""
    otp_step: Mapped[int | None]
    """Step of time of the last code that was used."""
    welcomed_at: Mapped[datetime | None]
    areas: Mapped[list["AccountArea"]] = relationship(cascade="all, delete-orphan")

    @property
    def roles(self) -> list[RoleMixin]:
        """The role, as Flask-Security reads it."""
        return [Role(self.role)]

    @property
    def area_ids(self) -> frozenset[str] | None:
        """Areas that the account may see; None for all of them."""
        return None if self.sees_all_areas else frozenset(area.area_id for area in self.areas)

    @property
    def state(self) -> str:
        """Whether the account is active, waits for its invitation to be used, or is disabled."""
        if not self.active:
            return "disabled"
        return "active" if self.password else "invited"

    def covers(self, area_ids: frozenset[str] | None) -> bool:
        """Whether the account sees all of these areas; None for all there are."""
        if self.area_ids is None:
            return True
        return area_ids is not None and area_ids <= self.area_ids

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in takes a code too."""
        return self.otp_secret is not None

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the account has to set a second factor up before it may do anything else."""
        return self.role == ADMINISTRATOR and not self.has_second_factor

    def may(self, role: RoleName) -> bool:
        """Whether the account may do what a role may."""
        return ROLE_NAMES.index(self.role) >= ROLE_NAMES.index(role)


class AccountArea(Base):
    """An area that an account may see."""

    __tablename__ = "account_areas"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class SignedIn(Base):
    """A session of an account. A cookie holds the token; the table, its digest."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(MOST_ADDRESS))
    account: Mapped[Account] = relationship()


class Invitation(Base):
    """A link with which an account gets its password, once, until it expires."""

    __tablename__ = "invitations"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    expires_at: Mapped[datetime]
    account: Mapped[Account] = relationship()


class RecoveryCode(Base):
    """A code that stands in, once, for one of the app; the digest of it."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class AuditEntry(Base):
    """Something that was done: who, what, to whom, from where."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    done_at: Mapped[datetime] = mapped_column(default=now, index=True)
    action: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    detail: Mapped[str] = mapped_column(String(1000))
    address: Mapped[str] = mapped_column(String(MOST_ADDRESS))
    request_id: Mapped[str] = mapped_column(String(32))
