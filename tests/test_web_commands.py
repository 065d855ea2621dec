"""Commands: read whole, or refused with what is wrong."""

from typing import Any

import pytest

pytest.importorskip("httpcore", reason="the service needs pimenton[web]")

from pimenton.web.commands import Commands, read_commands, read_json
from pimenton.web.resizing import Resize

S3 = {
    "service": "s3",
    "aws_access_key_id": "id",
    "aws_secret_access_key": "secret",
    "region": "us-east-1",
    "path": "bucket/name.png",
}


def test_all_commands_together() -> None:
    commands, store = read_commands(
        {
            "resize": {"method": "cover", "width": 20, "height": "30"},
            "convert": {"type": ["image/jpg", "image/jpeg", "image/webp"]},
            "transform": {"background": "#0102fF"},
            "preserve": ["location", "copyright"],
            "store": S3,
        }
    )
    assert commands == Commands(
        Resize("cover", 20, 30), ("jpeg", "webp"), (1, 2, 255), frozenset({"copyright", "location"})
    )
    assert store is not None
    assert (store.service, store.path, store.acl) == ("s3", "bucket/name.png", "public-read")
    assert "secret" not in repr(store)


def test_one_name_or_several() -> None:
    assert read_commands({"convert": {"type": "image/avif"}})[0].formats == ("avif",)
    assert read_commands({"convert": {"type": "*/*"}})[0].formats == ("png", "jpeg", "webp", "avif")
    assert read_commands({"preserve": "creation"})[0].preserve == {"creation"}
    assert read_commands({"transform": {"background": "White"}})[0].background == (255, 255, 255)
    assert read_commands({}) == (Commands(), None)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"rezise": {}}, "command must be of resize, convert"),
        ({"resize": 5}, "resize must be an object"),
        ({"resize": {}}, "method must be one of scale, fit, cover, thumb"),
        ({"resize": {"method": ["fit"]}}, "method must be one of"),
        ({"resize": {"method": "fit", "width": 10}}, "fit takes a width and a height"),
        ({"resize": {"method": "scale"}}, "scale takes a width or a height, and not both"),
        ({"resize": {"method": "scale", "width": 1, "height": 1}}, "and not both"),
        ({"resize": {"method": "scale", "width": 0}}, "width must be 1 to 100000; got 0"),
        ({"resize": {"method": "scale", "width": -5}}, "width must be"),
        ({"resize": {"method": "scale", "width": 1.5}}, "width must be"),
        ({"resize": {"method": "scale", "width": 1e300}}, "width must be"),
        ({"resize": {"method": "scale", "width": float("inf")}}, "width must be"),
        ({"resize": {"method": "scale", "width": float("nan")}}, "width must be"),
        ({"resize": {"method": "scale", "width": True}}, "width must be"),
        ({"resize": {"method": "scale", "width": "9" * 5000}}, "width must be"),
        ({"resize": {"method": "fit", "widht": 1}}, "name must be of method, width, height"),
        ({"convert": {}}, "type must be a name or a list"),
        ({"convert": {"type": []}}, "type must be a name or a list"),
        ({"convert": {"type": "image/gif"}}, "got 'image/gif'"),
        ({"convert": {"type": ["image/png", 5]}}, "type must be a name or a list"),
        ({"transform": {"background": "red"}}, "background must be #rrggbb, white or black"),
        ({"transform": {}}, "background must be"),
        ({"preserve": ["everything"]}, "preserve must be of copyright, creation, location"),
        ({"store": {"service": "ftp"}}, "service must be one of s3, gcs"),
        ({"store": "s3"}, "service must be one of s3, gcs"),
        ({"store": {**S3, "path": ""}}, "path is missing"),
        ({"store": {**S3, "path": "bucket"}}, "a bucket and a name"),
        ({"store": {**S3, "path": "../secret/x"}}, "a bucket and a name"),
        ({"store": {**S3, "path": "bucket/../other/x"}}, "must not lead elsewhere"),
        ({"store": {**S3, "region": "evil.example/"}}, "region must be one of AWS's"),
        ({"store": {**S3, "region": ""}}, "region is missing"),
        ({"store": {**S3, "acl": "anyone"}}, "acl must be one of"),
        ({"store": {**S3, "headers": {"X-Amz-Acl": "private"}}}, "headers may be Cache-Control"),
        ({"store": {**S3, "headers": {"Cache-Control": "a\r\nb: c"}}}, "must be printable"),
        ({"store": {**S3, "aws_access_key_id": None}}, "aws_access_key_id is missing"),
        ({"store": {**S3, "endpoint": "http://inside/"}}, "name must be of service"),
        ({"store": {"service": "gcs", "path": "b/n"}}, "path must be|gcp_access_token is missing"),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_commands(asked)


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b"\xff", b"[" * 100_000, b"nonsense"])
def test_a_body_must_be_an_object_in_json(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body"):
        read_json(body)
