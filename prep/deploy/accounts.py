"""Deploys credit accounts: lending vaults, prices of assets, the manager with its order book."""

from collections.abc import Sequence
from typing import Any, Final

from ape.contracts import ContractInstance

from prep.deploy.credit import (
    FIRST_TOKEN,
    PREP,
    SHARES,
    Asset,
    Credit,
    Lending,
    TokenAsset,
    config_struct,
)
from prep.deploy.params import Market
from prep.deploy.prices import ZERO_ADDRESS
from prep.deploy.steps import Steps
from prep.deploy.values import MOCK

_INDEXED: Final = 1
"""`BorrowerKind`: debt grows by the vault's index."""


class Accounts:
    """All contracts of credit accounts exist once this does; `configure` makes them work."""

    def __init__(
        self,
        steps: Steps,
        credit: Credit,
        markets: Sequence[Market],
        prep: ContractInstance,
        protocol: ContractInstance,
        authority: ContractInstance,
        wrapped_ether: str | None = None,
    ) -> None:
        """`wrapped_ether`: the asset whose mock, if it is one, wraps ether too."""
        self._steps, self._credit, self._markets = steps, credit, markets
        self._wrapped_ether = wrapped_ether
        self._protocol = protocol
        vault = protocol.vault()
        shares = steps.create(f"{SHARES}/oracle", "ShareOracle", vault, ZERO_ADDRESS)
        arguments = (protocol.address, shares.address, authority.address)
        self._manager = steps.create("CreditManager", "CreditManager", *arguments)
        of_book = (self._manager.address, protocol.address)
        steps.made("OrderBook", "CreditManager", self._manager.orderBook(), *of_book)
        # By asset: its token, and its price.
        self._of = {PREP: (prep.address, ZERO_ADDRESS), SHARES: (vault, shares.address)}
        for asset in credit.tokens:
            self._of[asset.name] = self._token(asset), steps.oracle(asset).address
        self._lending = {
            asset.name: steps.create(
                f"{asset.name}/lending",
                "LendingVault",
                self._of[asset.name][0],
                authority.address,
                asset.lending.curve_struct(),
            )
            for asset in credit.assets
            if asset.lending
        }

    def configure(self, treasury: str) -> None:
        """Sets everything up; only then can the manager trade."""
        steps, manager = self._steps, self._manager
        for asset in self._credit.assets:
            if asset.lending:
                self._set_up_lending(asset, asset.lending, treasury)
        for asset_id, asset in self._credit.built_in:
            steps.call(f"setAsset {asset.name}", manager.setAsset, asset_id, self._config(asset))
        for index, asset in enumerate(self._credit.tokens, FIRST_TOKEN):
            arguments = (manager.addAsset, self._config(asset))
            steps.add(f"addAsset {asset.name}", manager.assetCount, index, *arguments)
        for index, market in enumerate(self._markets):
            if market.liquidation_threshold:
                weights = market.max_loan_to_value, market.liquidation_threshold
                steps.call(f"setMarketLtv {market.name}", manager.setMarketLtv, index, *weights)
        steps.call("setMarginClient", self._protocol.setMarginClient, manager.address, True)

    def _token(self, asset: TokenAsset) -> str:
        if asset.token != MOCK:
            return asset.token
        name = f"{asset.name}/token"
        if asset.name == self._wrapped_ether:
            return str(self._steps.create(name, "MockWETH").address)
        arguments = (asset.name, asset.name, asset.decimals)
        return str(self._steps.create(name, "MockERC20", *arguments).address)

    def _set_up_lending(self, asset: Asset, lending: Lending, treasury: str) -> None:
        vault = self._lending[asset.name]
        for setter, *arguments in (
            ("setTreasury", treasury),
            ("setReserveShare", lending.reserve_share),
            ("setProfitUnlockTime", lending.profit_unlock_time),
            ("registerBorrower", self._manager.address, _INDEXED, lending.cap(asset.decimals)),
        ):
            self._steps.call(f"{setter} {asset.name}", getattr(vault, str(setter)), *arguments)

    def _config(self, asset: Asset) -> dict[str, Any]:
        lending = self._lending.get(asset.name)
        address = lending.address if lending else ZERO_ADDRESS
        return config_struct(asset, *self._of[asset.name], address)
