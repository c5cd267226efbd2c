"""Mail into a folder of this machine (a Maildir): to look at, and for who wants none to leave."""

import asyncio
import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from usher.notice.model import Away, Outgoing

_FOLDERS: Final = ("tmp", "new", "cur")


class MaildirChannel:
    """`maildir:///path`. A file is named after its message, so that the same message again is the
    same file again: here nothing can arrive twice."""

    def __init__(self, url: str) -> None:
        self.at_once = 1
        self.path = Path(unquote(urlsplit(url).path))

    async def send(self, outgoing: Outgoing) -> str:
        """As `Channel.send`."""
        try:
            return await asyncio.to_thread(self._write, outgoing)
        except OSError as fault:
            raise Away(f"{self.path}: {fault.strerror}") from fault

    def _write(self, outgoing: Outgoing) -> str:
        for folder in _FOLDERS:
            (self.path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{outgoing.id}.eml"
        # Whoever has read it moved it to cur/, with flags behind its name.
        if seen := next((self.path / "cur").glob(f"{name}*"), None):
            return str(seen)
        half, whole = self.path / "tmp" / name, self.path / "new" / name
        with half.open("wb") as file:
            file.write(outgoing.body)
            file.flush()
            os.fsync(file.fileno())
        half.replace(whole)
        return str(whole)

    async def rest(self) -> None:
        """There is nothing to let go of."""
