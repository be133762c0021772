"""One market day, with the gas of every action in it.

All amounts, accounts and waiting times are fixed: the numbers depend on the contracts alone. Every
action comes an hour after the one before: the fee accrues each time. All that a first trade writes
for the first time has been written before the measuring begins.
"""

from tests.suite import WAD, Suite

HOUR = 3_600
LIQUIDITY = 1_000_000 * WAD
# Not round, so that call data and prices have few zero bytes.
ODD = 123_456_789_012_345_678
# Shares of an LP.
PART = 10**26 + ODD


class Meter:
    """Sends transactions and keeps the gas of those that have a name."""

    def __init__(self, suite: Suite, chain, with_calldata: bool = True) -> None:
        self.suite, self.chain, self.with_calldata = suite, chain, with_calldata
        self.gas: dict[str, int] = {}

    def send(self, name: str | None, method, *args, sender) -> None:
        self.chain.pending_timestamp = self.chain.blocks.head.timestamp + HOUR
        receipt = method(*args, sender=sender)
        if name:
            assert name not in self.gas, f"{name} is measured twice"
            calldata = sum(16 if byte else 4 for byte in receipt.data)
            self.gas[name] = receipt.gas_used - (0 if self.with_calldata else calldata)

    def price(self, dollars: int) -> None:
        self.send(
            None, self.suite.feed.setAnswer, dollars * 10**8 + ODD % 10**8, sender=self.suite.admin
        )


def prepare(meter: Meter, lp, others) -> None:
    """Liquidity, others' positions on both sides, and every slot written once."""
    suite, protocol = meter.suite, meter.suite.protocol
    # Most liquidity is somebody else's: reserves do not limit the LP who is measured.
    suite.provide(suite.admin, LIQUIDITY)
    suite.give(lp, LIQUIDITY)
    meter.send(None, suite.vault.deposit, LIQUIDITY // 100 + ODD, sender=lp)
    for i, other in enumerate(others):
        suite.give_collateral(other, 1_000 * WAD + ODD)
        meter.send(None, protocol.openPositionWithSize, 5_000 * WAD + ODD, i % 2 == 0, sender=other)
    meter.price(10_010)
    meter.send(None, protocol.closePosition, sender=others[0])
    meter.send(None, protocol.openPositionWithSize, 4_000 * WAD + ODD, True, sender=others[0])


def measure(meter: Meter, lp, new_lp, trader, victims, liquidators) -> dict[str, int]:
    """Every action once, in a market that `prepare` left."""
    suite, protocol, vault = meter.suite, meter.suite.protocol, meter.suite.vault
    send = meter.send
    for account in (new_lp, trader, *victims):
        suite.give(account, LIQUIDITY)

    send("LP deposit", vault.deposit, 1_000 * WAD + ODD, sender=lp)
    send("LP deposit, first of an LP", vault.deposit, 1_000 * WAD + ODD, sender=new_lp)
    send("LP mint", vault.mint, 10**26 + ODD, lp, sender=lp)
    send("LP withdraw", vault.withdraw, 1_000 * WAD + ODD, sender=lp)
    send("LP redeem", vault.redeem, 10**26 + ODD, sender=lp)

    send("deposit collateral, first", protocol.depositCollateral, 1_000 * WAD + ODD, sender=trader)
    send("deposit collateral", protocol.depositCollateral, 1_000 * WAD + ODD, sender=trader)
    send(
        "withdraw collateral, no position",
        protocol.withdrawCollateral,
        100 * WAD + ODD,
        sender=trader,
    )
    send("open, fresh id", protocol.openPositionWithSize, 5_000 * WAD + ODD, True, sender=trader)
    send(
        "withdraw collateral, position", protocol.withdrawCollateral, 100 * WAD + ODD, sender=trader
    )
    send("increase", protocol.increasePosition, 1_000 * WAD + ODD, sender=trader)
    meter.price(10_100)
    send("decrease, profit", protocol.decreasePosition, 1_000 * WAD + ODD, sender=trader)
    meter.price(9_950)
    send("decrease, loss", protocol.decreasePosition, 1_000 * WAD + ODD, sender=trader)
    send("close, loss", protocol.closePosition, sender=trader)
    send("open, reused id", protocol.openPositionWithSize, 5_000 * WAD + ODD, False, sender=trader)
    meter.price(9_900)
    send("close, profit", protocol.closePosition, sender=trader)
    send(
        "open with limits",
        protocol.openPositionWithToken,
        WAD // 2 + ODD,
        True,
        11_000 * WAD,
        2**40,
        sender=trader,
    )

    meter.price(10_000)
    for victim in victims:
        protocol.depositCollateral(1_000 * WAD, sender=victim)
        send(None, protocol.openPositionWithSize, 14_000 * WAD + ODD, True, sender=victim)
    # The equity of the victims is now a little less than a thirtieth of their notional.
    meter.price(9_615)
    first_time, known, other = liquidators
    for liquidator in (known, other):
        suite.give_collateral(liquidator, 100 * WAD)
    names = ("liquidate one third, first-time liquidator", "liquidate one third")
    for name, liquidator, victim in zip(names, (first_time, known), victims, strict=False):
        id_ = suite.position(victim).id
        send(name, protocol.liquidatePosition, id_, sender=liquidator)
        assert suite.position(victim).id == id_, f"{name} took more than a third"
    drops = {"liquidate one third, then the rest": 9_550, "liquidate whole, bad debt": 8_000}
    for (name, dollars), victim in zip(drops.items(), victims[2:], strict=True):
        meter.price(dollars)
        send(name, protocol.liquidatePosition, suite.position(victim).id, sender=other)
        assert not suite.position(victim).id

    # An hour later each: what is requested has matured.
    send(None, vault.setCooldownPeriod, HOUR, sender=suite.risk_manager)
    send("LP request, first", vault.requestRedeem, 2 * PART, sender=lp)
    send("LP request, second", vault.requestRedeem, 2 * PART, sender=lp)
    send("LP redeem, part of a matured request", vault.redeem, PART, sender=lp)
    send("LP cancel, part of a request", vault.cancelRequest, PART, 0, sender=lp)
    send("LP redeem, all of two matured requests", vault.redeem, 2 * PART, sender=lp)
    send("LP transfer of shares", vault.transfer, new_lp, PART, sender=lp)
    return meter.gas
