"""The OpenAPI document, made from the tables that the answers come from."""

import dataclasses
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pimenton.devices import DEVICES
from pimenton.options import Options
from pimenton.swatches import PALETTE_FORMATS
from pimenton.web.answers import json_answer
from pimenton.web.api import palette_type
from pimenton.web.choices import OWN

_REFUSALS = {
    400: ("The body is missing.", "InputMissing", "the body is empty; it must be a picture"),
    401: ("A key is missing or wrong.", "Unauthorized", "this needs a key"),
    403: ("Another page sent it.", "CrossSite", "only pages of this service may send this"),
    404: ("There is none, or no longer.", "NotFound", "there is no such page, or no longer"),
    408: ("The body came too slowly.", "TooSlow", "the body came too slowly"),
    413: ("Too many bytes or pixels.", "TooLarge", "the body is larger than 67108864 bytes"),
    415: ("Not a picture.", "UnreadableImage", "picture: not an image"),
    421: ("The Host is not ours.", "WrongHost", "the service is not called so"),
    422: (
        "A wrong choice, or one that cannot be met.",
        "WrongChoice",
        "n_colors must be between 1 and 256; got 300",
    ),
    429: ("The key has no more.", "TooManyRequests", "all 500 compressions are used"),
    502: ("The store failed.", "StoreFailed", "the store answers 500"),
    503: (
        "No place in the queue; Retry-After says when to ask again.",
        "Busy",
        "64 pictures are waiting already; try again later",
    ),
}
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_DOOR = (401, 421)
_POST = (*_DOOR, 400, 403, 408, 413, 415, 422, 503)
_EXAMPLES = {
    "n_colors": 16, "max_colors": 256, "quality": 75, "max_bytes": 40000, "palette": "epaper-7",
    "lock": "#ff0000,#fff", "dither": "floyd-steinberg", "effort": "fast", "format": "png",
}  # fmt: skip
# Headers of a picture that was made, with what their values look like.
_FIGURES = {
    "Pimenton-Input-Bytes": ("Size of the picture that came.", "integer"),
    "Pimenton-Output-Bytes": ("Size of the answer.", "integer"),
    "Pimenton-Width": ("Pixels across.", "integer"),
    "Pimenton-Height": ("Pixels down.", "integer"),
    "Pimenton-Colors": ("Entries of the palette.", "integer"),
    "Pimenton-Quality": ("SSIMULACRA 2 score; absent for animations.", "number"),
    "Pimenton-Quality-Reached": ("Whether it is what was wanted, if any was.", "boolean"),
    "Pimenton-Kept": ("Whether it is the original, which was no larger.", "boolean"),
    "Pimenton-Seconds": ("From the decoded picture to the encoded one.", "number"),
}


async def openapi(request: Request) -> Response:
    """Answer with the document."""
    return json_answer(document())


routes = [Route("/openapi.json", openapi)]


@cache
def document() -> dict[str, Any]:
    """Make the document."""
    from pimenton import __version__

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pimenton",
            "version": __version__,
            "description": "Small pictures with few colors, by K-means color quantization.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "basic", "description": "User api, and a key."}
            },
            "schemas": {"Error": _ERROR},
        },
        "security": [{}, {"key": []}],
    }


_ERROR = {
    "type": "object",
    "required": ["error", "message"],
    "properties": {
        "error": {"type": "string", "description": "The kind of error, in one word."},
        "message": {"type": "string", "description": "A sentence."},
    },
}


def _paths() -> dict[str, Any]:
    picture = {
        "description": "The picture.",
        "headers": {
            name: {"description": help, "schema": {"type": type}}
            for name, (help, type) in _FIGURES.items()
        },
        "content": {f"image/{format}": _BINARY for format in OWN["format"].choices},
    }
    wishes = _parameters()
    palette = {**_own("format"), "schema": {"enum": list(PALETTE_FORMATS), "default": "json"}}
    lang = {
        "name": "lang", "in": "query", "description": "Language of the page.",
        "schema": {"enum": ["en", "es"], "default": "en"}, "example": "es",
    }  # fmt: skip
    page = {
        "description": "Where the page is for a while.",
        "headers": {"Location": {"schema": {"type": "string"}}},
        **_json({"location": "/explain/kLq3…"}),
    }
    return {
        "/api/compress": _post("Make a picture small.", wishes, 200, picture, 429),
        "/api/report": _post(
            "Give the figures of a compression.", wishes, 200,
            {"description": "The report.", **_json({"n_colors": 16, "output_bytes": 9876})}, 429,
        ),
        "/api/palette": _post(
            "Give a picture's palette as a file.", [palette, *_options()], 200,
            {"description": "The file.", "content": _palette_types()},
        ),
        "/api/explain": _post("Tell K-means on a picture.", [lang, *_options()], 201, page),
        **_tinypng(),
        "/explain/{id}": _get(
            "Show such a page.", "text/html", 404,
            _path("id"),
        ),
        "/api/options": _get("Tell what can be chosen.", "application/json"),
        "/openapi.json": _get("Give this document.", "application/json"),
        "/health": _get("Tell that the service is up.", "application/json"),
        "/metrics": _get("Give figures for Prometheus.", "text/plain"),
        "/": _get("Show the page.", "text/html"),
    }  # fmt: skip


def _tinypng() -> dict[str, Any]:
    """Describe what TinyPNG's clients ask for."""
    shapes = {f"Image-{name}": {"schema": {"type": "integer"}} for name in ("Width", "Height")}
    kept = {
        "description": "Where the result is.",
        "headers": {"Location": {"schema": {"type": "string"}}, **shapes},
        **_json({"input": {"size": 207565, "type": "image/png"}, "output": {"size": 63669}}),
    }
    picture = {
        "description": "The picture, or where it was stored.",
        "headers": shapes,
        "content": {
            **{f"image/{format}": _BINARY for format in ("png", "jpeg", "webp", "avif")},
            "application/json": {"schema": {"type": "object"}},
        },
    }
    shrink = _post("Compress a picture, and keep the result.", [], 201, kept, 429)
    source = _json({"source": {"url": "https://pictures.example/photo.png"}})
    shrink["post"]["requestBody"]["content"] |= source["content"]
    output = _get("Give a result.", "image/png", 404, 400, 413, 408, 503, _path("id"))
    output["get"]["responses"]["200"] = picture
    output["post"] = {
        "summary": "Make something else of the picture that a result was made of.",
        "parameters": [_path("id")],
        "requestBody": _json({"resize": {"method": "fit", "width": 150, "height": 100}}),
        "responses": {"200": picture, **_refusals(*_POST, 404, 429, 502)},
    }
    key = _get("Tell whether a key is one.", "application/json", 404, _path("key"))
    given = {"202": {"description": "The key.", **_json({"key": "kLq3…"})}}
    asked = {
        "summary": "Ask for a key.",
        "requestBody": _json({"email": "press@pictures.example"}),
        "responses": {**given, **_refusals(*_DOOR, 400, 403, 408, 413, 429, 503)},
    }
    return {"/shrink": shrink, "/output/{id}": output, "/keys/{key}": key, "/keys": {"post": asked}}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _post(
    summary: str,
    parameters: list[dict[str, Any]],
    status: int,
    answer: dict[str, Any],
    *refusals: int,
) -> dict[str, Any]:
    body = {
        "required": True,
        "description": "A picture's file, whatever its Content-Type says.",
        "content": {"application/octet-stream": _BINARY},
    }
    responses = {str(status): answer, **_refusals(*_POST, *refusals)}
    return {
        "post": {
            "summary": summary, "parameters": parameters, "requestBody": body,
            "responses": responses,
        }
    }  # fmt: skip


def _get(summary: str, media_type: str, *refusals: int | dict[str, Any]) -> dict[str, Any]:
    statuses = [one for one in refusals if isinstance(one, int)]
    responses = {
        "200": {"description": summary, "content": {media_type: {}}},
        **_refusals(*_DOOR, *statuses),
    }
    parameters = [one for one in refusals if isinstance(one, dict)]
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses}}


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): _refusal(status) for status in sorted(statuses)}


def _refusal(status: int) -> dict[str, Any]:
    description, kind, message = _REFUSALS[status]
    example = {"error": kind, "message": message}
    content = {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}
    return {"description": description, "content": {"application/json": content}}


def _json(example: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"type": "object"}, "example": example}}}


def _palette_types() -> dict[str, Any]:
    types = dict.fromkeys(palette_type(format) for format in PALETTE_FORMATS)
    return {
        type: {"schema": {"type": "array" if type == "application/json" else "string"}}
        for type in types
    }


def _parameters() -> list[dict[str, Any]]:
    return [*(_own(name) for name in OWN), *_options()]


def _options() -> list[dict[str, Any]]:
    return [_option(field) for field in dataclasses.fields(Options)]


def _own(name: str) -> dict[str, Any]:
    choice = OWN[name]
    schema: dict[str, Any] = (
        {"enum": list(choice.choices)} if choice.choices else {"type": "boolean"}
    )
    if choice.default is not None:
        schema["default"] = choice.default
    return _parameter(name, choice.help, schema)


def _option(field: "dataclasses.Field[Any]") -> dict[str, Any]:
    rules = field.metadata
    kinds = {bool: "boolean", int: "integer", float: "number"}
    schema: dict[str, Any] = {"type": kinds.get(rules["type"], "string")}
    if rules["limits"]:
        schema["minimum"], schema["maximum"] = rules["limits"]
    if rules["choices"]:
        schema["enum"] = list(rules["choices"])
    if field.default is not None:
        schema["default"] = field.default
    help = rules["help"]
    if field.name == "palette":
        help = f"Colors to draw with: #rrggbb,... or one of {', '.join(DEVICES)}."
    return _parameter(field.name, help, schema)


def _parameter(name: str, help: str, schema: dict[str, Any]) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "query", "description": help, "schema": schema}
    if name in _EXAMPLES:
        parameter["example"] = _EXAMPLES[name]
    return parameter
