"""The preview: what a reader would get, without a case and without sending."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.rules import Programme, Rules
from config.telling import OUTWARD
from daemon.cli import main
from daemon.preview import example
from outbound.wording import languages
from records.model import Event


@pytest.mark.parametrize("event", OUTWARD)
@pytest.mark.parametrize("code", sorted(languages()))
def test_every_update_can_be_looked_at_in_every_language(event: Event, code: str) -> None:
    """Whole, in the language asked for, with every finding that has words."""
    message = example(event, code, Rules(), everything=True)
    assert f'<html lang="{code}"' in message.html
    assert "SOMRR-EXAMP-LE000-0" in message.text


def test_the_command_shows_text_and_writes_html(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text on standard output, HTML into a file, the programme's facts as configured, nothing kept in the state directory."""
    config, page, home = tmp_path / "somrr.toml", tmp_path / "page.html", tmp_path / "home"
    config.write_text('[rules.programme]\nfax = "+1 555 0100"\n')
    before = ["--config", str(config), "--home", str(home), "preview", "opened", "--lang", "ru"]
    main(before)
    text = capsys.readouterr().out
    assert text.startswith("Subject: [SOMRR-EXAMP-LE000-0] ")
    assert "+1 555 0100" in text
    assert Programme().fax not in text
    main([*before, "--html", str(page)])
    assert capsys.readouterr().out == ""
    assert '<html lang="ru" dir="ltr">' in page.read_text()
    assert not home.exists()
