"""Amounts and steps that tests of the keeper share."""

from contextlib import contextmanager

from prep.keeper.report import Round
from tests.suite import WAD

COLLATERAL = 1_000 * WAD
NOTIONAL = 15_000 * WAD  # 1.5 bitcoin at 10,000
REWARD = 75 * WAD  # 0.5 %
LIQUIDITY = 1_000_000 * WAD
FIXED_REQUESTS = 8  # block, gas price and six calls, however many positions there are
GWEI = 10**9


@contextmanager
def mining_stopped(provider):
    """Transactions wait until `provider.mine()`."""
    provider.auto_mine = False
    try:
        yield
    finally:
        provider.auto_mine = True


def events_of(suite, transaction, name):
    receipt = suite.protocol.provider.get_receipt(transaction)
    return list(receipt.decode_logs(getattr(suite.protocol, name)))


def act(keeper, look):
    """Carries out what was decided on an earlier look."""
    done = Round(keeper.execute)
    keeper.act(*look, done)
    return done.report(0)
