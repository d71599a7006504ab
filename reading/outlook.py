"""Outlook's saved mails (.msg, MS-OXMSG): a compound file of properties, one folder an attachment.

A mail within the mail is a folder, too: it is walked as a file of its own, with its depth counted.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from reading import embedded, kinds, mapi
from reading.compound import Compound, Storage
from reading.limits import Unreadable
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

FIXED = "__properties_version1.0"
_VALUE, _ATTACHMENT, _RECIPIENT = "__substg1.0_", "__attach_version1.0_", "__recip_version1.0_"
_FOLDER = f"{_VALUE}{mapi.CONTENT:04X}{mapi.OBJECT:04X}"  # an attachment that is a folder: a mail or an OLE object


def read(found: Found, sheet: Sheet) -> None:
    """Headers, body, then every attachment in order."""
    if found.size > sheet.limits.max_mail_bytes:
        raise Unreadable("mail_size", f"{found.size} bytes, limit {sheet.limits.max_mail_bytes}")
    storage = found.opened or Compound(found.load(sheet.limits.max_part_bytes), sheet.walk.spend).root
    mail = properties(storage)
    recipients = _folders(storage, _RECIPIENT)[: mapi.MAX_RECIPIENTS]
    sheet.mail = mapi.headers(mail, (properties(recipient, mail.page) for recipient in recipients), sheet)
    shown = mapi.body(mail, sheet)
    mapi.one_by_one(
        _folders(storage, _ATTACHMENT), lambda folder: _attach(properties(folder, mail.page), folder, shown, sheet), sheet
    )
    if storage.file.cut:
        sheet.problem("mail_malformed", "the file is cut short or damaged")


def _folders(storage: Storage, prefix: str) -> list[Storage]:
    return [folder for name, folder in sorted(storage.storages.items()) if name.lower().startswith(prefix)]


def properties(storage: Storage, page: int | None = None) -> mapi.Properties:
    """All values of a mail, or of an attachment or recipient in one of code page `page`; large ones are streams named by tag."""
    found = mapi.Properties(page=page or 0)
    fixed = storage.read(FIXED) or b""
    start = 8 if page is not None else 32 - len(fixed) % 16  # the header of a mail within a mail is shorter by 8 bytes
    for at in range(start, len(fixed) - 15, 16):
        kind, number = struct.unpack_from("<HH", fixed, at)
        if kind not in (mapi.OBJECT, mapi.TEXT_8BIT, mapi.TEXT, mapi.BINARY):
            found.put(number, kind, fixed[at + 8 : at + 16])
    for name in sorted(storage.streams):
        tag = name[len(_VALUE) :]
        if name.lower().startswith(_VALUE) and len(tag) == 8:
            _large(storage, name, tag, found)
    found.page = found.page or found.number(mapi.CODE_PAGES[1]) or 0
    return found


def _large(storage: Storage, name: str, tag: str, found: mapi.Properties) -> None:
    try:
        number, kind = int(tag[:4], 16), int(tag[4:], 16)
    except ValueError:
        return
    if kind in (mapi.TEXT_8BIT, mapi.TEXT, mapi.BINARY) and number in mapi.WANTED:
        found.put(number, kind, storage.read(name) or b"")


def _attach(attachment: mapi.Properties, storage: Storage, shown: frozenset[str], sheet: Sheet) -> None:
    raw, folder = attachment.raw(mapi.CONTENT), storage.storages.get(_FOLDER)
    if folder is not None and FIXED in folder.streams:
        name = mapi.name_of(attachment, "forwarded").replace("/", " ")
        sheet.child(name if name.lower().endswith(".msg") else f"{name}.msg", b"", Role.ATTACHMENT, hint=kinds.MSG, opened=folder)
    elif folder is not None:
        embedded.take_out(folder, mapi.name_of(attachment, "object"), sheet)
    elif raw is not None:
        mapi.attach(attachment, raw, shown, sheet)
    else:
        mapi.without_content(attachment, sheet)
