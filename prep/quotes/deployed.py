"""What the record of a deployment fills in where settings leave it open."""

from typing import Any

from prep.deploy.credit import PREP
from prep.deploy.margin import LOCAL
from prep.deploy.pools import FACTORY, QUOTER, ROUTER, SIDES
from prep.deploy.record import Deployment


def fill(content: Any, deployment: Deployment | None) -> Any:
    """A file's content with the addresses of the pools and of the exchange unless it has its own,
    and of the tokens that it calls by name."""
    if not isinstance(content, dict) or deployment is None:
        return content
    if not all(side in deployment.contracts for side in SIDES):
        return content
    long, short = (deployment.address(side) for side in SIDES)
    known = {"pools": {"long": long, "short": short}, "exchange": _exchange(deployment)}
    tokens = _tokens(deployment)
    return known | {key: _named(value, tokens) for key, value in content.items()}


def _named(value: Any, tokens: dict[str, str]) -> Any:
    """With addresses in the place of names, wherever these are."""
    if isinstance(value, dict):
        return {key: _named(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, tokens) for item in value]
    return tokens.get(value, value) if isinstance(value, str) else value


def _exchange(deployment: Deployment) -> dict[str, str]:
    given = deployment.parameters["margin"]["exchange"]
    if given != LOCAL:
        return dict(given)
    names = {"factory": FACTORY, "router": ROUTER, "quoter": QUOTER}
    return {key: deployment.address(name) for key, name in names.items()}


def _tokens(deployment: Deployment) -> dict[str, str]:
    """By the names of the parameters."""
    found = {PREP: deployment.address("PrepToken")}
    for asset in deployment.parameters["credit"]["assets"]:
        name, token = asset["name"], asset.get("token")
        if f"{name}/token" in deployment.contracts:
            found[name] = deployment.address(f"{name}/token")
        elif token is not None:
            found[name] = token
    return found
