"""What a rehearsal needs of an installation."""

from typing import Protocol

from usher.feed.scripts import FeedScripts
from usher.insight.service import Auditor
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.plumbing.signing import Signer
from usher.rehearsal.shadow.service import Shadows
from usher.sale.service import SaleService
from usher.settings import Settings


class Deployment(Protocol):
    """An installation: its services, on its own servers."""

    @property
    def settings(self) -> Settings: ...
    @property
    def runner(self) -> Runner: ...
    @property
    def database(self) -> Database: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def sales(self) -> SaleService: ...
    @property
    def feed_scripts(self) -> FeedScripts: ...
    @property
    def auditor(self) -> Auditor: ...
    @property
    def shadows(self) -> Shadows: ...
