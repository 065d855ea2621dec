"""The OpenAPI document: it says all that there is, and nothing answers otherwise."""

import dataclasses
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pimenton import Options
from pimenton.web import api, shrink, watching
from pimenton.web.openapi import document
from serving import Service, serving, small

N_EXAMPLES = 100 if os.environ.get("LONG_TESTS") == "1" else 4


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving("--jobs", "2", "--max-body-bytes", "200000", "--max-seconds", "20") as service:
        yield service


def test_every_route_is_described() -> None:
    described = document()["paths"]
    for route in (*api.routes, *shrink.routes, *watching.routes):
        assert route.methods is not None
        assert {method.lower() for method in route.methods - {"HEAD"}} == set(described[route.path])


def test_every_option_is_a_parameter() -> None:
    parameters = document()["paths"]["/api/compress"]["post"]["parameters"]
    named = {parameter["name"]: parameter for parameter in parameters}
    for field in dataclasses.fields(Options):
        schema = named[field.name]["schema"]
        assert schema.get("default") == field.default
        assert schema.get("enum") == (list(field.metadata["choices"] or ()) or None)
    assert named["n_colors"]["example"] == 16


def test_every_answer_has_an_example_or_a_type() -> None:
    for path, methods in document()["paths"].items():
        for method in methods.values():
            for status, answer in method["responses"].items():
                assert answer["description"], path
                for content in answer["content"].values():
                    assert int(status) < 400 or set(content["example"]) == {"error", "message"}


def test_it_is_served(service: Service) -> None:
    assert json.loads(service.ask("/openapi.json").body) == json.loads(json.dumps(document()))


def test_what_is_sent_by_chance_is_answered_as_described(service: Service) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS
    wanted = checks.get_by_names(
        [
            "not_a_server_error", "status_code_conformance", "content_type_conformance",
            "response_headers_conformance", "response_schema_conformance",
        ]
    )  # fmt: skip
    files = [small(side=16), small("GIF", side=16), small(side=16)[:500]]
    pictures = st.sampled_from(files) | st.binary(max_size=99)
    schemathesis.openapi.media_type("application/octet-stream", pictures)
    schema = schemathesis.openapi.from_url(f"{service.address}openapi.json")
    for found in schema.get_all_operations():
        tried: Any = found.ok()

        @settings(max_examples=N_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=tried.as_strategy())
        def send(case: Any) -> None:
            case.call_and_validate(checks=wanted, timeout=120)

        send()
