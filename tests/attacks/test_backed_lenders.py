"""Attack: on lenders of asset-backed positions, or by them on each other.

Interest reaches those who have lent while it was earned, a loss those who lend when it is written
off, and a position that stands open stops nobody from anything but taking out what is lent (M4).
"""

from tests.attacks.backed import DAY, HOUR, YEAR, check_books, lent, of_pool, refused
from tests.attacks.backed_acts import PAIR, Acts
from tests.margin_suite import CURVE, MAX_APY, PREP, WETH
from tests.suite import WAD

UNLOCK = DAY


def vault_of(margin, pool):
    return margin.lending[pool.owed(PAIR)]


def assets_of(margin, vault, account) -> int:
    shares = margin.node.read((vault.address, "balanceOf(address)", account.address))[0]
    return margin.node.read((vault.address, "convertToAssets(uint256)", shares))[0]


def deposit(margin, pool, who, amount) -> None:
    symbol = pool.owed(PAIR)
    margin.give(who, symbol, amount)
    vault = vault_of(margin, pool)
    margin.send(who, vault, "deposit(uint256,address)", amount, who.address)


def record(margin, pool, position, at):
    interest = position.principal * MAX_APY * (at - position.last_funding_timestamp) // (WAD * YEAR)
    margin.node.at(at)
    margin.do(margin.executor, pool, "record", [position], [interest])
    return interest


def test_lender__just_before_interest_is_recorded__gets_none_of_it_at_once(
    margin, pool, victim, rogue, one_block
):
    """A hundred times what all others have lent, in the block of a year's interest."""
    position = margin.typical(pool, victim, PAIR, 2)
    vault, symbol = vault_of(margin, pool), pool.owed(PAIR)
    margin.node.at(position.last_funding_timestamp + YEAR - 1)
    margin.node.mine()
    amount = 100 * lent(margin, symbol)
    deposit(margin, pool, rogue, amount)
    interest = record(margin, pool, position, margin.time())
    assert interest > 0
    assert margin.node.read((vault.address, "lockedInterest()"))[0] == interest
    assert assets_of(margin, vault, rogue) <= amount, "M6"
    check_books(margin)


def test_lender__for_a_part_of_the_unlocking__gets_his_share_of_that_part(
    margin, pool, victim, rogue
):
    """Linear: who lends as much as all others, for a sixth of the day, gets half of a sixth."""
    position = margin.typical(pool, victim, PAIR, 2)
    vault, symbol = vault_of(margin, pool), pool.owed(PAIR)
    start = position.last_funding_timestamp + YEAR
    interest = record(margin, pool, position, start)
    amount = lent(margin, symbol) - interest
    deposit(margin, pool, rogue, amount)
    since = margin.time() - start
    margin.node.at(start + since + DAY // 6)
    margin.node.mine()
    gain = assets_of(margin, vault, rogue) - amount
    unlocked_before = interest * since // UNLOCK
    exact = interest * (DAY // 6) // UNLOCK * amount // (2 * amount + unlocked_before)
    assert exact - 3 <= gain <= exact + 3
    assert gain < interest // 11


def record_units(margin, pool, position, interest, start, seconds):
    """Records it all, and then a unit at each of these times. What is still locked a day later."""
    assert record(margin, pool, position, start) == interest
    position = position._replace(
        principal=position.principal + interest,
        last_funding_timestamp=start,
        nonce=position.nonce + 1,
    )
    for second in seconds:
        margin.node.at(start + second)
        logs = margin.do(margin.executor, pool, "record", [position], [1])
        position = of_pool(margin, pool, logs, "InterestRecorded")
    margin.node.at(start + DAY + 1)
    margin.node.mine()
    return margin.node.read((vault_of(margin, pool).address, "lockedInterest()"))[0]


def test_interest__recorded_by_the_unit__holds_up_no_large_amount(margin, pool, victim):
    """A unit an hour does not keep what was recorded before from reaching the lenders: who records
    one a second would keep it for ever."""
    position = margin.typical(pool, victim, PAIR, 2)
    start = position.last_funding_timestamp + YEAR
    interest = position.principal * MAX_APY // WAD
    hours = [3_600 * i for i in range(1, 24)]
    assert record_units(margin, pool, position, interest, start, hours) <= 2 * 23


def test_interest__recorded_by_the_unit__holds_up_at_most_a_second_each(margin, pool, victim):
    position = margin.typical(pool, victim, PAIR, 2)
    start = position.last_funding_timestamp + YEAR
    interest = position.principal * MAX_APY // WAD
    hours = [3_600 * i for i in range(1, 24)]
    locked = record_units(margin, pool, position, interest, start, hours)
    assert locked <= interest * 23 // DAY + 2 * 23
    check_books(margin)


def test_signer__borrows_all_there_is_without_interest__others_pay_the_highest_rate(
    margin, pool, rogue, accomplice, hostile
):
    """With the key of an order signer: a unit of interest, while whoever borrows by utilisation
    pays the rate of a vault without idle tokens. The pool's cap bounds how far."""
    symbol, vault = pool.owed(PAIR), vault_of(margin, pool)
    register = "registerBorrower(address,uint8,uint256)"
    (idle,) = margin.node.read((vault.address, "idle()"))
    margin.send(margin.admin, vault, register, accomplice.address, 1, idle)
    margin.send(accomplice, vault, "borrow(uint256,address)", idle // 10, accomplice.address)
    # A half of what there is, of which the other borrower has a tenth.
    cap = idle * 4 // 10
    margin.send(margin.admin, vault, "setBorrowCap(address,uint256)", pool.address, cap)
    down = cap if pool.is_long else cap * margin.price(PAIR) // WAD
    margin.give(rogue, PREP, 2 * down)
    given = cap + down if pool.is_long else cap
    price = margin.price(PAIR)
    brought = given * WAD // price if pool.is_long else given * price // WAD
    hostile.trade(pool, symbol, given, pool.held(PAIR), brought)
    acts = Acts(margin, pool)
    more = margin.open_request(pool, rogue, PAIR, down, cap + 1, **hostile.route)
    with refused("BorrowCapExceeded", cap + 1, cap):
        acts.act("open", rogue, more)
    request = margin.open_request(pool, rogue, PAIR, down, cap, **hostile.route)
    acts.act("open", rogue, request)
    used, rate = margin.node.read((vault.address, "utilisation()"), (vault.address, "borrowRate()"))
    ((other, quoted),) = margin.node.read((vault.address, "totalDebt()"))
    # The other one's interest since he borrowed comes on top of the half.
    assert (quoted, other >= idle // 10) == (cap, True)
    left = idle - idle // 10 - cap
    assert used == (other + cap) * WAD // (other + cap + left) >= WAD // 2
    at_zero, at_kink, _, kink = CURVE
    assert rate == at_zero + (at_kink - at_zero) * used // kink
    check_books(margin)


def write_off(margin, pool, hostile, position):
    """By the liquidator, at a price at which half of the principal is missing: that of the check
    too."""
    held = position.collateral
    if pool.is_long:
        margin.set_price(PAIR, position.principal * WAD // (2 * held))
        brought = held * margin.price(PAIR) // WAD
    else:
        margin.set_price(PAIR, 2 * held * WAD // position.principal)
        brought = held * WAD // margin.price(PAIR) + 1
    hostile.trade(pool, pool.held(PAIR), held, pool.owed(PAIR), brought)
    margin.node.at(margin.time() + 60)
    args = position, 1, *hostile.route.values()
    logs = margin.do(margin.liquidator, pool, "liquidate", *args)
    return margin.closing(logs, "PositionLiquidated"), logs


def test_bad_debt__written_off__visible_and_to_the_unit(margin, pool, hostile, victim):
    position = margin.typical(pool, victim, PAIR, 3)
    symbol = pool.owed(PAIR)
    before = lent(margin, symbol)
    closing, logs = write_off(margin, pool, hostile, position)
    assert closing.bad_debt == position.principal - closing.received > 0
    written = margin.event(logs, "WrittenOff").args
    assert written[0].lower() == pool.address.lower()
    assert written[1] == closing.bad_debt
    assert lent(margin, symbol) == before - closing.bad_debt, "A7"
    check_books(margin)


def test_bad_debt__lenders_who_leave_before__leave_it_to_those_who_stay(
    margin, pool, hostile, victim, rogue
):
    """Shares fall when it is written off, not when it arises: who sees it coming and finds idle
    tokens takes out the whole of what is his. What is written off in the end is the same."""
    position = margin.typical(pool, victim, PAIR, 3)
    symbol, vault = pool.owed(PAIR), vault_of(margin, pool)
    amount = margin.units(symbol, 10)
    deposit(margin, pool, rogue, amount)
    before = lent(margin, symbol)
    shares = margin.node.read((vault.address, "balanceOf(address)", rogue.address))[0]
    snapshot = margin.node.rpc("evm_snapshot")
    closing, _ = write_off(margin, pool, hostile, position)
    stayed = assets_of(margin, vault, rogue)
    margin.node.rpc("evm_revert", snapshot)
    assert stayed < amount
    redeem = "redeem(uint256,address,address)"
    margin.send(rogue, vault, redeem, shares, rogue.address, rogue.address)
    assert amount - 1 <= margin.balance(rogue, symbol) <= amount
    again, _ = write_off(margin, pool, hostile, position)
    assert again.bad_debt == closing.bad_debt
    left = margin.balance(rogue, symbol)
    assert lent(margin, symbol) == before - left - closing.bad_debt
    check_books(margin)


def test_bad_debt__locked_interest_pays_first(margin, pool, hostile, victim, rogue):
    """Nobody's share falls before what they have not yet counted is used up."""
    position = margin.typical(pool, victim, PAIR, 3)
    other = margin.typical(pool, rogue, PAIR, 2)
    vault = vault_of(margin, pool)
    interest = record(margin, pool, other, position.last_funding_timestamp + 30 * DAY)
    (assets,) = margin.node.read((vault.address, "totalAssets()"))
    closing, logs = write_off(margin, pool, hostile, position)
    lost = margin.event(logs, "WrittenOff").args[-1]
    assert 0 < interest < closing.bad_debt
    assert closing.bad_debt - interest <= lost < closing.bad_debt
    (after,) = margin.node.read((vault.address, "totalAssets()"))
    assert assets - after <= lost
    check_books(margin)


def test_lenders__take_all_that_is_idle__closing_and_liquidating_go_on(
    margin, pool, victim, rogue, acts
):
    """Nothing is left to borrow: who wants to leave a position can."""
    first, second = (margin.typical(pool, victim, PAIR, 4) for _ in range(2))
    symbol, vault = pool.owed(PAIR), vault_of(margin, pool)
    (idle,) = margin.node.read((vault.address, "idle()"))
    lender = margin.lender
    withdraw = "withdraw(uint256,address,address)"
    margin.send(lender, vault, withdraw, idle, lender.address, lender.address)
    request = acts.request("open", rogue)
    with refused("InsufficientLiquidity", 0, request.principal):
        acts.act("open", rogue, request)
    acts.wait()
    margin.close(pool, victim, first, interest=1)
    margin.move_market(lender, PAIR, 78 if pool.is_long else 121)
    acts.wait()
    margin.liquidate(pool, second, 1)
    assert symbol in (PREP, WETH)
    check_books(margin)


def test_cap__of_a_pool__bounds_what_it_owes_and_stops_no_repayment(margin, pool, rogue, acts):
    """To the unit; with a cap of 0 everybody still leaves, and interest is recorded."""
    position = margin.typical(pool, rogue, PAIR, 2)
    vault = vault_of(margin, pool)
    request = acts.request("open", rogue)
    call = vault, "setBorrowCap(address,uint256)", pool.address
    margin.send(margin.admin, *call, position.principal + request.principal - 1)
    debt = position.principal + request.principal
    with refused("BorrowCapExceeded", debt, debt - 1):
        acts.act("open", rogue, request)
    margin.send(margin.admin, *call, debt)
    second = acts.act("open", rogue, request)
    margin.send(margin.admin, *call, 0)
    acts.wait(HOUR)
    margin.do(margin.executor, pool, "record", [position], [1])
    margin.close(pool, rogue, second, interest=1)
    check_books(margin)
