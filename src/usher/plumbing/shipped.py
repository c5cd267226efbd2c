"""Files that travel with the code: `lua/` and `migrations/`.

In a wheel they lie inside the package; in a checkout (editable install) at its root.
"""

from pathlib import Path

from usher.errors import SetupError

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(name: str) -> Path:
    """The folder `name` ("lua", "migrations"); SetupError where the installation lacks it."""
    for root in (_PACKAGE, _PACKAGE.parent.parent):
        folder = root / name
        if folder.is_dir():
            return folder
    raise SetupError(f"this installation of usher has no {name}/ folder: install it again")
