"""The programme's rules: what a packet needs, when we speak, what it costs, how long we keep (R1-R41)."""

from __future__ import annotations

from datetime import date, time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["en", "es", "pt", "fr", "ar", "zh", "ru", "ja"]


_AMOUNT = r"^(?:[A-Z]{0,3}[$€£¥]? ?[0-9][0-9., ]{0,14}(?: ?[A-Z]{3})?)?\z"  # `US$ 350`, `1,200.00 USD`: figures, no sentence


class RuleSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Programme(RuleSection):
    """R22: the facts that every outgoing text states."""

    name: str = "International Patient Program"
    hospital: str = "UC San Diego Health"
    address: tuple[str, ...] = (
        "Attn: Medical Manager, re:SOMRR",
        "UC San Diego Health",
        "International Patient Program",
        "136 Dickinson Street, Suite 108",
        "San Diego, CA 92103-8222",
    )
    country: str = "USA"  # the last line of the address, for a courier abroad; "" leaves it out
    fax: str = "619-543-5282"
    calling_code: str = "+1"  # put before a fax number that has none, for readers abroad; "" puts nothing
    mailbox: str = "patientsintl@ucsd.edu"
    services: str = "International Services"
    sender_name: str = "UC San Diego Health, SOMRR"
    fee_stained: str = Field("", pattern=_AMOUNT)  # R15: for a review of stained slides, as the notices shall write it
    fee_unstained: str = Field("", pattern=_AMOUNT)
    languages: tuple[Language, ...] = ("en", "es", "pt", "fr", "ar", "zh", "ru", "ja")

    @property
    def fees(self) -> dict[str, str]:
        """What a review of the specimen costs by the slides' stain; empty unless both amounts are known."""
        known = self.fee_stained and self.fee_unstained
        return {"stained": self.fee_stained, "unstained": self.fee_unstained} if known else {}

    @property
    def fax_abroad(self) -> str:
        """The fax number as it is dialled from another country."""
        return self.fax if self.fax.startswith(("+", "00")) else f"{self.calling_code} {self.fax}".strip()

    @property
    def address_abroad(self) -> tuple[str, ...]:
        """The address as a letter from another country bears it."""
        return (*self.address, self.country) if self.country else self.address


class Checklist(RuleSection):
    """R7-R16: what must be there before a case opens."""

    consent_dated: bool = True
    report_age_months: int = Field(6, gt=0)
    payment_before_review: bool = True
    study_date_tolerance_days: int = Field(1, ge=0)


class Identifying(RuleSection):
    """When the classifier abstains, and when a picture of a form is believed."""

    threshold: float = Field(0.6, ge=0, le=1)
    ocr_floor: float = Field(0.45, ge=0, le=1)  # a page read with less mean confidence is illegible
    accept_untrusted_signatures: bool = False  # does a digital signature that holds sign a form whoever vouches for its signer


class Hours(RuleSection):
    """R31: when updates go out."""

    zone: str = "America/Los_Angeles"
    opens: time = time(8, 0)
    closes: time = time(16, 30)
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    country: str = "US"
    state: str = "CA"
    closures: tuple[date, ...] = ()
    acknowledge_at_once: bool = True


class Rhythm(RuleSection):
    """R28, R30, R38: settle time, cadence, retention."""

    settle_minutes: int = Field(30, ge=0)
    cadence_days: int = Field(7, gt=0)
    reminders: int = Field(4, ge=0)
    retention_months: int = Field(6, gt=0)


class Sending(RuleSection):
    """How much goes out whatever the reason: a fault of ours must not become a flood."""

    address_day: int = Field(20, gt=0)  # a clinic may send several patients' packets a day
    case_day: int = Field(10, gt=0)
    words_day: int = Field(50, gt=0)  # mails without documents that one case takes a day: more are a loop
    hour: int = Field(200, gt=0)
    bounce_tag: Literal["", "+", "-", "="] = "+"
    call_minutes: int = Field(30, gt=0)
    call_opens: time = time(9, 0)
    call_closes: time = time(18, 0)


class Retaining(RuleSection):
    """R38-R41: how the end of a case is announced, and when disposal stops to ask."""

    warn_days: int = Field(14, ge=0)
    grace_days: int = Field(14, ge=0)
    halt_share: float = Field(0.01, ge=0, le=1)
    halt_above: int = Field(5, ge=0)


class Rules(RuleSection):
    programme: Programme = Programme()
    checklist: Checklist = Checklist()
    identifying: Identifying = Identifying()
    hours: Hours = Hours()
    rhythm: Rhythm = Rhythm()
    sending: Sending = Sending()
    retention: Retaining = Retaining()
