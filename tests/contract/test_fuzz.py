"""The API's description, and generated requests on every route it names.

Whatever is asked, with good tokens or with none, the answer is one that the description knows:
never a 5xx but a 503 that says when to come back, a problem where it refuses, the members it names.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.scene import Scene

# How often each route is asked rightly, and how often wrongly. A stranger at a guarded door is
# mostly told so: a few times will do.
# Of each route; many more find more, and take as much longer.
EXAMPLES = int(os.environ.get("USHER_TEST_EXAMPLES", "5"))
EXAMPLES_SHUT = 3
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def operations(scene: Scene) -> list[Any]:
    """Every operation, as schemathesis sees it; of a stream it reads one event."""
    url = f"{scene.house.settings.public_url}/api/schema/openapi.json"
    config = schemathesis.Config.from_dict({"max-stream-events": 1})
    schema = schemathesis.openapi.from_url(url, config=config)
    return [cast(Any, found).ok() for found in schema.get_all_operations()]


def fuzz(operations: list[Any], examples: int, prepare: Callable[[Any], dict[str, str]]) -> int:
    """Asks every operation rightly and wrongly, with the headers of `prepare`; how often."""
    asked = 0

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        response = case.call(headers=prepare(case), timeout=20)
        if response.status_code == 503:
            assert "retry-after" in response.headers
        else:
            case.validate_response(response, checks=[not_a_server_error, *CHECKS])

    # Driven by hand: schemathesis's own pytest plugin (4.32) does not know pytest 9.2's nodes.
    tame = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # Nothing wrong can be made of a route that takes nothing.
            with contextlib.suppress(Unsatisfiable):
                tame(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    return asked


def test_strangers_may_ask_anything(operations: list[Any]) -> None:
    shut = [each for each in operations if each.definition.raw.get("security")]
    doors = [each for each in operations if each not in shut]
    assert fuzz(doors, EXAMPLES, lambda _: {}) > EXAMPLES * len(doors)
    assert fuzz(shut, EXAMPLES_SHUT, lambda _: {}) > EXAMPLES_SHUT * len(shut)


def test_those_inside_may_ask_anything(operations: list[Any], scene: Scene) -> None:
    """With this scene's ids and tokens, so that what is drawn gets as far as it can."""
    described = {(method, path): told for method, path, told in scene.operations}

    def prepare(case: Any) -> dict[str, str]:
        operation = case.operation
        for name in case.path_parameters or {}:
            case.path_parameters[name] = scene.filled(f"{{{name}}}")
        _keep_small(case.body)
        return scene.headers(described[operation.method.upper(), operation.path])

    assert fuzz(operations, EXAMPLES, prepare) > EXAMPLES * len(operations)


def _keep_small(body: Any) -> None:
    """A hall of 80,000 seats is a good request, and seconds of work: a few hundred do as well."""
    plan = body.get("plan") if isinstance(body, dict) else None
    if isinstance(plan, dict):
        for name in ("rows", "columns", "bowl"):
            if type(plan.get(name)) is int:
                plan[name] = min(plan[name], 20)


@pytest.mark.anyio
async def test_every_route_of_the_contract_is_described(http: httpx.AsyncClient) -> None:
    document = (await http.get("/api/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    described = document["paths"]
    event = "/api/v1/events/{event}"
    wanted = {
        "/api/v1/events": {"get"},
        event: {"get"},
        f"{event}/plan": {"get"},
        f"{event}/seats": {"get"},
        f"{event}/queue": {"get", "post"},
        f"{event}/queue/place": {"get", "delete"},
        f"{event}/queue/place/claim": {"post"},
        f"{event}/holds": {"post"},
        f"{event}/holds/{{hold}}": {"get", "patch", "delete"},
        f"{event}/sale": {"patch"},
        f"{event}/gate": {"patch"},
        f"{event}/audit": {"get"},
        f"{event}/feed": {"get"},
        f"{event}/queue/stream": {"get"},
        f"{event}/waitlist": {"get", "post", "delete"},
        "/api/v1/offers/{token}": {"get", "delete"},
        "/api/v1/bookings/{booking}/stream": {"get"},
        "/api/v1/auth/refresh": {"post"},
        "/api/v1/auth/logout": {"post"},
        "/api/v1/auth/logout/everywhere": {"post"},
        "/api/v1/bookings": {"get", "post"},
        "/api/v1/bookings/{booking}": {"get"},
        "/api/v1/bookings/{booking}/payment": {"post"},
        "/api/v1/bookings/{booking}/cancellation": {"post"},
        "/api/v1/payments/webhooks/{provider}": {"post"},
        "/api/v1/payments/sandbox/{payment}": {"post"},
        "/api/v1/tickets/{ticket}": {"get"},
        "/api/v1/auth/register": {"post"},
        "/api/v1/auth/login": {"post"},
        "/api/v1/auth/me": {"get"},
    }
    for path, methods in wanted.items():
        assert methods <= described.get(path, {}).keys(), path
    for path, item in described.items():
        for method, operation in item.items():
            told = f"{method} {path}"
            assert operation["description"], told
            assert operation["tags"], told
            assert set(operation["responses"]) & {"4XX"}, told
            good = [code for code in operation["responses"] if code.startswith("2")]
            for code in good:
                assert code == "204" or operation["responses"][code]["content"], told
    assert len({op["operationId"] for item in described.values() for op in item.values()}) == sum(
        len(item) for item in described.values()
    )
    schemes = document["components"]["securitySchemes"]
    assert schemes.keys() == {"fan", "place", "admission", "access", "entry"}
