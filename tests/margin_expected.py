"""The arithmetic of docs/margin.md in plain integers, for what tests expect. Each function is one
line of its table, with the names used there."""

from dataclasses import dataclass

WAD = 10**18
BPS = 10_000
DAY = 86_400
YEAR = 31_536_000


def part_down(whole: int, numerator: int, denominator: int) -> int:
    return whole * numerator // denominator


def part_up(whole: int, numerator: int, denominator: int) -> int:
    return -(-whole * numerator // denominator)


def value_up(base: int, price: int) -> int:
    return part_up(base, price, WAD)


def value_down(base: int, price: int) -> int:
    return part_down(base, price, WAD)


def least_proceeds(base: int, price: int, deviation: int) -> int:
    return part_up(value_up(base, price), BPS - deviation, BPS)


def highest_cost(base: int, price: int, deviation: int) -> int:
    return part_down(value_down(base, price), BPS + deviation, BPS)


def highest_interest(principal: int, max_apy: int, elapsed: int) -> int:
    return part_down(principal, max_apy * elapsed, WAD * YEAR)


def highest_principal(is_long: bool, down_payment: int, leverage: int, price: int) -> int:
    if is_long:
        return part_down(down_payment, leverage - BPS, BPS)
    return part_down(down_payment, leverage * WAD, BPS * price)


def highest_sale(down_payment: int, leverage: int) -> int:
    return part_down(down_payment, leverage, BPS)


def least_margin(value: int, maintenance: int) -> int:
    return part_up(value, maintenance, BPS)


def liquidation_fee(value: int, share: int) -> int:
    return part_down(value, share, BPS)


def principal_paid(principal: int, amount: int, collateral: int) -> int:
    return part_up(principal, amount, collateral)


def used_after(used: int, limit: int, seconds: int) -> int:
    return max(0, used - part_down(limit, seconds, DAY))


def highest_fee(quote_moved: int) -> int:
    return part_down(quote_moved, 1, 100)


@dataclass(frozen=True)
class Standing:
    """A position at the check price."""

    value: int
    equity: int


def at_check_price(is_long: bool, collateral: int, principal: int, price: int) -> Standing:
    if is_long:
        value = value_down(collateral, price)
        return Standing(value, value - principal)
    value = value_up(principal, price)
    return Standing(value, collateral - value)
