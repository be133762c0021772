"""What an attacker has, in exact integers."""

from tests.suite import WAD, Suite


def wealth(suite: Suite, *accounts) -> int:
    """PREP of accounts that are flat: what is in their wallets and their collateral."""
    total = 0
    for account in accounts:
        position = suite.position(account)
        assert position.id == 0, f"{account} is not flat"
        assert suite.vault.balanceOf(account) == 0, f"{account} has shares"
        total += suite.prep.balanceOf(account) + position.collateral
    return total


def leave(suite: Suite, *accounts) -> None:
    """Closes every position, then redeems every share that may leave."""
    for account in accounts:
        if suite.position(account).id:
            suite.protocol.closePosition(sender=account)
    for account in accounts:
        shares = suite.vault.balanceOf(account)
        if shares:
            suite.vault.redeem(shares, sender=account)


def reward_of(notional: int) -> int:
    """What a liquidator is promised for a position of this entry notional."""
    return notional * 5 // 1_000


def dollars(amount: int) -> int:
    """PREP base units."""
    return amount * WAD
