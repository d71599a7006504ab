"""What a mailbox server can do to us, one named fake a fault (hostile cases 50-53, rows 12 and 13)."""

from __future__ import annotations

import resource
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from config.settings import MailboxSettings
from ingest import imap, mailbox
from ingest.mailbox import Mailbox
from ingest.source import ArrivalError
from records import events
from records.errors import TemporaryError
from records.model import Arrival
from tests.servers.imap import CAPABILITIES_AFTER, HangUp, ImapServer, Line

SECRET = "a-secret-word"
MAIL = b"Message-ID: <1@sender.example>\r\nSubject: canary-subject\r\n\r\n" + b"canary-body\r\n" * 400
OTHER = b"Message-ID: <2@sender.example>\r\n\r\nother\r\n"


Open = Callable[..., Mailbox]


@pytest.fixture
def opened() -> Iterator[Open]:
    """A mailbox on the server, with small limits; closed when the test is over."""
    sources = []

    def open_(server: ImapServer, **other: object) -> Mailbox:
        known: dict[str, object] = {"host": server.host, "port": server.port, "user": "intake", "ca_file": server.ca_file}
        known |= {"password": SecretStr(SECRET), "part_bytes": 4096, "max_backoff": 0.01}
        known |= {"login_timeout": 2.0, "fetch_timeout": 2.0}
        sources.append(Mailbox(MailboxSettings.model_validate({**known, **other})))
        return sources[-1]

    yield open_
    for source in sources:
        source.close()


def _nothing(_keys: Sequence[str]) -> set[str]:
    return set()


def _take(source: Mailbox, kept: dict[str, bytes]) -> None:
    """What the pipeline does: a fault of one arrival lets the next one go on."""
    for arrival in source.poll(lambda keys: kept.keys() & set(keys)):
        try:
            raw = b"".join(source.fetch(arrival))
        except ArrivalError:
            continue
        kept[arrival.key] = raw
        source.acknowledge(arrival)


def _until(source: Mailbox, kept: dict[str, bytes], count: int, tries: int = 20) -> list[str]:
    """Poll as the daemon would, until `count` mails are kept; returns the codes of the faults met."""
    codes = []
    for _ in range(tries):
        try:
            _take(source, kept)
        except TemporaryError as fault:
            codes.append(fault.code)
        if len(kept) == count:
            break
        time.sleep(0.02)
    return codes


def test_a_good_server_is_served(opened: Open) -> None:
    """The stand-in itself behaves: what fails below fails for its fault."""
    with ImapServer(MAIL, OTHER) as server:
        kept: dict[str, bytes] = {}
        source = opened(server)
        assert _until(source, kept, 2) == []
        source.close()
        assert list(kept.values()) == [MAIL, OTHER]
        assert server.connections == 1


# whom we speak to


class SelfSigned(ImapServer):
    trusted = False


class WrongHost(ImapServer):
    names = ("other.example",)


class Expired(ImapServer):
    expired = True


class Plaintext(ImapServer):
    """As when somebody on the way strips STARTTLS: we never speak it, so there is nothing to strip."""

    tls = False


@pytest.mark.parametrize(
    ("fake", "code"),
    [
        (SelfSigned, "tls_certificate"),
        (WrongHost, "tls_certificate"),
        (Expired, "tls_certificate"),
        (Plaintext, "tls_failed"),
    ],
)
def test_no_word_is_said_to_a_server_that_is_not_the_right_one(opened: Open, fake: type[ImapServer], code: str) -> None:
    """An unknown authority, another host's certificate, yesterday's, no TLS at all: no credentials, no command, a named fault."""
    with fake(MAIL) as server:
        with pytest.raises(TemporaryError) as fault:
            next(opened(server).poll(_nothing))
        assert fault.value.code == code
        assert not any(SECRET in line or "LOGIN" in line.upper() or "CAPABILITY" in line.upper() for line in server.heard)


class Preauthenticated(ImapServer):
    def greet(self, line: Line) -> None:
        line.say("* PREAUTH welcome")


def test_a_server_that_says_we_are_logged_in_already_is_refused(opened: Open) -> None:
    """A greeting can not make us read a mailbox that is not ours."""
    with Preauthenticated(MAIL) as server, pytest.raises(TemporaryError):
        next(opened(server).poll(_nothing))


# servers that keep us waiting


class DripGreeting(ImapServer):
    def greet(self, line: Line) -> None:
        for letter in "* OK " + "x" * 500:
            line.send(letter.encode())
            time.sleep(0.05)


class SilentHandshake(ImapServer):
    tls = False

    def greet(self, _line: Line) -> None:
        self.over.wait(20)


class DripBody(ImapServer):
    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        line.say(f"* {uid} FETCH (UID {uid} BODY[]<{start}> {{{most}}}")
        for _ in range(most):
            line.send(b"x")
            time.sleep(0.05)


class SilentSearch(ImapServer):
    def search(self, _line: Line) -> None:
        self.over.wait(20)


@pytest.mark.parametrize("fake", [DripGreeting, SilentHandshake, DripBody, SilentSearch])
def test_a_server_that_drips_or_falls_silent_is_left_at_the_deadline(opened: Open, fake: type[ImapServer]) -> None:
    """Each byte restarts a socket's timeout but not ours: the operation ends after its 1 s."""
    with fake(MAIL) as server:
        source = opened(server, login_timeout=1.0, fetch_timeout=1.0)
        began = time.monotonic()
        with pytest.raises(TemporaryError) as fault:
            for arrival in source.poll(_nothing):
                list(source.fetch(arrival))
        assert fault.value.code == "mailbox_timeout"
        assert time.monotonic() - began < 3
        assert threading.active_count() < 20


# servers that say too much


class HugeLiteral(ImapServer):
    def body(self, line: Line, uid: int, start: int, _most: int) -> None:
        line.say(f"* {uid} FETCH (UID {uid} BODY[]<{start}> {{1500000000}}")


class HugeHeader(ImapServer):
    def description(self, line: Line, uid: int) -> None:
        line.say(f"* {uid} FETCH (UID {uid} RFC822.SIZE 5 BODY[HEADER.FIELDS (MESSAGE-ID)] {{1500000000}}")


class EndlessDigits(ImapServer):
    def body(self, line: Line, uid: int, start: int, _most: int) -> None:
        line.say(f"* {uid} FETCH (UID {uid} BODY[]<{start}> {{{'9' * 6000}}}")


class Flood(ImapServer):
    def search(self, line: Line) -> None:
        while True:
            line.say("* OK " + "x" * 10_000)


class EndlessLine(ImapServer):
    def search(self, line: Line) -> None:
        while True:
            line.send(b"x" * 65536)


@pytest.mark.parametrize("fake", [HugeLiteral, HugeHeader, EndlessDigits, Flood, EndlessLine])
def test_an_answer_without_measure_costs_neither_memory_nor_the_daemon(
    opened: Open, fake: type[ImapServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A literal of 1.5 GB is not even allocated, a flood ends at its budget."""
    monkeypatch.setattr(imap, "ANSWER_BYTES", 4 << 20)
    with fake(MAIL) as server:
        source = opened(server, fetch_timeout=20.0)
        tracemalloc.start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(TemporaryError):
            for arrival in source.poll(_nothing):
                list(source.fetch(arrival))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 96 << 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


# servers that talk nonsense


class Nonsense(ImapServer):
    answer = b""

    def search(self, line: Line) -> None:
        line.send(self.answer)
        line.done()


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 1 x 2\r\n",
        b"* SEARCH -5\r\n",
        b"* SEARCH 99999999999\r\n",
        b"\xff\xfe\r\n",
        b"* \xff\r\n",
        b"A999 OK\r\n",
        b"\r\n",
        b"* SEARCH 1\n",
    ],
)
def test_nonsense_is_a_temporary_fault_that_repeats_nothing_of_it(opened: Open, answer: bytes) -> None:
    """The fault's text is ours alone: server text may quote mail."""
    with type("Fake", (Nonsense,), {"answer": answer})(MAIL) as server, pytest.raises(TemporaryError) as fault:
        next(opened(server).poll(_nothing))
    assert fault.value.code in {"mailbox_protocol", "mailbox_disconnected"}
    assert fault.value.__cause__ is None
    assert fault.value.__context__ is None or fault.value.__suppress_context__


class QuotesMail(ImapServer):
    def fetch(self, line: Line) -> None:
        line.done("canary-subject can not be shown", status="NO")


def test_server_text_reaches_neither_fault_nor_log(opened: Open) -> None:
    """A refusal that quotes a subject stays with the server."""
    with QuotesMail(MAIL) as server, capture_logs() as logged, pytest.raises(TemporaryError) as fault:
        next(opened(server).poll(_nothing))
    assert "canary" not in repr(logged) + repr(fault.value)


class WrongMail(ImapServer):
    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        line.say(f"* 9 FETCH (UID 9 BODY[]<{start}> {{5}}")
        line.send(b"wrong)\r\n")
        line.say(f"* {uid} FETCH (FLAGS (\\Seen) UID {uid})")
        super().body(line, uid, start, most)


def test_what_is_said_of_other_mails_is_not_taken_for_ours(opened: Open) -> None:
    """Unasked answers between ours are legal (RFC 3501 7) and passed over."""
    with WrongMail(MAIL, OTHER) as server:
        kept: dict[str, bytes] = {}
        assert _until(opened(server), kept, 2) == []
        assert list(kept.values()) == [MAIL, OTHER]


class QuotedStrings(ImapServer):
    def description(self, line: Line, uid: int) -> None:
        header = "Message-ID: <UID 9 RFC822.SIZE 1@x>"
        line.say(f'* {uid} FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] "{header}" RFC822.SIZE {len(self.mails[uid])} UID {uid})')

    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        part = self.mails[uid][start : start + most]
        if start or not part:
            line.say(f"* {uid} FETCH (BODY[]<{start}> NIL UID {uid})")
        else:
            line.say(f'* {uid} FETCH (BODY[]<{start}> "{part.decode()}" UID {uid})')


def test_quoted_strings_and_nil_are_understood(opened: Open) -> None:
    """A server may quote what others send as literals; a header that imitates the protocol deceives nobody."""
    with QuotedStrings(b"short mail") as server:
        kept: dict[str, bytes] = {}
        assert _until(opened(server), kept, 1) == []
        assert kept == {"7;1": b"short mail"}


# servers that hang up


def _hangs_up_at(command: str, times: int) -> type[ImapServer]:
    def hang_up(self: ImapServer, line: Line) -> None:
        if self.__dict__.setdefault("left", times) > 0:
            self.__dict__["left"] -= 1
            raise HangUp
        getattr(ImapServer, command)(self, line)

    return type("HangsUp", (ImapServer,), {command: hang_up})


@pytest.mark.parametrize("command", ["greet", "capability", "login", "examine", "search", "fetch", "move"])
def test_hanging_up_at_any_command_loses_and_doubles_nothing(opened: Open, command: str) -> None:
    """Each mail is kept exactly once, whatever the server was asked when it went away, twice in a row."""
    with _hangs_up_at(command, 2)(MAIL, OTHER) as server:
        kept: dict[str, bytes] = {}
        codes = _until(opened(server, after="move"), kept, 2)
        assert sorted(kept.values()) == sorted([MAIL, OTHER])
        assert set(codes) == {"mailbox_disconnected"}


class HangsUpMidLiteral(ImapServer):
    left = 2

    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        if start and self.left:
            self.left -= 1
            line.say(f"* {uid} FETCH (UID {uid} BODY[]<{start}> {{{most}}}")
            line.send(b"canary-part")
            raise HangUp
        super().body(line, uid, start, most)


def test_a_mail_cut_in_the_middle_is_never_kept_short(opened: Open) -> None:
    """The cut fetch raises, the next poll fetches it whole."""
    with HangsUpMidLiteral(MAIL) as server:
        kept: dict[str, bytes] = {}
        assert len(_until(opened(server), kept, 1)) == 2
        assert list(kept.values()) == [MAIL]


class HangsUpInIdle(ImapServer):
    def idle(self, _line: Line) -> None:
        raise HangUp


def test_a_server_that_drops_each_idle_is_not_hammered(opened: Open) -> None:
    """The wait goes on with growing pauses and never raises."""
    with HangsUpInIdle(MAIL) as server:
        source = opened(server, max_backoff=60)
        kept: dict[str, bytes] = {}
        for _ in range(3):
            _take(source, kept)
            source.wait(0.4, threading.Event())
        assert list(kept.values()) == [MAIL]
        assert server.connections == 3


class AnnouncesBeforeIdling(ImapServer):
    def idle(self, line: Line) -> None:
        line.send(b"+ idling\r\n* 5 EXISTS\r\n")
        line.hear()
        line.done()


def test_news_in_the_same_packet_as_the_answer_to_idle_are_heard(opened: Open) -> None:
    """They lie in a buffer where no poll of the socket shows them."""
    with AnnouncesBeforeIdling(MAIL) as server:
        source = opened(server)
        _take(source, {})
        began = time.monotonic()
        source.wait(30, threading.Event())
        assert time.monotonic() - began < 1
        source.close()


class WithoutIdle(ImapServer):
    def capability(self, line: Line) -> None:
        line.say("* CAPABILITY IMAP4rev1")
        line.done()


def test_without_idle_the_wait_sleeps(opened: Open) -> None:
    """And says nothing to the server."""
    with WithoutIdle(MAIL) as server:
        source = opened(server)
        _take(source, {})
        began = time.monotonic()
        source.wait(0.3, threading.Event())
        assert 0.25 < time.monotonic() - began < 1
        assert not any("IDLE" in line for line in server.heard)


# servers that can not do what we want


class WithoutMove(ImapServer):
    def capability(self, line: Line) -> None:
        line.say(f"* CAPABILITY {CAPABILITIES_AFTER.replace('MOVE', 'UIDPLUS')}")
        line.done()


class RefusesMove(ImapServer):
    def move(self, line: Line) -> None:
        line.done("[TRYCREATE] no such folder", status="NO")


@pytest.mark.parametrize(("fake", "code"), [(WithoutMove, "no_move"), (RefusesMove, "refused")])
def test_without_move_nothing_is_copied_deleted_or_expunged(opened: Open, fake: type[ImapServer], code: str) -> None:
    """The mails stay, that is said once, and custody goes on."""
    with fake(MAIL, OTHER) as server, capture_logs() as logged:
        kept: dict[str, bytes] = {}
        source = opened(server, after="move")
        assert _until(source, kept, 2) == []
        _take(source, kept)
        said = " ".join(server.heard).upper()
        assert not any(word in said for word in ("COPY", "STORE", "DELETE", "EXPUNGE", "CLOSE"))
        assert [line["code"] for line in logged if line["event"] == events.MAILBOX_MOVE_REFUSED] == [code]
        assert list(server.mails) == [1, 2]


class RefusesKeywords(ImapServer):
    def store(self, line: Line) -> None:
        line.done("no keywords here", status="NO")


def test_a_refused_keyword_is_said_once_and_custody_goes_on(opened: Open) -> None:
    """The mail stays unmarked."""
    with RefusesKeywords(MAIL, OTHER) as server, capture_logs() as logged:
        kept: dict[str, bytes] = {}
        assert _until(opened(server, after="keyword"), kept, 2) == []
        assert [line["event"] for line in logged].count(events.MAILBOX_MARK_REFUSED) == 1


# servers that count wrongly


class Shortens(ImapServer):
    """Gives the first two fetches of a mail short, as if it ended there."""

    left = 1

    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        if start and self.left:
            whole, self.mails[uid] = self.mails[uid], self.mails[uid][:start]
            super().body(line, uid, start, most)
            self.mails[uid] = whole
            self.left -= 1
        else:
            super().body(line, uid, start, most)


def test_a_mail_given_short_is_fetched_again(opened: Open) -> None:
    """Its end is not where RFC822.SIZE said, so the bytes are not believed."""
    with Shortens(MAIL) as server:
        kept: dict[str, bytes] = {}
        source = opened(server)
        _take(source, kept)
        assert kept == {}
        _until(source, kept, 1)
        assert list(kept.values()) == [MAIL]


class Estimates(ImapServer):
    """Some servers only estimate RFC822.SIZE."""

    by = 0

    def description(self, line: Line, uid: int) -> None:
        line.say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid]) + self.by})")


@pytest.mark.parametrize("by", [1000, -1000])
def test_a_size_that_is_only_estimated_does_not_keep_a_mail_out_for_ever(opened: Open, by: int) -> None:
    """When it ends at the same byte a second time, the announcement was wrong; the first time it is doubted."""
    with type("Fake", (Estimates,), {"by": by})(MAIL) as server:
        kept: dict[str, bytes] = {}
        source = opened(server)
        _take(source, kept)
        assert kept == {}
        _until(source, kept, 1)
        assert list(kept.values()) == [MAIL]


class OneBadMail(ImapServer):
    def body(self, line: Line, uid: int, start: int, most: int) -> None:
        if uid != 1:
            super().body(line, uid, start, most)


def test_one_mail_that_can_not_be_had_keeps_no_other_out(opened: Open) -> None:
    """It counts as missing each time, and the others come in."""
    with OneBadMail(MAIL, OTHER) as server, capture_logs() as logged:
        kept: dict[str, bytes] = {}
        source = opened(server, max_backoff=300)
        _take(source, kept)
        server.mails[3] = OTHER
        _take(source, kept)
        assert list(kept) == ["7;2", "7;3"]
        counts = [
            (line["present"], line["new"], line["missing"]) for line in logged if line["event"] == events.MAILBOX_RECONCILED
        ]
        assert counts == [(2, 1, 1), (3, 1, 1)]


def test_a_mail_over_the_custody_limit_is_left_and_reported(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it is taken; a byte over, announced or not, it is left for staff and stays counted as missing."""
    monkeypatch.setattr(mailbox, "CUSTODY_BYTES", len(MAIL))
    with ImapServer(MAIL, MAIL + b"x") as server, capture_logs() as logged:
        kept: dict[str, bytes] = {}
        source = opened(server)
        _take(source, kept)
        _take(source, kept)
        assert list(kept.values()) == [MAIL]
        refused = [line for line in logged if line["event"] == events.MAIL_REFUSED]
        assert [(line["size"], line["limit"]) for line in refused] == [(len(MAIL) + 1, len(MAIL))]
        assert logged[-1]["missing"] == 1
    with type("Fake", (Estimates,), {"by": -10})(MAIL + b"x") as server:
        source = opened(server)
        [arrival] = source.poll(_nothing)
        with pytest.raises(ArrivalError, match="mail_over_custody_limit"):
            list(source.fetch(arrival))


class ChangesValidity(ImapServer):
    def search(self, line: Line) -> None:
        super().search(line)
        self.validity += 1


def test_a_uid_is_never_used_under_another_uidvalidity(opened: Open) -> None:
    """An arrival listed before the change is not fetched after it: the number may be another mail's."""
    with ChangesValidity(MAIL) as server:
        source = opened(server)
        [old] = source.poll(_nothing)
        [new] = source.poll(_nothing)
        with pytest.raises(TemporaryError, match="uidvalidity_changed"):
            next(source.fetch(old))
        assert b"".join(source.fetch(new)) == MAIL


class WithoutValidity(ImapServer):
    def examine(self, line: Line) -> None:
        line.say("* 1 EXISTS")
        line.done()


def test_without_uidvalidity_no_mail_is_named(opened: Open) -> None:
    """A key that does not last would let a mail be overlooked."""
    with WithoutValidity(MAIL) as server, pytest.raises(TemporaryError, match="mailbox_protocol"):
        next(opened(server).poll(_nothing))


def test_a_fetch_without_connection_is_a_temporary_fault(opened: Open) -> None:
    """After a close, or before any poll."""
    with ImapServer(MAIL) as server:
        source = opened(server)
        [arrival] = source.poll(_nothing)
        source.close()
        assert isinstance(arrival, Arrival)
        with pytest.raises(TemporaryError, match="mailbox_disconnected"):
            next(source.fetch(arrival))
        source.close()
