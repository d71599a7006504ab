"""A real Dovecot on loopback for one test: TLS by a throw-away authority, no root needed, gone afterwards.

Dovecot will not run as root, so a root test run starts it as `nobody`.  Dovecot 2.3 (Debian 12) and 2.4
(Debian 13) read different configurations; the installed version decides which one is written.
"""

from __future__ import annotations

import contextlib
import grp
import imaplib
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

USER = "intake"
PASSWORD = "throw-away"
NOBODY = 65534
FOLDERS = ("SOMRR",)

CONFIG_2_3 = """
protocols = imap
base_dir = @BASE@/run
state_dir = @BASE@/run
instance_name = somrr-test
log_path = @BASE@/dovecot.log
listen = 127.0.0.1
default_internal_user = @USER@
default_login_user = @USER@
default_internal_group = @GROUP@
mail_uid = @USER@
mail_gid = @GROUP@
first_valid_uid = 1
first_valid_gid = 1
mail_home = @BASE@/mail/%u
mail_location = maildir:~/Maildir
auth_mechanisms = plain login
disable_plaintext_auth = yes
ssl = required
ssl_cert = <@BASE@/cert.pem
ssl_key = <@BASE@/key.pem
ssl_dh =
mail_fsync = never
mail_max_userip_connections = 50
auth_failure_delay = 0
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = @PORT@
    ssl = yes
  }
}
service imap {
  process_limit = 50
}
namespace inbox {
  inbox = yes
  separator = /
  @FOLDERS@
}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u @BASE@/users
}
userdb {
  driver = static
  args = uid=@USER@ gid=@GROUP@ home=@BASE@/mail/%u
}
"""

CONFIG_2_4 = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols {
  imap = yes
}
base_dir = @BASE@/run
state_dir = @BASE@/run
instance_name = somrr-test
log_path = @BASE@/dovecot.log
listen = 127.0.0.1
default_internal_user = @USER@
default_login_user = @USER@
default_internal_group = @GROUP@
mail_uid = @USER@
mail_gid = @GROUP@
first_valid_uid = 1
first_valid_gid = 1
mail_home = @BASE@/mail/%{user}
mail_driver = maildir
mail_path = ~/Maildir
auth_mechanisms = plain login
ssl = required
ssl_server_cert_file = @BASE@/cert.pem
ssl_server_key_file = @BASE@/key.pem
mail_fsync = never
mail_max_userip_connections = 50
auth_failure_delay = 0
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = @PORT@
    ssl = yes
  }
}
service imap {
  process_limit = 50
}
namespace inbox {
  inbox = yes
  separator = /
  @FOLDERS@
}
passdb passwd-file {
  passwd_file_path = @BASE@/users
  default_password_scheme = plain
}
userdb static {
  fields {
    uid = @USER@
    gid = @GROUP@
    home = @BASE@/mail/%{user}
  }
}
"""


class Dovecot:
    """One mailbox `user`/`password` at `localhost:port` over implicit TLS, believed with `ca_file`."""

    host = "localhost"
    user = USER
    password = PASSWORD

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="dc"))
        self.ca_file = self.base / "ca.pem"
        self.port = _free_port()
        self._master: subprocess.Popen[bytes] | None = None
        self._as_nobody = os.geteuid() == 0
        self._write()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    def start(self, seconds: float = 20) -> None:
        """Start and wait for the greeting; raises RuntimeError with Dovecot's own log when it does not come."""
        command = [_program(), "-F", "-c", str(self.base / "dovecot.conf")]
        if self._as_nobody:
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        self._master = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and self._master.poll() is None:
            try:
                with self._login():
                    return
            except (OSError, imaplib.IMAP4.error):
                time.sleep(0.02)
        log = self.base / "dovecot.log"
        raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")

    def stop(self) -> None:
        """Stop as the operator would; connections end with BYE."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop without a farewell: the master and all its children at once."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop at once (an orderly stop takes a second) and leave nothing behind."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.base, ignore_errors=True)

    def append(self, raw: bytes, folder: str = "INBOX", flags: Iterable[str] = ()) -> None:
        """Deliver one mail (line ends are made CRLF)."""
        with self._login() as client:
            _ok(client.append(folder, f"({' '.join(flags)})", time.time(), re.sub(rb"\r?\n", b"\r\n", raw)))

    def append_all(self, raws: Iterable[bytes], folder: str = "INBOX") -> None:
        """Deliver many mails over one connection."""
        with self._login() as client:
            for raw in raws:
                _ok(client.append(folder, "()", time.time(), re.sub(rb"\r?\n", b"\r\n", raw)))

    def create(self, folder: str) -> None:
        with self._login() as client:
            _ok(client.create(folder))

    def count(self, folder: str = "INBOX") -> int:
        return len(self.flags(folder))

    def flags(self, folder: str = "INBOX") -> dict[int, set[str]]:
        """UID → flags and keywords, without \\Recent (looking sets it)."""
        with self._login() as client:
            _ok(client.select(folder, readonly=True))
            lines = client.uid("FETCH", "1:*", "(FLAGS)")[1]
        found: dict[int, set[str]] = {}
        for line in lines:
            if isinstance(line, bytes) and (seen := re.search(rb"UID (\d+) FLAGS \(([^)]*)\)", line)):
                found[int(seen[1])] = set(seen[2].decode().split()) - {"\\Recent"}
        return found

    def store(self, uid: int, flag: str, folder: str = "INBOX") -> None:
        """Set a flag, as a colleague's mail program would."""
        with self._login() as client:
            _ok(client.select(folder))
            _ok(client.uid("STORE", str(uid), "+FLAGS", f"({flag})"))

    def expunge(self, uid: int, folder: str = "INBOX") -> None:
        """Delete one mail for good, as a colleague would."""
        with self._login() as client:
            _ok(client.select(folder))
            _ok(client.uid("STORE", str(uid), "+FLAGS", r"(\Deleted)"))
            _ok(client.expunge())

    def uidvalidity(self, folder: str = "INBOX") -> int:
        with self._login() as client:
            _ok(client.select(folder, readonly=True))
            return int(client.response("UIDVALIDITY")[1][0])

    def recreate(self, folder: str = "INBOX") -> None:
        """Give the folder another UIDVALIDITY and number its mails anew, as after a restored backup."""
        self.stop()
        home = self.base / "mail" / self.user / "Maildir"
        directory = home if folder == "INBOX" else home / f".{folder}"
        numbers = directory / "dovecot-uidlist"
        validity = int(re.search(r" V(\d+)", numbers.read_text())[1])  # type: ignore[index]  # Dovecot always writes it
        for index in directory.glob("dovecot.index*"):
            index.unlink()
        numbers.write_text(f"3 V{validity + 7} N1\n")
        self.start()

    def _login(self) -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL(
            self.host, self.port, ssl_context=ssl.create_default_context(cafile=str(self.ca_file)), timeout=10
        )
        try:
            client.login(self.user, self.password)
        except BaseException:
            client.shutdown()
            raise
        return client

    def _end(self, how: signal.Signals) -> None:
        master, self._master = self._master, None
        if master is None:
            return
        with contextlib.suppress(ProcessLookupError):
            master.send_signal(how)
        try:
            master.wait(10)
        except subprocess.TimeoutExpired:
            how = signal.SIGKILL
        # Dovecot's children live in the master's session; those that linger (log, imap) end with it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(master.pid, signal.SIGKILL)
        master.wait(10)

    def _write(self) -> None:
        owner, group = (NOBODY, NOBODY) if self._as_nobody else (os.getuid(), os.getgid())
        (self.base / "run").mkdir()
        (self.base / "mail").mkdir()
        (self.base / "users").write_text(f"{self.user}:{{PLAIN}}{self.password}\n")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        identity = authority.issue_cert("localhost", "127.0.0.1")
        identity.private_key_pem.write_to_path(str(self.base / "key.pem"))
        for pem in identity.cert_chain_pems:
            pem.write_to_path(str(self.base / "cert.pem"), append=True)
        words = {
            "BASE": str(self.base),
            "USER": pwd.getpwuid(owner).pw_name,
            "GROUP": grp.getgrgid(group).gr_name,
            "PORT": str(self.port),
            "FOLDERS": "\n  ".join(f"mailbox {name} {{\n    auto = create\n  }}" for name in FOLDERS),
        }
        config = CONFIG_2_4 if _version() >= (2, 4) else CONFIG_2_3
        (self.base / "dovecot.conf").write_text(re.sub("@([A-Z]+)@", lambda word: words[word[1]], config).lstrip())
        if self._as_nobody:
            for path in (self.base, *self.base.rglob("*")):
                os.chown(path, owner, group)
            self.base.chmod(0o755)  # the test itself reads ca.pem here


def _program() -> str:
    path = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise RuntimeError("Dovecot is not installed: Debian package dovecot-imapd")
    return path


def _version() -> tuple[int, int]:
    words = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = words.split()[0].split(".")[:2]
    return int(major), int(minor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ok(answer: tuple[str, object]) -> None:
    if answer[0] != "OK":
        raise RuntimeError(f"Dovecot answered {answer}")
