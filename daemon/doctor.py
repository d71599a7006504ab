"""Is this machine fit to run the daemon?  Every question of `daemon.fitness`, asked in turn.

Nothing is made or changed, no mail is read or sent, and no password is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from daemon.fitness import Answers, Check, Question, machine, places, servers

QUESTIONS: tuple[Question, ...] = (
    machine.python,
    machine.libraries,
    machine.clock,
    machine.libmagic,
    machine.libarchive,
    machine.tesseract,
    machine.sandbox,
    places.state_directory,
    places.drop_folders,
    places.database,
    places.keyring,
    places.forms,
    servers.scanner,
    servers.fax,
    servers.imap,
    servers.smtp,
)


def checks(settings: Settings, origins: Mapping[str, str] | None = None) -> Answers:
    """The answers, slow ones last; `origins` (of `config.load`) tells where the passwords lie.

    A question that breaks down is itself answered "fail", never an exception.
    """

    def secrets(_settings: Settings) -> Answers:
        return places.secrets(origins or {})

    for question in (*QUESTIONS[:-2], secrets, *QUESTIONS[-2:]):
        try:
            yield from question(settings)
        except Exception as fault:
            yield Check(question.__name__, "fail", f"the check broke down ({type(fault).__name__})", "report this as a bug")


def fit(answers: list[Check]) -> bool:
    """No answer is "fail"."""
    return all(answer.status != "fail" for answer in answers)
