"""TinyPNG's interface, asked by Python's official client and by bare HTTP."""

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pimenton import Options, measure
from pimenton.batch import compress_data
from pimenton.web.keys import Keys
from pimenton.web.records import Records
from serving import Answer, Service, serving
from tinypng import cutout, opened, picture, pictures, telling, told

tinify = pytest.importorskip("tinify", reason="TinyPNG's client is a requirement of the tests")

METHODS = [
    ({"method": "scale", "width": 60}, (60, 40)),
    ({"method": "scale", "height": 20}, (30, 20)),
    ({"method": "fit", "width": 50, "height": 50}, (50, 33)),
    ({"method": "cover", "width": 40, "height": 60}, (40, 60)),
    ({"method": "thumb", "width": 30, "height": 30}, (30, 30)),
]
TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/avif": "AVIF"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """Make keys: one without a limit, one that may compress twice."""
    with closing(Records(folder)) as records:
        table = Keys(records)
        return {"press": table.add("press@paper.example"), "small": table.add("small", quota=2)}


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with pictures() as address:
        yield address


@pytest.fixture(scope="module")
def service(folder: Path, keys: dict[str, str]) -> Iterator[Service]:
    flags = ("--data", str(folder), "--source-hosts", "127.0.0.1", "--jobs", "2")
    with serving(*flags, "--max-pixels", "1000000") as service:
        yield service


@pytest.fixture
def client(service: Service, keys: dict[str, str]) -> Iterator[Any]:
    """The client as it is, pointed at the service."""
    tinify.Client.API_ENDPOINT = service.address.rstrip("/")
    tinify.key = keys["press"]
    yield tinify
    tinify.key = None


def basic(key: str, user: str = "api") -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def error_of(answer: Answer) -> tuple[int, str]:
    body = json.loads(answer.body)
    assert set(body) == {"error", "message"}
    return answer.status, body["error"]


# --- the client ---


def test_a_file_is_compressed_into_a_file(client: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(picture())
    client.from_file(str(source)).to_file(str(target))
    assert opened(target.read_bytes()) == ("PNG", (120, 80))
    assert target.stat().st_size < 0.6 * source.stat().st_size


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_buffer_comes_back_in_its_type_at_the_score_and_not_larger(
    client: Any, format: str
) -> None:
    data = picture(format, **({} if format == "PNG" else {"quality": 97}))
    source = client.from_buffer(data)
    made = source.to_buffer()
    assert opened(made) == (format, (120, 80))
    assert len(made) < len(data)
    assert measure(data, made).ssimulacra2 >= 80
    assert source.to_buffer() == made, "a result can be read again"


def test_a_png_is_what_the_command_makes_of_it(client: Any) -> None:
    made = client.from_buffer(picture()).to_buffer()
    command, _ = compress_data(picture(), Options())
    assert measure(command, made).mse == 0
    assert len(made) <= len(command)


def test_an_address_is_fetched(client: Any, shop: str) -> None:
    assert opened(client.from_url(f"{shop}/photo.png").to_buffer()) == ("PNG", (120, 80))


@pytest.mark.parametrize(("resize", "size"), METHODS)
def test_a_picture_is_resized(client: Any, resize: dict[str, Any], size: tuple[int, int]) -> None:
    result = client.from_buffer(picture()).resize(**resize).result()
    assert opened(result.to_buffer()) == ("PNG", size)
    assert (result.width, result.height) == size
    assert result.size == len(result.to_buffer())


@pytest.mark.parametrize(("type", "format"), TYPES.items())
def test_a_picture_is_converted(client: Any, type: str, format: str) -> None:
    result = client.from_buffer(picture()).convert(type=type).result()
    assert opened(result.to_buffer()) == (format, (120, 80))
    assert (result.media_type, result.extension) == (type, type.partition("/")[2])


def test_the_smallest_of_several_types_wins(client: Any) -> None:
    source = client.from_buffer(picture())
    sizes = {type: source.convert(type=type).result().size for type in TYPES}
    best = source.convert(type=["*/*"]).result()
    assert best.size == min(sizes.values())
    assert sizes[best.media_type] == best.size
    two = source.convert(type=["image/png", "image/jpg"]).result()
    assert two.media_type == min(("image/png", "image/jpeg"), key=lambda type: sizes[type])


def test_a_background_fills_what_is_transparent(client: Any) -> None:
    source = client.from_buffer(cutout())
    jpeg = source.convert(type="image/jpeg").transform(background="#00ff00").result()
    corner = corner_of(jpeg.to_buffer())
    assert corner[1] > 230
    assert max(corner[0], corner[2]) < 25
    assert corner_of(source.convert(type="image/jpeg").to_buffer()) == (255, 255, 255)
    assert corner_of(source.transform(background="black").to_buffer()) == (0, 0, 0)
    # What has no opacity is no candidate, unless that is wanted.
    assert source.convert(type=["image/jpeg", "image/png"]).result().media_type == "image/png"


def corner_of(data: bytes) -> tuple[int, ...]:
    from pimenton import read_image

    return tuple(int(value) for value in read_image(data)[0, 0, :3])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_what_is_to_be_preserved_is_and_nothing_else(client: Any, format: str) -> None:
    source = client.from_buffer(telling(format))
    assert told(source.to_buffer()) <= {"camera", "comment", "copyright", "creation", "location"}
    shrunk = source.resize(method="scale", width=60)
    assert told(shrunk.to_buffer()) == set()
    for names in [["copyright"], ["creation", "location"], ["copyright", "creation", "location"]]:
        assert told(shrunk.preserve(*names).to_buffer()) == set(names)


def test_commands_go_together(client: Any) -> None:
    result = (
        client.from_buffer(cutout())
        .resize(method="fit", width=30, height=30)
        .convert(type="image/jpeg")
        .transform(background="white")
        .preserve("copyright")
        .result()
    )
    assert opened(result.to_buffer()) == ("JPEG", (20, 30))


def test_compressions_are_counted(client: Any) -> None:
    source = client.from_buffer(picture())
    before = client.compression_count
    source.to_buffer()
    assert client.compression_count == before
    source.resize(method="scale", width=9).to_buffer()
    assert client.compression_count == before + 1
    source.resize(method="scale", width=9).convert(type="image/webp").to_buffer()
    assert client.compression_count == before + 3
    source.preserve("creation").to_buffer()
    assert client.compression_count == before + 3


def test_a_key_is_validated(client: Any, keys: dict[str, str]) -> None:
    assert client.validate() is True
    client.key = "nonsense"
    with pytest.raises(client.AccountError, match="HTTP 401/Unauthorized"):
        client.validate()
    with pytest.raises(client.AccountError, match="HTTP 401/Unauthorized"):
        client.from_buffer(picture())


def test_a_quota_ends(client: Any, keys: dict[str, str]) -> None:
    client.key = keys["small"]
    source = client.from_buffer(picture())
    source.resize(method="scale", width=9).to_buffer()
    with pytest.raises(client.AccountError, match="HTTP 429/TooManyRequests"):
        client.from_buffer(picture())
    with pytest.raises(client.AccountError, match="HTTP 429/TooManyRequests"):
        source.convert(type="image/webp").to_buffer()
    assert opened(source.to_buffer()) == ("PNG", (120, 80)), "what there is can be had still"
    assert client.validate() is True


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no picture", "HTTP 415/Unsupported media type"),
        (picture("GIF"), "HTTP 415/Unsupported media type"),
        (picture()[:900], "HTTP 400/BadSignature"),
        (picture("WEBP")[:200], "HTTP 400/BadSignature"),
        (b"", "HTTP 400/InputMissing"),
    ],
)
def test_a_bad_picture_is_said(client: Any, data: bytes, error: str) -> None:
    count = client.from_buffer(picture()) and client.compression_count
    with pytest.raises(client.ClientError, match=error):
        client.from_buffer(data)
    client.from_buffer(picture())
    assert client.compression_count == count + 1, "what failed is not counted"


def test_wrong_commands_are_said(client: Any, shop: str) -> None:
    source = client.from_buffer(picture())
    with pytest.raises(client.ClientError, match="fit takes a width and a height"):
        source.resize(method="fit", width=10).to_buffer()
    with pytest.raises(client.ClientError, match="type must be of image/png"):
        source.convert(type="image/bmp").to_buffer()
    with pytest.raises(client.ClientError, match="Source not found"):
        client.from_url(f"{shop}/nothing.png")
    with pytest.raises(client.ClientError, match="Unsupported media type"):
        client.from_url(f"{shop}/text")
    with pytest.raises(client.ClientError, match="not a public address"):
        client.from_url("http://[::1]/photo.png")


# --- bare HTTP ---


def post(service: Service, key: str, data: Any, **headers: str) -> Answer:
    return service.ask("/shrink", data, Authorization=basic(key), **headers)


@pytest.mark.parametrize(
    "label",
    [None, "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/gif", ""],
)
def test_a_body_is_a_picture_whatever_its_label_says(
    service: Service, keys: dict[str, str], label: str | None
) -> None:
    headers = {} if label is None else {"Content_Type": label}
    answer = post(service, keys["press"], picture(), **headers)
    assert answer.status == 201
    made = json.loads(answer.body)
    assert made["input"] == {"size": len(picture()), "type": "image/png"}
    output = made["output"]
    assert {name: output[name] for name in ("type", "width", "height")} == {
        "type": "image/png",
        "width": 120,
        "height": 80,
    }
    assert output["ratio"] == round(output["size"] / len(picture()), 4)
    assert answer.headers["Location"].startswith("/output/")
    assert output["url"] == service.address.rstrip("/") + answer.headers["Location"]
    # Plug-ins fetch this without a key.
    bare = service.ask(answer.headers["Location"])
    assert (bare.status, len(bare.body)) == (200, output["size"])
    assert bare.headers["Content-Type"] == "image/png"
    assert (bare.headers["Image-Width"], bare.headers["Image-Height"]) == ("120", "80")
    assert "Compression-Count" not in bare.headers


def test_a_body_may_come_in_chunks(service: Service, keys: dict[str, str]) -> None:
    data = picture()
    parts = (data[i : i + 1000] for i in range(0, len(data), 1000))
    assert post(service, keys["press"], parts).status == 201


def test_commands_may_be_the_body_of_a_get(service: Service, keys: dict[str, str]) -> None:
    location = post(service, keys["press"], picture()).headers["Location"]
    commands = json.dumps({"resize": {"method": "scale", "width": 30}}).encode()
    headers = {"Authorization": basic(keys["press"]), "Content_Type": "application/json"}
    by_get = service.ask(location, commands, "GET", **headers)
    by_post = service.ask(location, commands, "POST", **headers)
    assert opened(by_get.body) == ("PNG", (30, 20))
    assert by_get.body == by_post.body
    assert (by_get.headers["Image-Width"], by_get.headers["Image-Height"]) == ("30", "20")
    for method in ("GET", "POST"):
        without = service.ask(location, commands, method)
        assert error_of(without) == (401, "Unauthorized")
        wrong = service.ask(location, commands, method, Authorization=basic("wrong"))
        assert error_of(wrong) == (401, "Unauthorized")


def test_an_empty_body_asks_whether_the_key_is_one(service: Service, keys: dict[str, str]) -> None:
    assert error_of(post(service, keys["press"], b"")) == (400, "InputMissing")
    assert error_of(post(service, "wrong", b"")) == (401, "Unauthorized")
    assert error_of(service.ask("/shrink", b"")) == (401, "Unauthorized")


def test_the_plug_ins_questions_are_answered(
    service: Service, keys: dict[str, str], folder: Path
) -> None:
    assert service.ask(f"/keys/{keys['press']}").status == 200
    assert service.ask(f"/keys/{keys['press']}x").status == 404
    headers = post(service, keys["press"], picture()).headers
    assert headers["Paying-State"] == "paid"
    assert headers["Email-Address"] == "press@paper.example"
    assert "Compression-Count-Remaining" not in headers
    asked = service.ask("/keys", json.dumps({"email": "new@paper.example"}).encode())
    assert asked.status == 202
    key = json.loads(asked.body)["key"]
    assert service.ask(f"/keys/{key}").status == 200
    assert error_of(post(service, key, picture())) == (401, "Unauthorized")
    with closing(Records(folder)) as records:
        assert Keys(records).allow("new@paper.example", quota=5)
    headers = post(service, key, picture()).headers
    assert headers["Paying-State"] == "free"
    assert headers["Compression-Count-Remaining"] == "4"
    assert headers["Compression-Count"] == "1"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"email": 5}', b'{"email": "nobody"}', b"\xff"])
def test_a_key_is_asked_for_by_an_address(service: Service, body: bytes) -> None:
    assert error_of(service.ask("/keys", body)) == (400, "BadRequest")


def test_the_asking_for_keys_has_an_end(tmp_path: Path) -> None:
    with closing(Records(tmp_path)) as records:
        keys = Keys(records)
        keys.add("press")
        for i in range(100):
            keys.ask(f"{i}@spam.example")
    with serving("--data", str(tmp_path), "--jobs", "1") as service:
        answer = service.ask("/keys", b'{"email": "one@more.example"}')
        assert error_of(answer) == (429, "TooManyRequests")


# --- attacks ---


@pytest.mark.parametrize(
    "id",
    ["nonsense", "..", "../pimenton.sqlite", "%2e%2e%2fpimenton.sqlite", "..%2f..%2fetc%2fpasswd",
     "%00", "a" * 3000, "*", "%25", "' OR 1=1 --".replace(" ", "%20")],
)  # fmt: skip
def test_a_guessed_name_finds_nothing(service: Service, id: str) -> None:
    answer = service.ask(f"/output/{id}")
    assert answer.status == 404
    assert error_of(answer) == (404, "NotFound")


def test_names_are_long_random_and_exact(service: Service, keys: dict[str, str]) -> None:
    found = {post(service, keys["press"], picture()).headers["Location"] for _ in range(3)}
    assert len(found) == 3
    for location in found:
        assert len(location) == len("/output/") + 32
        for other in (location.swapcase(), location[:-1], location + "a"):
            assert service.ask(other.replace("/OUTPUT", "/output")).status == 404


def bomb() -> bytes:
    """A PNG of few bytes that says it has a hundred million pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        size = struct.pack(">I", len(body))
        return size + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_decoded(service: Service, keys: dict[str, str]) -> None:
    assert error_of(post(service, keys["press"], bomb())) == (413, "TooLarge")


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"nonsense", b'{"source": 5}', b'{"source": {"url": 5}}', b"[" * 60_000,
     b'{"source": {}}', b'"\xff"'],
)  # fmt: skip
def test_json_that_says_no_source_is_refused(
    service: Service, keys: dict[str, str], body: bytes
) -> None:
    answer = post(service, keys["press"], body, Content_Type="application/json")
    assert error_of(answer) == (400, "BadRequest")


@pytest.mark.parametrize(
    "url",
    ["http://localhost/a.png", "http://0x7f.1/a.png", "http://169.254.169.254/latest/meta-data",
     "http://[::ffff:7f00:1]/", "file:///etc/passwd", "http://10.0.0.1/", "https://[fd00::1]/"],
)  # fmt: skip
def test_addresses_inside_are_not_fetched(service: Service, keys: dict[str, str], url: str) -> None:
    body = json.dumps({"source": {"url": url}}).encode()
    answer = post(service, keys["press"], body, Content_Type="application/json")
    assert error_of(answer) == (400, "Source not found")


def test_long_commands_are_refused(service: Service, keys: dict[str, str]) -> None:
    location = post(service, keys["press"], picture()).headers["Location"]
    answer = service.ask(location, b" " * 70_000, Authorization=basic(keys["press"]))
    assert error_of(answer) == (413, "TooLarge")


def test_a_truncated_body_leaves_the_service_well(service: Service, keys: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(*service.place, timeout=60)
    connection.putrequest("POST", "/shrink")
    connection.putheader("Authorization", basic(keys["press"]))
    connection.putheader("Content-Length", "100000")
    connection.endheaders(b"\x89PNG")
    connection.close()
    assert post(service, keys["press"], picture()).status == 201


def test_another_page_cannot_post(service: Service, keys: dict[str, str]) -> None:
    answer = post(service, keys["press"], picture(), Origin="https://evil.example")
    assert error_of(answer) == (403, "CrossSite")
    answer = post(service, keys["press"], picture(), Host="evil.example")
    assert error_of(answer) == (421, "WrongHost")
