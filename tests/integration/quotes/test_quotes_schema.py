"""The service against its own OpenAPI document: whatever is sent, it answers as documented."""

import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from prep.margin.data import to_json
from prep.quotes.app import create_app
from tests.integration.quotes.trading import PAIR, open_position, tokens

EXAMPLES = 12
"""Of each endpoint, with input as documented, and as many with other input."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def has_input(operation) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_api__whatever_is_sent__answers_as_documented(
    margin, trader, create_service, create_client, mode
):
    position = open_position(margin, create_client(), margin.sides["long"], trader)
    known = dict(zip(("base", "quote"), tokens(margin, PAIR), strict=True))
    known |= {"trader": trader.address, "position": to_json(position), "downPayment": "1000000"}
    turn = itertools.count()
    limits = {"per_trader": "100000/minute", "per_client": "100000/minute"}
    app = create_app(create_service(limits=limits))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 10
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not has_input(operation):
            continue
        check(operation, mode, lambda: known if next(turn) % 2 else {})


def check(operation, mode, known):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case):
        # Every other one is about something that there is.
        if mode is GenerationMode.POSITIVE and operation.body:
            case.body |= {name: v for name, v in known().items() if name in case.body}
        case.call_and_validate(checks=CHECKS)

    one()
