"""Where local files live."""

from __future__ import annotations

from pathlib import Path

import pytest

from bkendctl.contract.errors import Failure
from bkendctl.local.paths import paths


def test_one_home_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With BKENDCTL_HOME every file is in that folder, made absolute, and nothing is created."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BKENDCTL_HOME", "some/../home")
    found = paths()
    home = tmp_path / "home"
    assert (found.config_dir, found.data_dir) == (home, home)
    files = {found.config_file, found.credentials_file, found.credentials_lock, found.database_file}
    files |= {found.master_key_file, found.store_file, found.config_lock}
    assert {file.parent for file in files} == {home}
    assert len(files) == 7
    assert not home.exists()


def test_a_symlinked_home_stays_visible_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is not resolved, so that the check for symlinks sees the link."""
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("BKENDCTL_HOME", str(tmp_path / "link"))
    assert paths().data_dir == tmp_path / "link"


def test_a_home_that_cannot_be_named_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown ~user, or a relative home in a folder that is gone, is a failure and no traceback."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for home in ("~no-such-user/x", "relative"):
        monkeypatch.setenv("BKENDCTL_HOME", home)
        with pytest.raises(Failure) as caught:
            paths()
        assert caught.value.code == "cli/file"


@pytest.mark.parametrize("unset", [True, False])
def test_without_a_home_the_platform_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unset: bool
) -> None:
    """Without BKENDCTL_HOME, or with an empty one, our folders in the XDG folders are used."""
    monkeypatch.setenv("BKENDCTL_HOME", "")
    if unset:
        monkeypatch.delenv("BKENDCTL_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    assert paths() == (tmp_path / "c" / "bkendctl", tmp_path / "d" / "bkendctl")
