"""The wheel, installed elsewhere, starts: lua/ and migrations/ travel inside it."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from usher.embedded import delete_data

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout without fetching anything."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("usher-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is unpacked in, with an empty one to run from beside it. Unpacking
    is what installing a pure wheel comes to; its dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    (folder / "empty").mkdir()
    return folder


def _usher(elsewhere: Path, *words: str) -> list[str]:
    # -P and our own path in front: this checkout's editable install must not be what starts.
    start = f"import sys; sys.path.insert(0, {str(elsewhere / 'site')!r}); sys.argv[0] = 'usher'; "
    return [sys.executable, "-P", "-c", start + "from usher.cli import main; main()", *words]


def test_it_holds_the_scripts_and_the_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "usher/lua/seat/hold.lua" in names
    assert "usher/migrations/m0001_foundation.py" in names
    assert "usher/py.typed" in names
    assert {f"usher/{path.relative_to(ROOT)}" for path in (ROOT / "lua").rglob("*.lua")} <= {*names}


def test_it_finds_them_inside_itself(elsewhere: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(elsewhere / 'site')!r});"
        "from usher.plumbing.shipped import shipped; print(shipped('lua'), shipped('migrations'))"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=elsewhere / "empty",
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert told == [str(elsewhere / "site/usher/lua"), str(elsewhere / "site/usher/migrations")]


def test_the_command_says_its_version(elsewhere: Path, wheel: Path) -> None:
    told = subprocess.run(
        _usher(elsewhere, "--version"),
        cwd=elsewhere / "empty",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.split()[-1] == wheel.name.split("-")[1]


def test_the_command_says_what_it_can(elsewhere: Path) -> None:
    told = subprocess.run(
        _usher(elsewhere, "--help"),
        cwd=elsewhere / "empty",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for verb in (
        "up",
        "serve",
        "worker",
        "migrate",
        "demo",
        "plan",
        "account",
        "event",
        "sale",
        "gate",
    ):
        assert f"\n  {verb} " in told


def test_unit_costs_travel_with_it(elsewhere: Path) -> None:
    told = subprocess.run(
        _usher(elsewhere, "plan", "--fans", "10000", "--seats", "1000", "--json"),
        cwd=elsewhere / "empty",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(told)["api_processes"] >= 1


def test_a_site_starts_from_it_and_stops_in_order(elsewhere: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    environ = {**os.environ, "PYTHONPATH": str(elsewhere / "site"), "PYTHONUNBUFFERED": "1"}
    command = _usher(elsewhere, "up", "--port", "0", "--data-dir", str(data_dir))
    with subprocess.Popen(
        command,
        cwd=elsewhere / "empty",
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as site:
        try:
            assert site.stdout is not None
            url = next(
                line.split()[-1]
                for line in iter(site.stdout.readline, "")
                if line.startswith("usher is up")
            )
            assert httpx.get(f"{url}/readyz", trust_env=False).is_success
            events = httpx.get(f"{url}/api/v1/events", trust_env=False).json()["events"]
            titles = [event["title"] for event in events]
            assert titles == ["The winter play", "Night of strings", "Arena of lights"]
            page = httpx.get(url, headers={"accept": "text/html"}, trust_env=False).text
            assert all(title in page for title in titles)
        finally:
            site.send_signal(signal.SIGTERM)
            assert site.wait(60) == 0
    delete_data(data_dir)
