"""A vault with a cooldown, and what its requests are expected to be."""

from tests.suite import WAD, Suite

HOUR = 3_600
DAY = 86_400
PERIOD = 3 * DAY
WINDOW = 7 * DAY
MOST = 8
"""Requests in a queue."""
SHARES = 10**6 * WAD
"""What a PREP deposited in an idle vault gives."""


def request(suite: Suite, owner, shares: int, ref: int = 0) -> None:
    """What prepares a test."""
    suite.send(owner, suite.vault, "requestRedeem(uint256,uint256)", shares, ref)


def stop(suite: Suite) -> None:
    suite.send(suite.guardian, suite.vault, "stopWithdrawals()")


def resume(suite: Suite) -> None:
    suite.send(suite.admin, suite.vault, "resumeWithdrawals()")


def set_periods(suite: Suite, period: int | None = None, window: int | None = None) -> None:
    """For requests from now on."""
    for name, value in (("setCooldownPeriod", period), ("setRedeemWindow", window)):
        if value is not None:
            suite.send(suite.risk_manager, suite.vault, f"{name}(uint256)", value)


def queue(suite: Suite, owner, ref: int = 0) -> list[tuple[int, int, int]]:
    """Shares, maturity and lapse of each request."""
    return [tuple(request) for request in suite.vault.requests(owner, ref)]


def locks(suite: Suite, owner, ref: int = 0) -> tuple[int, int]:
    """Locked shares of the owner, and those that a queue lets go."""
    return suite.vault.lockedShares(owner), suite.vault.redeemableShares(owner, ref)
