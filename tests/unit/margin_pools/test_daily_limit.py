"""What may be borrowed in a day where there is no check price, and how it comes back."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from prep.margin.data import CollateralRequest
from tests.exchange import FOREVER
from tests.margin_expected import DAY, principal_paid, used_after
from tests.unit.margin_pools.stand import COARSE, HOUR


def used(stand):
    return stand.read("borrowedToday(address,address)", stand.base, stand.quote)


def rich(stand, principal, **changes):
    """A request of a trader who pays as much as he borrows and more, so that nothing but the limit
    for a day stands against it."""
    down = 2_000_000 * stand.units(stand.pair[1]) // (1 if stand.pair[1] == "USD" else 2_000)
    return stand.open_request(down_payment=down, principal=principal, **changes)


def borrowed(stand, principal, at=None):
    request = rich(stand, principal)
    logs = stand.do("open", request, stand.signed(request), at=at)
    return stand.margin.after(logs, "PositionOpened")


def test_limit__all_of_it_at_once__allowed_and_a_unit_more_not(limited):
    stand, limit = limited, limited.limit
    assert used(stand) == 0
    refusal = stand.refused_opening(rich(stand, limit + 1))
    assert refusal == ("DailyLimitExceeded", limit + 1, limit)
    borrowed(stand, limit)
    assert used(stand) == limit


@pytest.mark.parametrize("seconds", [1, 7, HOUR, DAY // 2, DAY - 1, DAY, DAY + 1, 10 * DAY])
def test_limit__time_passes__comes_back_evenly(limited, seconds):
    """By the second, the part that came back rounded down."""
    stand, limit = limited, limited.limit - 11
    stand.set_terms(**{"long_limit" if stand.is_long else "short_limit": limit})
    borrowed(stand, limit - 5)
    stand.wait(seconds)
    left = used_after(limit - 5, limit, seconds)
    assert used(stand) == left
    assert stand.refused_opening(rich(stand, limit - left)) is None
    refusal = stand.refused_opening(rich(stand, limit - left + 1))
    assert refusal == ("DailyLimitExceeded", limit + 1, limit)


def test_limit__borrowed_again_and_again__counts_from_the_last_time(limited):
    stand, limit = limited, limited.limit
    first = borrowed(stand, limit // 2)
    opened = first.last_funding_timestamp
    borrowed(stand, limit // 3, at=opened + 77)
    expected = used_after(limit // 2, limit, 77) + limit // 3
    assert used(stand) == expected
    stand.wait(7_777)
    assert used(stand) == used_after(expected, limit, 7_777)


def test_limit__what_the_swap_left__does_not_count(limited):
    stand = limited
    request = rich(stand, 10**6)
    given = stand.given(request.down_payment, 10**6)
    stand.opened(rich(stand, 10**6, spent=given - 400))
    assert used(stand) == 10**6 - 400


def test_limit__increase__counts_what_is_borrowed_and_not_its_interest(limited):
    stand, limit = limited, limited.limit
    position = borrowed(stand, 10**12)
    stand.wait(HOUR)
    request = stand.open_request(position, down_payment=10**12, principal=10**6)
    assert request.interest > 0
    at = stand.time() + 1
    stand.increased(request, position, at=at)
    elapsed = at - position.last_funding_timestamp
    assert used(stand) == used_after(10**12, limit, elapsed) + 10**6


def test_limit__closing__gives_nothing_back(limited):
    stand = limited
    position = borrowed(stand, stand.limit)
    swap = {} if stand.is_long else {"spent": 10}
    request = stand.close_request(position, interest=0, **swap)
    at = position.last_funding_timestamp
    stand.closed(request, position, at=at)
    assert used(stand) == stand.limit


def test_limit__collateral_taken_out__uses_its_part_rounded_up(limited):
    """Of what is left of the limit, to the unit."""
    stand, limit = limited, limited.limit
    position = stand.open()
    amount = position.collateral // 3
    part = principal_paid(position.principal, amount, position.collateral)
    assert part * position.collateral != position.principal * amount
    room = limit - position.principal - part
    at = position.last_funding_timestamp
    borrowed(stand, room, at=at)
    assert used(stand) == limit - part

    def call(more):
        removal = -amount - more
        request = CollateralRequest(position.id, position.nonce, position.trader, removal, FOREVER)
        return "remove", request, stand.signed(request), position

    # The least more that uses more of the principal.
    more = max(1, part * position.collateral // position.principal - amount + 1)
    over = principal_paid(position.principal, amount + more, position.collateral) - part
    assert over > 0
    assert stand.refusal(*call(0)) is None
    assert stand.refusal(*call(more)) == ("DailyLimitExceeded", limit + over, limit)
    stand.do(*call(0), at=at)
    assert used(stand) == limit


def test_limit__lowered_below_what_is_used__nothing_more(limited):
    stand = limited
    borrowed(stand, 10**12)
    stand.set_terms(**{"long_limit" if stand.is_long else "short_limit": 10**11})
    now = used(stand)
    assert stand.refused_opening(rich(stand, 1)) == ("DailyLimitExceeded", now + 1, 10**11)


def test_limit__of_none_for_this_side__nothing_can_be_borrowed(limited):
    stand = limited
    stand.set_terms(**{"long_limit" if stand.is_long else "short_limit": 0})
    assert used(stand) == 0
    assert stand.refused_opening(rich(stand, 1)) == ("DailyLimitExceeded", 1, 0)


def test_limit__other_pool_and_other_pair__each_its_own(limited, create_stand, margin):
    stand = limited
    borrowed(stand, 10**12)
    assert used(stand) > 0
    other = create_stand(margin.sides["short" if stand.is_long else "long"], stand.pair)
    assert used(other) == 0
    checked = create_stand(stand.side, COARSE)
    checked.open()
    assert used(checked) == 0


def test_usage__storage__one_word(limited):
    """Used and since when, 16 + 8 bytes; the word after it is nobody's."""
    stand = limited
    borrowed(stand, 10**12)

    def words(slot):
        inner = keccak(encode(["address", "uint256"], [stand.base, slot]))
        first = int.from_bytes(keccak(encode(["address", "bytes32"], [stand.quote, inner])))
        calls = [
            ("eth_getStorageAt", (stand.side.address, hex(first + i), "latest")) for i in (0, 1)
        ]
        return [int(word, 16) for word in stand.node.batch(calls)]

    found = [pair for pair in map(words, range(32)) if any(pair)]
    assert found == [[stand.time() << 128 | 10**12, 0]]
