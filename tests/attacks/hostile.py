"""A margin client that calls back, and what it can call: every function that changes something."""

from tests.attacks.assets import dollars
from tests.attacks.venue import DELEVERAGE_ACCOUNT, PLAIN, STEEP_MARKET
from tests.suite import UNLIMITED, WAD, market_config

# Its accounts.
WINNER, LOSER = 1, 2
NEVER = 2**256 - 1


def run(suite, client, method, *args):
    return client.run(method.contract, method.encode_input(*args), sender=suite.admin)


def arm(suite, client, calls, refusing=False):
    plan = [(method.contract, method.encode_input(*args)) for method, *args in calls]
    client.arm(plan, refusing, sender=suite.admin)


def order(venue, client, account, size):
    """Of the client itself, reducing one of its positions in the market without price impact."""
    size = -size if account == WINNER else size
    method = venue.suite.protocol.executeOrder
    data = method.encode_input(account, PLAIN, size, True)
    return venue.send(client, "run(address,bytes)", method.contract.address, data)


def deleverage(venue, client, account, size=UNLIMITED):
    args = (client.address, account, PLAIN, size)
    return venue.send(venue.suite.deleverager, DELEVERAGE_ACCOUNT, *args)


def picture(venue, *clients):
    """All that is stored about money and positions."""
    suite = venue.suite
    protocol, prep, vault = (c.address for c in (suite.protocol, suite.prep, suite.vault))
    position = "marginPosition(address,uint256,uint256)"
    return venue.node.read(
        *((protocol, "marketWords(uint256,uint256)", market, UNLIMITED) for market in range(4)),
        *((protocol, f"{name}()") for name in ("liquidity", "netDeposits", "protocolFees")),
        *((protocol, "isMarginClient(address)", c.address) for c in clients),
        *((protocol, "getPositionDetails(address)", c.address) for c in clients),
        *(
            (protocol, position, c.address, account, market)
            for c in clients
            for account in (WINNER, LOSER)
            for market in range(4)
        ),
        *((prep, "balanceOf(address)", who) for who in (vault, *(c.address for c in clients))),
        *((vault, "balanceOf(address)", c.address) for c in clients),
        (vault, "totalSupply()"),
    )


def guarded(venue, honest, hostile, victim):
    """What changes something, with arguments with which it would go through by itself."""
    protocol, vault, deleverager = venue.suite.protocol, venue.suite.vault, venue.suite.deleverager
    amount, shares, me = dollars(1_000), 10**24, hostile
    victim_id = venue.suite.position(victim).id
    limits = (1, NEVER)
    return [
        (protocol.depositCollateral, amount),
        (protocol.withdrawCollateral, amount),
        (protocol.openPositionWithSize, amount, True),
        (protocol.openPositionWithSize, amount, True, *limits),
        (protocol.openPositionWithToken, WAD, True),
        (protocol.openPositionWithToken, WAD, True, *limits),
        (protocol.increasePosition, amount),
        (protocol.increasePosition, amount, NEVER, NEVER),
        (protocol.decreasePosition, amount),
        (protocol.decreasePosition, amount, *limits),
        (protocol.closePosition,),
        (protocol.closePosition, *limits),
        (protocol.liquidatePosition, victim_id),
        (protocol.collectProtocolFees,),
        (protocol.countDeposit, amount),
        (protocol.closeOnBehalf, victim, WAD),
        (protocol.closeOnBehalf, honest.client, 1, PLAIN, WAD),
        (protocol.executeOrder, WINNER, PLAIN, WAD, False),
        (protocol.executeOrder, LOSER, STEEP_MARKET, -WAD, False),
        (protocol.closeAll, LOSER),
        (deleverager.deleverage, honest.client, 1, PLAIN, UNLIMITED),
        (deleverager.deleverage, hostile, LOSER, PLAIN, UNLIMITED),
        (vault.deposit, amount),
        (vault.deposit, amount, me),
        (vault.deposit, amount, me, 1),
        (vault.mint, shares, me),
        (vault.withdraw, amount // 10),
        (vault.withdraw, amount // 10, me, me),
        (vault.redeem, shares),
        (vault.redeem, shares, me, me),
        (vault.redeem, shares, me, me, 1),
        (vault.redeem, shares, me, me, 1, 7),
        (deleverager.deleverage, victim, UNLIMITED),
    ]


def of_requests(venue, victim):
    """What only the contract of requests may do."""
    trade = venue.suite.protocol.tradeFor
    return [
        (trade, victim, kind, True, amount, price)
        for kind, amount, price in ((0, WAD, NEVER), (1, WAD, NEVER), (2, WAD, NEVER), (4, 0, 0))
    ]


def own_shares(venue, hostile):
    """An owner's business with his own shares, which is none of the protocol's. One after the
    other it goes through."""
    vault, admin, shares = venue.suite.vault, venue.suite.admin, 10**24
    return [
        (vault.requestRedeem, shares),
        (vault.requestRedeem, 2 * shares, 7),
        (vault.cancelRequest, shares, 7),
        (vault.clearLapsed, hostile, 7),
        (vault.approve, admin, shares),
        (vault.approve, hostile, shares),
        (vault.transfer, admin, shares),
        (vault.transferFrom, hostile, admin, shares),
    ]


def restricted(venue, hostile):
    protocol, vault, suite = venue.suite.protocol, venue.suite.vault, venue.suite
    config = market_config(suite.oracle, suite.market)
    return [
        (protocol.setMarginClient, hostile, False),
        (protocol.setMarket, 0, config),
        (protocol.addMarket, config),
        (protocol.settleMarket, PLAIN, 1),
        (protocol.disableMarket, PLAIN),
        (protocol.setProtocolFeeRate, 1),
        (protocol.setTreasury, hostile),
        (vault.setTargetCollateralizationRatio, 0),
        (vault.setDepositCap, 0),
        (vault.setCooldownPeriod, 1),
        (vault.setRedeemWindow, 0),
        (vault.stopWithdrawals,),
        (vault.resumeWithdrawals,),
    ]
