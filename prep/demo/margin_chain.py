"""What pools, tokens and lenders say of asset-backed positions."""

from collections.abc import Mapping

from ape.contracts import ContractInstance
from eth_utils.address import to_checksum_address

from prep.demo.accounts import ASSETS, DECIMALS
from prep.demo.ledger import ZERO_ADDRESS
from prep.demo.margin_checks import MarginBalances
from prep.demo.margin_ledger import (
    AUTHORITY,
    TREASURY,
    MarginLedger,
    Of,
    function_of,
    lending_of,
)
from prep.demo.stage import Ask, Stage
from prep.exchange.calldata import SELECTORS


def read_balances(
    stage: Stage,
    pools: Mapping[bool, ContractInstance],
    tokens: Mapping[str, ContractInstance],
    router: str,
    ledger: MarginLedger,
    endings: Mapping[str, int],
) -> MarginBalances:
    """Of all positions that the ledger has met. `pools` by whether they are long, `tokens` by name;
    `endings`: what was done, see `MarginBalances`."""
    ofs = [(is_long, name) for is_long in pools for name in tokens]
    asks: list[Ask] = []
    for is_long, name in ofs:
        pool, token, vault = pools[is_long].address, tokens[name], stage.others[f"{name}/lending"]
        asks.append((token, "balanceOf", pool))
        asks.append((vault, "debtOf", pool))
        asks.append((token, "allowance", pool, router))
        asks.append((token, "allowance", pool, vault.address))
    found = stage.views(asks)
    keys = sorted(ledger.positions)
    hashes = stage.views([(pools[is_long], "positionHash", id_) for is_long, id_ in keys])
    marks = stage.views([(pools[is_long], "markOf", id_) for is_long, id_ in keys])
    return MarginBalances(
        held=dict(zip(ofs, found[::4], strict=True)),
        owed=dict(zip(ofs, found[1::4], strict=True)),
        left={of: a + b for of, a, b in zip(ofs, found[2::4], found[3::4], strict=True)},
        hashes={key: int.from_bytes(hash_) for key, hash_ in zip(keys, hashes, strict=True)},
        marks={key: (mark[0], mark[1]) for key, mark in zip(keys, marks, strict=True)},
        settings=_settings(stage, pools, tokens, router),
        endings=dict(endings),
        decimals={name: DECIMALS[ASSETS.index(name)] for name in tokens},
    )


def _settings(
    stage: Stage,
    pools: Mapping[bool, ContractInstance],
    tokens: Mapping[str, ContractInstance],
    router: str,
) -> dict[Of, str | bool]:
    """As the ledger names them. False: there is none."""
    asks: dict[Of, Ask] = {}
    for is_long, pool in pools.items():
        asks[is_long, TREASURY] = pool, "treasury"
        asks[is_long, AUTHORITY] = pool, "authority"
        for token in tokens.values():
            asks[is_long, lending_of(token.address)] = pool, "lendingVault", token.address
        for selector in SELECTORS:
            ask = pool, "isRouterAllowed", router, selector
            asks[is_long, function_of(router, selector)] = ask
    values = stage.views(list(asks.values()))
    return {of: _setting(value) for of, value in zip(asks, values, strict=True)}


def _setting(value: str | int) -> str | bool:
    if isinstance(value, str):
        return value != ZERO_ADDRESS and to_checksum_address(value)
    return bool(value)
