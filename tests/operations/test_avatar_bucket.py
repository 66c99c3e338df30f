"""Avatars in a bucket, of a server of S3 that others wrote (moto): kept, drawn anew, its refusals told."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bkendctl.client.avatar_bucket import AvatarBucket
from bkendctl.client.checks import check_avatars
from bkendctl.contract import avatars
from bkendctl.contract.errors import Failure
from bkendctl.contract.users import UserId
from bkendctl.local.avatar_folder import AvatarFolder
from tests.conftest import World
from tests.operations.test_avatars import fetch, give, picture, refused_fetch

moto_server = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server of S3 on loopback, with the bucket `pictures`."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/pictures", method="PUT")):
        yield url
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys as every S3 client takes them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def kept(endpoint: str) -> str:
    """What the bucket says it holds."""
    with urllib.request.urlopen(f"{endpoint}/pictures?list-type=2") as answer:
        return str(answer.read().decode())


def test_an_avatar_is_kept_drawn_anew_and_removed(world: World, endpoint: str) -> None:
    """Sent to our URL, stored without what was hidden in it, given out, and gone with the avatar."""
    world.core.files = AvatarBucket(f"s3://pictures/av/atars?endpoint={endpoint}&region=eu-central-1")
    token = world.sign_up()
    image = give(world, token, picture() + b"<script>not drawn</script>")
    assert kept(endpoint).count("<Key>av/atars/") == 1
    found = fetch(world, image)
    assert (found.content_type, found.content[:4]) == ("image/png", b"\x89PNG")
    assert b"script" not in found.content
    world.call(avatars.REMOVE, UserId(user_id=world.me(token).id), token=token)
    assert "<Key>" not in kept(endpoint)
    assert refused_fetch(world, image) == "user/avatar-not-found"


def test_what_the_service_refuses_is_told_in_our_words(endpoint: str) -> None:
    """A missing file is None; without bucket or service: common/unavailable, and doctor tells it."""
    files = AvatarBucket(f"s3://pictures?endpoint={endpoint}")
    assert files.read("none") is None
    files.remove("none")
    assert check_avatars(files, has_server=True).state == "ok"
    assert "<Key>" not in kept(endpoint)
    elsewhere = AvatarBucket(f"s3://no-such-bucket/x?endpoint={endpoint}")
    for act in (lambda: elsewhere.write("a", b"a"), lambda: elsewhere.read("a")):
        with pytest.raises(Failure) as refusal:
            act()
        assert refusal.value.code == "common/unavailable"
        assert "bucket" not in refusal.value.message.lower()
    told = check_avatars(elsewhere, has_server=False).message
    assert told == "s3://no-such-bucket/x: the service says NoSuchBucket"
    nobody = AvatarBucket(f"s3://pictures?endpoint=http://127.0.0.1:{closed_port()}")
    finding = check_avatars(nobody, has_server=False)
    assert (finding.state, finding.message) == ("bad", "s3://pictures: the service cannot be reached")
    assert "AWS_" in finding.mend


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures", "s3://", "s3://Pictures", "s3://key:secret@pictures", "s3://pictures/../x",
        "s3://pictures/a b", "s3://pictures#x", "s3://pictures?endpoint=ftp://h", "s3://pictures?acl=public",
        "s3://pictures?endpoint=https://u:p@h", "s3://pictures?region=a&region=b", "s3://pictures?endpoint",
    ],
)  # fmt: skip
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    """And is not quoted, as it may hold a password."""
    with pytest.raises(Failure, match="BKENDCTL_AVATARS_URL") as refusal:
        AvatarBucket(url)
    assert refusal.value.code == "cli/usage"
    assert "secret" not in refusal.value.message


def test_a_folder_over_a_server_is_warned_of(tmp_path: Path) -> None:
    """Servers on other machines would not have the files."""
    folder = AvatarFolder(tmp_path)
    assert check_avatars(folder, has_server=False).state == "ok"
    assert "BKENDCTL_AVATARS_URL" in check_avatars(folder, has_server=True).mend
