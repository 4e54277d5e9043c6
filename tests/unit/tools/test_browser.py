"""How a browser is found or installed: on folders made up as PATH, with an apt-get that is a script of ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tools import browser
from tools.browser import Machine, NoBrowser, find

APT = """#!/bin/sh
echo "$@" >> {folder}/asked
[ -e {folder}/lists ] || {{ [ "$1" = update ] && : > {folder}/lists && exit 0
    echo "E: Unable to locate package $9" >&2; exit 100; }}
case " $* " in *" {package} "*) printf '#!/bin/sh\\n' > {folder}/{package}; chmod +x {folder}/{package}; exit 0;; esac
echo "E: no such package here" >&2; exit 100
"""


class Workshop:
    """A machine of the test's own: one folder is its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.home = folder / "home"
        self.sources = folder / "debian_version"
        self.folder.mkdir()
        for tool in ("sh", "chmod"):
            (self.folder / tool).symlink_to(Path("/bin") / tool)

    def program(self, name: str, text: str = "#!/bin/sh\n", folder: Path | None = None) -> Path:
        path = (folder or self.folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def apt(self, package: str, *, lists: bool = True) -> None:
        """A Debian whose archive has this package, known already or only after `apt-get update`."""
        self.sources.touch()
        self.program("apt-get", APT.format(folder=self.folder, package=package))
        if lists:
            (self.folder / "lists").touch()

    @property
    def asked(self) -> list[str]:
        """What apt-get was asked to do."""
        return (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []

    def machine(self, *, root: bool = True, **environment: str) -> Machine:
        own = {"PATH": str(self.folder), "HOME": str(self.home)}
        return Machine(own | environment, root, self.sources)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_the_small_browser_is_taken_before_the_large_one(workshop: Workshop) -> None:
    large = workshop.program("google-chrome")
    assert find(workshop.machine()) == large
    middle = workshop.program("chromium")
    assert find(workshop.machine()) == middle
    small = workshop.program("chromium-headless-shell")
    assert find(workshop.machine()) == small


def test_a_person_can_name_the_browser_by_path_or_by_name(workshop: Workshop, tmp_path: Path) -> None:
    workshop.program("chromium")
    wish = workshop.program("my-browser", folder=tmp_path / "elsewhere")
    assert find(workshop.machine(CHROMIUM=str(wish))) == wish
    assert find(workshop.machine(CHROMIUM="chromium")) == workshop.folder / "chromium"


def test_a_named_browser_that_is_not_there_is_told_and_nothing_else_taken(workshop: Workshop) -> None:
    workshop.program("chromium")
    with pytest.raises(NoBrowser, match="CHROMIUM is /nowhere/chromium, and no program is there"):
        browser.browser(workshop.machine(CHROMIUM="/nowhere/chromium"))


@pytest.mark.parametrize(
    "kept",
    [
        "chromium_headless_shell-1200/chrome-linux/headless_shell",
        "chromium_headless_shell-1200/chrome-headless-shell-linux64/chrome-headless-shell",
        "chromium-1200/chrome-linux/chrome",
    ],
)
def test_a_browser_that_playwright_keeps_is_found(workshop: Workshop, tmp_path: Path, kept: str) -> None:
    (workshop.home / ".cache/ms-playwright/chromium-1100/chrome-linux").mkdir(parents=True)
    found = workshop.program(kept, folder=workshop.home / ".cache/ms-playwright")
    assert find(workshop.machine()) == found
    assert find(workshop.machine(PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))) is None


def test_root_installs_it_without_what_is_only_recommended(workshop: Workshop) -> None:
    workshop.apt("chromium-headless-shell")
    assert browser.browser(workshop.machine()) == workshop.folder / "chromium-headless-shell"
    (asked,) = workshop.asked
    assert asked.startswith("install ")
    assert "--no-install-recommends" in asked
    assert "fonts-dejavu-core" in asked, "a page without a typeface shows nothing"


def test_an_archive_without_the_small_browser_gives_the_large_one(workshop: Workshop) -> None:
    workshop.apt("chromium")
    assert browser.browser(workshop.machine()) == workshop.folder / "chromium"
    assert len(workshop.asked) == 2


def test_empty_lists_are_read_anew_once(workshop: Workshop) -> None:
    workshop.apt("chromium-headless-shell", lists=False)
    assert browser.browser(workshop.machine()) == workshop.folder / "chromium-headless-shell"
    assert [line.split()[0] for line in workshop.asked] == ["install", "install", "update", "install"]


def test_an_archive_without_any_browser_is_told_with_the_words_of_apt_get(workshop: Workshop) -> None:
    workshop.apt("something-else")
    with pytest.raises(NoBrowser, match=r"apt-get install .* did not work: E: no such package here"):
        browser.browser(workshop.machine())


def test_a_person_without_rights_is_asked_for_no_password(workshop: Workshop) -> None:
    workshop.apt("chromium")
    workshop.program("sudo", "#!/bin/sh\nexit 1\n")
    with pytest.raises(NoBrowser, match="set CHROMIUM to the path"):
        browser.browser(workshop.machine(root=False))
    assert workshop.asked == []
    workshop.program("sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift\n[ "$1" = true ] || exec "$@"\n')
    assert browser.browser(workshop.machine(root=False)) == workshop.folder / "chromium"


def test_nothing_is_installed_where_it_is_no_debian(workshop: Workshop) -> None:
    workshop.apt("chromium")
    workshop.sources.unlink()
    with pytest.raises(NoBrowser, match="as root, or set CHROMIUM"):
        browser.browser(workshop.machine())
    assert workshop.asked == []


def test_an_installer_that_hangs_is_ended(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.apt("chromium")
    workshop.program("apt-get", "#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(browser, "_INSTALL_SECONDS", 0.05)
    monkeypatch.setattr(browser, "_LISTS_SECONDS", 0.05)
    with pytest.raises(NoBrowser, match=r"apt-get was not done within 0\.05 seconds"):
        browser.browser(workshop.machine())


@pytest.mark.parametrize(
    ("environment", "status"),
    [({}, 0), ({"CI": "true"}, 1), ({"BROWSER": "required"}, 1), ({"CI": "", "BROWSER": "any"}, 0)],
    ids=["a-developer", "ci", "required", "neither"],
)
def test_only_ci_and_who_requires_it_fail_without_a_browser(
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    status: int,
) -> None:
    machine = workshop.machine(root=False, **environment)
    monkeypatch.setattr(Machine, "here", lambda: machine)
    assert browser.main() == status
    out, told = capsys.readouterr()
    assert out == ""
    assert "The browser tests need Chromium" in told
    assert told.startswith("The browser tests will be skipped.") is (status == 0)
    assert len(told.splitlines()) == 1


def test_the_path_found_is_printed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = workshop.program("chromium")
    machine = workshop.machine()
    monkeypatch.setattr(Machine, "here", lambda: machine)
    assert browser.main() == 0
    assert capsys.readouterr().out == f"Browser tests use {found}{os.linesep}"
