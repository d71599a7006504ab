"""How a fax travels: the words of a fax server, the server itself, and a gateway behind a real mail server."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from config.load import check, load
from config.settings import FaxingSettings, Settings, SmtpSettings
from daemon.fitness import servers
from outbound.faxing import FileFax, GatewayFax, HylaFax, dialled, fax_courier
from outbound.mailer import SmtpCourier
from records.errors import ConfigurationError
from records.model import Event, Message, Outcome
from tests.servers.hylafax import SERVERS, FaxServer, HylaFaxServer, StandIn
from tests.servers.smtp import Fault, SmtpSink
from tests.unit.outbound.making import NOW, message, update

NUMBER = "+52 (55) 5555-0100"


def faxed(name: str = "u4f9a1c07", number: str = NUMBER) -> Message:
    return message(update(Event.OPENED, id=name, channel="fax", address=number))


@pytest.fixture(params=SERVERS, ids=lambda server: server.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[FaxServer]:
    """Each server that runs here."""
    with request.param() as started:
        yield started


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The one that can be told to fail."""
    with StandIn() as started:
        yield started


def test_a_fax_is_taken_once_however_often_it_is_sent(server: FaxServer) -> None:
    """The server's number comes back; the same update again finds its own job instead of making a second one."""
    courier = HylaFax(server.settings(), clock=lambda: NOW)
    marks: list[str] = []
    first, second = (courier.send(faxed(), lambda: marks.append("mark")) for _ in range(2))
    assert first == second
    assert (first.outcome, first.code, first.at) == (Outcome.SENT, "job", NOW)
    (job,) = server.jobs()
    assert (job["job"], job["tag"], job["number"]) == (first.job, "u4f9a1c07", "+525555550100")
    assert courier.outcomes()["u4f9a1c07"].ended is None
    assert marks == ["mark"], "the point of no return is passed once"


def test_fine_resolution_is_asked_for(server: FaxServer) -> None:
    """196 lines an inch: small type, and the barcode, stay readable."""
    HylaFax(server.settings()).send(faxed())
    (job,) = server.jobs()
    assert "-m" in job["options"] if "options" in job else job["resolution"] == "196"


@pytest.mark.parametrize(("state", "ended"), [("D", "delivered"), ("F", "fax_failed"), ("R", None), ("S", None), ("B", None)])
def test_the_server_s_states_are_told_apart(stand_in: StandIn, state: str, ended: str | None) -> None:
    """Done, failed; sleeping, blocked, running and waiting jobs are still under way."""
    courier = HylaFax(stand_in.settings())
    courier.send(faxed())
    stand_in.end("u4f9a1c07", state, "No carrier detected")
    assert courier.outcomes()["u4f9a1c07"].ended == ended


@pytest.mark.parametrize("real", [server for server in SERVERS if server is HylaFaxServer])
def test_hylafax_itself_tells_what_became_of_a_job(real: type[HylaFaxServer]) -> None:
    """Waiting without a modem, taken off by its operator, given up and done with one: its own words, not ours."""
    with real() as server:
        courier = HylaFax(server.settings())
        removed = courier.send(faxed("removed"))
        server.remove(removed.job or "")
        _until(courier, "removed", "fax_failed")
        again = courier.send(faxed("removed"))
        assert again.job != removed.job, "after a failure staff's retry is a job of its own"
        assert courier.outcomes()["removed"].ended is None
        _until(courier, "removed", "fax_failed", lambda: server.plug_in("F"))
        courier.send(faxed("done"))
        _until(courier, "done", "delivered", lambda: server.plug_in("D"))


def _until(courier: HylaFax, tag: str, ended: str, push: Callable[[], None] = lambda: None) -> None:
    """`push` again and again: the server takes no notice of a modem while it clears up after a job."""
    deadline = time.monotonic() + 60
    while courier.outcomes()[tag].ended != ended:
        assert time.monotonic() < deadline, courier.outcomes()
        push()
        time.sleep(0.5)


def test_a_failed_fax_can_be_sent_again_and_its_old_job_is_not_taken_for_the_new(stand_in: StandIn) -> None:
    """Staff's retry makes a second job; when that one's answer is lost, the first does not count as it."""
    courier = HylaFax(stand_in.settings())
    courier.send(faxed())
    stand_in.end("u4f9a1c07", "F")
    stand_in.mood = "refuses"
    assert courier.send(faxed()).outcome is Outcome.DEFERRED
    stand_in.mood = "well"
    assert courier.send(faxed()).job == "2"
    assert courier.outcomes()["u4f9a1c07"].ended is None


@pytest.mark.parametrize(
    ("mood", "outcome", "code", "jobs"),
    [
        ("away", Outcome.DEFERRED, "connect", 0),
        ("refuses", Outcome.DEFERRED, "fax_refused", 0),
        ("hangs_before", Outcome.DEFERRED, "timeout", 0),
        ("hangs_after", Outcome.SENT, "job", 1),
        ("loses_the_answer", Outcome.SENT, "job", 1),
    ],
)
def test_a_lost_answer_is_looked_up(stand_in: StandIn, mood: str, outcome: Outcome, code: str, jobs: int) -> None:
    """What the server has it has once; what it has not is tried again."""
    stand_in.mood = mood  # type: ignore[assignment] # the parameters are moods
    delivery = HylaFax(stand_in.settings(timeout=1)).send(faxed())
    assert (delivery.outcome, delivery.code) == (outcome, code)
    assert len(stand_in.jobs()) == jobs


def test_when_nobody_can_say_the_outcome_is_uncertain(stand_in: StandIn) -> None:
    """The server goes away with our job, or without it: only people may decide."""
    courier = HylaFax(stand_in.settings(timeout=1))
    stand_in.mood = "hangs_after"

    def leave() -> None:
        script = stand_in.folder / "faxstat"
        script.write_text("#!/bin/sh\nexec sleep 600\n")

    delivery = courier.send(faxed(), leave)
    assert (delivery.outcome, delivery.code) == (Outcome.UNCERTAIN, "timeout")


def test_neither_number_nor_words_stand_in_a_process_list(stand_in: StandIn) -> None:
    """Arguments are seen by every user of the machine."""
    HylaFax(stand_in.settings()).send(faxed())
    (job,) = stand_in.jobs()
    assert "5555" not in " ".join(job["options"])
    with Image.open(stand_in.folder / "1.tif") as pages:
        assert pages.size == (1728, 2291)


def test_a_program_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """Named once, not retried for two days."""
    settings = FaxingSettings(driver="hylafax", sendfax=str(tmp_path / "none"), faxstat=str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="fax_program"):
        HylaFax(settings).send(faxed())


@pytest.mark.parametrize(
    ("number", "dial"), [("+1 (619) 543.5282", "+16195435282"), ("0034 91 555", "003491555"), (" +5a*6#7", "+567")]
)
def test_only_digits_are_dialled(number: str, dial: str) -> None:
    """No pause, no secondary dial, no command."""
    assert dialled(number) == dial


def test_a_gateway_gets_the_pages_and_no_words() -> None:
    """The reference is all that a mail to the gateway says; its bounces come back with our token."""
    with SmtpSink() as sink:
        settings = FaxingSettings(driver="email", gateway="{number}@fax.example.org")
        delivery = GatewayFax(settings, SmtpCourier(sink.settings())).send(faxed())
    assert delivery.outcome is Outcome.SENT
    (mail,) = sink.mails
    assert mail.recipients == ("525555550100@fax.example.org",)
    read = mail.message()
    assert read["Subject"] == "[SOMRR-7F3K2-9]"
    assert read["Message-ID"] == faxed().message_id
    words, pages = read.iter_parts()
    assert words.get_content().strip() == "[SOMRR-7F3K2-9]"
    with pikepdf.open(io.BytesIO(pages.get_content())) as pdf:
        assert len(pdf.pages) == 2


def test_a_gateway_s_lost_answer_is_uncertain() -> None:
    """As with any mail."""
    with SmtpSink(fault=Fault("DOT", "close")) as sink:
        settings = FaxingSettings(driver="email", gateway="{number}@fax.example.org")
        assert GatewayFax(settings, SmtpCourier(sink.settings())).send(faxed()).outcome is Outcome.UNCERTAIN


def test_the_settings_name_the_driver(tmp_path: Path) -> None:
    """Files by default; a gateway without a number in its address does not start."""
    assert isinstance(fax_courier(FaxingSettings(), SmtpSettings(), tmp_path), FileFax)
    assert isinstance(fax_courier(FaxingSettings(driver="hylafax"), SmtpSettings(), tmp_path), HylaFax)
    with SmtpSink() as sink, pytest.raises(ConfigurationError, match="fax_gateway"):
        fax_courier(FaxingSettings(driver="email", gateway="fax"), sink.settings(), tmp_path)


def test_the_doctor_and_the_check_of_the_configuration_know_faxes(stand_in: StandIn, tmp_path: Path) -> None:
    """A server that answers, one that does not, programs that are not there, a gateway without a number."""

    def said(faxing: FaxingSettings) -> str:
        return next(answer.status for answer in servers.fax(Settings(faxing=faxing)) if answer.name == "fax")

    assert said(FaxingSettings()) == "ok"
    assert said(stand_in.settings()) == "ok"
    stand_in.mood = "away"
    assert said(stand_in.settings()) == "fail"
    assert said(FaxingSettings(driver="hylafax", faxstat=str(tmp_path / "none"))) == "fail"
    assert said(FaxingSettings(driver="email", gateway="{number}@fax.example.org")) == "fail", "without a mail server"
    file = tmp_path / "somrr.toml"
    file.write_text('[faxing]\ndriver = "email"\n')
    assert any("faxing.driver" in warning for warning in check(load(file)))
