"""How traders are paid, what a token refuses, and what waits to be claimed."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.margin.data import CLOSED, Payout
from prep.node import Reverted
from tests.exchange import WETH
from tests.margin_suite import (
    CAP,
    CURVE,
    DEVIATION,
    LEVERAGE,
    LIQUIDATION_FEE,
    MAINTENANCE,
    MAX_APY,
    QUOTED,
    TERMS,
)
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.margin_pools.stand import COARSE, HOUR, Stand, nonzero
from tests.unit.margin_pools.test_close import expected_close, money_of
from tests.unit.margin_pools.test_liquidate import call_of, expected_liquidation
from tests.unit.margin_pools.test_liquidate import money_of as money_of_liquidation

CLAIM = "claim(address,address)"


def wei(stand, account) -> int:
    return int(stand.node.rpc("eth_getBalance", account, "latest"), 16)


# ------------------------------------------------------------------------------- token, ether, lend


@pytest.fixture
def ether_position(ether):
    opened = ether.open()
    ether.wait(HOUR)
    return opened


def closing_of(stand, position, **changes):
    request = stand.close_request(position, **changes)
    due = position.principal + request.interest
    swap = stand.fair_closing(position.collateral, due)
    return request, expected_close(stand, position, request, *swap)[1]


def test_payout__as_ether__unwrapped_and_sent(ether, ether_position):
    stand = ether
    request, closing = closing_of(stand, ether_position)
    tokens, before = stand.balances(), wei(stand, stand.trader.address)
    stand.closed(request, ether_position, Payout.ETHER)
    assert wei(stand, stand.trader.address) - before == closing.payout
    moved = money_of(stand, closing)
    del moved["trader", WETH]
    assert stand.moved(tokens) == moved
    assert wei(stand, stand.side.address) == 0


def test_payout__of_nothing_as_ether_or_lent__nothing_sent(ether, ether_position):
    stand = ether
    due = ether_position.principal + stand.max_interest(ether_position)
    swap = {"received": due} if stand.is_long else {"spent": ether_position.collateral}
    request = stand.close_request(ether_position, **swap)
    for payout in Payout:
        assert stand.refused_closing(request, ether_position, payout) is None


def test_payout__as_ether_of_another_token__refused(stand, position):
    request = stand.close_request(position)
    refusal = stand.refused_closing(request, position, Payout.ETHER)
    assert refusal == ("NotWrappedEther", stand.quote)


def test_payout__of_nothing_as_ether_of_another_token__refused_all_the_same(stand, position):
    due = position.principal + stand.max_interest(position)
    swap = {"received": due} if stand.is_long else {"spent": position.collateral}
    request = stand.close_request(position, **swap)
    refusal = stand.refused_closing(request, position, Payout.ETHER)
    assert refusal == ("NotWrappedEther", stand.quote)


@pytest.mark.parametrize("through", ["close", "exit"])
def test_payout__lent__as_shares_of_the_traders(stand, position, through):
    vault = stand.margin.lending[stand.pair[1]].address
    at = stand.time() + 1
    request, closing = closing_of(stand, position, interest=stand.max_interest(position, at))
    before = stand.balances()
    if through == "close":
        logs = stand.closed(request, position, Payout.LEND, at=at)
    else:
        args = position, stand.router, request.data, 0, Payout.LEND
        logs = stand.do("exit", *args, at=at)
    (deposit,) = (log for log in logs if log.name == "Deposit")
    sender, receiver, assets, shares = deposit.args
    parties = stand.side.address.lower(), stand.trader.address.lower()
    assert (sender.lower(), receiver.lower(), assets) == (*parties, closing.payout)
    balance = stand.node.read((vault, "balanceOf(address)", stand.trader.address))[0]
    assert balance == shares > 0
    moved = money_of(stand, closing)
    quote = stand.pair[1]
    moved["lenders", quote] = moved.get(("lenders", quote), 0) + moved.pop(("trader", quote))
    assert stand.moved(before) == nonzero(moved)
    allowance = "allowance(address,address)", stand.side.address, vault
    assert stand.node.read((stand.quote, *allowance)) == [0]


def test_payout__kind_that_is_none__refused(stand, position):
    request = stand.close_request(position)
    signature = stand.signed(request)
    data = stand.node._data(
        "close((uint256,uint256,address,uint256,uint256,uint256,uint256,uint256,address,bytes),bytes,"
        "(uint256,address,address,address,uint256,uint256,uint256,uint256),uint8)",
        (tuple(request), signature, tuple(position), 3),
    )
    call = {"from": stand.trader.address, "to": stand.side.address, "data": data}
    with pytest.raises(Reverted, match="unknown error 0x"):
        stand.node.rpc("eth_call", call, "latest")


def test_receive__ether__from_wrapped_ether_only(stand):
    call = {"from": stand.trader.address, "to": stand.side.address, "value": "0x5"}
    with pytest.raises(Reverted, match=r"WrongEther\(5, 0\)"):
        stand.node.rpc("eth_call", call, "latest")


# -------------------------------------------------------------------------------------- refused


@pytest.fixture
def refusing(project, margin, create_stand, side, trader, stranger, scripted):
    """A stand in a pair whose quote token can refuse, and the token. Named "BLK"."""
    token = margin.admin.deploy(project.BlocklistToken)
    return stand_of(project, margin, side, trader, stranger, scripted, token, "BLK"), token


def stand_of(project, margin, side, trader, stranger, scripted, token, symbol, lends=True):
    """In a pair of bitcoin and this token. The shared suite learns of it until the test is over:
    what is on the chain is undone, what is known here of it does no harm."""
    base = margin.tokens["WBTC"]
    margin.node.interface.learn(token.contract_type)
    oracle = margin.admin.deploy(project.MockOracle, 5 * 10**14 * WAD + 7)
    args = oracle.address, LEVERAGE, MAINTENANCE, LIQUIDATION_FEE, DEVIATION, 0, 0, False
    signature = f"setPair(address,address,{TERMS})"
    controller = margin.controller
    margin.send(margin.risk_manager, controller, signature, base.address, token.address, args)
    call = "setMaxApy(address,uint256)", token.address, MAX_APY
    margin.send(margin.risk_manager, controller, *call)
    tokens, lending = margin.tokens | {symbol: token}, dict(margin.lending)
    if lends:
        vault = margin.admin.deploy(project.LendingVault, token, margin.authority, CURVE)
        vault.registerBorrower(side.contract, QUOTED, CAP, sender=margin.admin)
        side.contract.addLendingVault(vault, sender=margin.admin)
        lending[symbol] = vault
        mint(margin, token, margin.lender.address, 10**24)
        send = margin.send
        send(margin.lender, token, "approve(address,uint256)", vault.address, UNLIMITED)
        call = "deposit(uint256,address)", 10**24, margin.lender.address
        send(margin.lender, vault, *call)
    mint(margin, token, trader.address, 10**30)
    call = "approve(address,uint256)", side.address, UNLIMITED
    margin.send(trader, token, *call)
    oracles = margin.oracles | {("WBTC", symbol): oracle}
    known = {**vars(margin), "tokens": tokens, "lending": lending, "oracles": oracles}
    suite = type(margin)(**known)
    return Stand(suite, side, ("WBTC", symbol), trader, stranger, scripted)


def mint(margin, token, to, amount):
    margin.send(margin.admin, token, "mint(address,uint256)", to, amount)


def an_hour_old(stand):
    position = stand.open()
    stand.wait(HOUR)
    return position


def block(stand, token, account, blocked=True):
    call = token, "setBlocked(address,bool)", account, blocked
    stand.margin.send(stand.margin.admin, *call)


def liquidation(stand, position):
    """With a payout for the trader, at a price that the check price is moved to."""
    interest = stand.max_interest(position)
    owed = position.principal + interest
    rest = owed // 25 if stand.is_long else position.collateral // 25
    swap = (position.collateral, owed + rest)
    if not stand.is_long:
        swap = (position.collateral - rest, owed)
    quote, base = swap[::-1] if stand.is_long else swap
    stand.set_price(quote * WAD // base)
    closing, excess = expected_liquidation(stand, position, interest, *swap)
    assert closing.payout > 0
    assert excess == 0
    return call_of(stand, position, interest, *swap), closing


def test_liquidate__token_refuses_the_trader__payout_kept_and_claimed(refusing):
    stand, token = refusing
    position = an_hour_old(stand)
    call, closing = liquidation(stand, position)
    block(stand, token, stand.trader.address)
    before = stand.balances()
    logs = stand.do("liquidate", *call, who=stand.margin.liquidator)
    assert stand.stored(position) == CLOSED
    trader = stand.trader.address
    assert stand.logged(logs)[1:] == [("PayoutKept", (trader, token.address, closing.payout))]
    moved = money_of_liquidation(stand, closing)
    moved.pop(("trader", "BLK"))
    moved["pool", "BLK"] = moved.get(("pool", "BLK"), 0) + closing.payout
    assert stand.moved(before) == nonzero(moved)
    assert stand.claimable("BLK") == closing.payout

    # Still refused, but not elsewhere.
    assert stand.refusal(CLAIM, token.address, trader)[0] == "TransferFailed"
    assert stand.refusal(CLAIM, token.address, stand.stranger.address, who=stand.stranger) == (
        "ZeroAmount",
    )
    before = stand.balances()
    receiver = stand.stranger.address
    signature = CLAIM, token.address, receiver
    logs = stand.margin.send(stand.trader, stand.side, *signature)
    expected = ("PayoutClaimed", (trader, token.address, receiver, closing.payout))
    assert stand.logged(logs) == [expected]
    assert stand.moved(before) == {
        ("pool", "BLK"): -closing.payout,
        ("stranger", "BLK"): closing.payout,
    }
    assert stand.claimable("BLK") == 0
    assert stand.refusal(CLAIM, token.address, trader) == ("ZeroAmount",)


def test_liquidate__refused_twice__adds_up(refusing):
    stand, token = refusing
    total = 0
    for _ in range(2):
        block(stand, token, stand.trader.address, False)
        position = an_hour_old(stand)
        call, closing = liquidation(stand, position)
        block(stand, token, stand.trader.address)
        stand.do("liquidate", *call, who=stand.margin.liquidator)
        total += closing.payout
        assert stand.claimable("BLK") == total


def test_close__token_refuses_the_trader__he_can_wait(refusing):
    """Nobody but himself is held up by it: nothing is kept."""
    stand, token = refusing
    position = an_hour_old(stand)
    request = stand.close_request(position)
    block(stand, token, stand.trader.address)
    assert stand.refused_closing(request, position)[0] == "TransferFailed"


def test_claim__nothing_there__refused(stand):
    assert stand.refusal(CLAIM, stand.quote, stand.trader.address) == ("ZeroAmount",)


def test_claim__router_that_calls_it__cannot_enter(stand, position):
    """Covered where a swap calls back; the same lock."""
    data = stand.node._data(CLAIM, (stand.quote, stand.router))
    swap = position.collateral, 1, stand.side.address, bytes.fromhex(data[2:])
    request = stand.close_request(position, data=stand.calling_swap(False, *swap))
    assert stand.refused_closing(request, position) == ("ReentrancyGuardReentrantCall",)


# ----------------------------------------------------------------------------------- odd tokens


def stand_with(container, symbol, project, margin, side, trader, stranger, scripted):
    token = margin.admin.deploy(container)
    args = project, margin, side, trader, stranger, scripted, token, symbol
    return stand_of(*args), token


def test_take__token_with_a_fee__refused(project, margin, side, trader, stranger, scripted):
    """On the way in: the down payment does not arrive in full."""
    people = project, margin, side, trader, stranger, scripted
    stand, token = stand_with(project.FeeToken, "FEE", *people)
    position = an_hour_old(stand)
    margin.send(margin.admin, token, "setFee(uint256)", 100)
    request = stand.open_request(fee=1_000)
    paid = request.down_payment + 1_000
    expected = ("TransferFellShort", paid - paid * 100 // 10_000, paid)
    assert stand.refused_opening(request) == expected
    if not stand.is_long:
        request = stand.margin.collateral_request(position, 10_000)
        refusal = stand.refusal("add", request, stand.signed(request), position)
        assert refusal == ("TransferFellShort", 9_900, 10_000)


def test_swap__takes_more_than_it_was_given__refused(
    project, margin, side, trader, stranger, scripted
):
    """A token that burns besides: the balance tells, not the allowance."""
    people = project, margin, side, trader, stranger, scripted
    stand, token = stand_with(project.SurchargeToken, "SUR", *people)
    position = an_hour_old(stand)
    call = token, "setSurcharge(address,uint256)", stand.router, 3
    if stand.is_long:
        margin.send(margin.admin, *call)
        # Something else lies there, or the token could not burn it.
        mint(margin, token, side.address, 10)
        request = stand.open_request()
        given = request.down_payment + request.principal
        assert stand.refused_opening(request) == ("WrongAmountSpent", given + 3, given)
    else:
        margin.send(margin.admin, *call)
        amount = position.collateral // 2
        request = stand.close_request(position, amount, spent=amount)
        refusal = stand.refused_closing(request, position)
        assert refusal == ("WrongAmountSpent", amount + 3, amount)


def test_lending__no_vault_for_the_token__refused(
    project, margin, side, trader, stranger, scripted
):
    """A long cannot borrow it. A short can be opened, and closed, but its payout not lent."""
    token = margin.admin.deploy(project.BlocklistToken)
    people = project, margin, side, trader, stranger, scripted
    stand = stand_of(*people, token, "BLK", lends=False)
    request = stand.open_request()
    refused = ("NoLendingVault", token.address)
    if stand.is_long:
        assert stand.refused_opening(request) == refused
        return
    logs = stand.opened(request)
    position = stand.margin.after(logs, "PositionOpened")
    closing = stand.close_request(position)
    assert stand.refused_closing(closing, position, Payout.LEND) == refused
    assert stand.refused_closing(closing, position) is None


def test_fee__no_treasury_yet__only_requests_without_fee(
    project, margin, create_stand, side, scripted
):
    """A pool of its own, as it is after deployment."""
    container = project.LongPool if side.is_long else project.ShortPool
    pool = margin.admin.deploy(container, margin.controller, margin.tokens[WETH], margin.authority)
    own = type(side)(
        side.is_long, pool, type(side.domain)(pool.address, side.is_long, side.domain.chain_id)
    )
    stand = create_stand(own, COARSE)
    for symbol in COARSE:
        vault = margin.lending[symbol]
        vault.registerBorrower(pool, QUOTED, CAP, sender=margin.admin)
        pool.addLendingVault(vault, sender=margin.admin)
        call = "approve(address,uint256)", pool.address, UNLIMITED
        margin.send(stand.trader, margin.tokens[symbol], *call)
    selector = selector_of("swap(address,uint256,address,uint256)")
    pool.setRouter(scripted, selector, True, sender=margin.admin)
    assert pool.treasury() == ZERO_ADDRESS
    refusal = stand.refused_opening(stand.open_request(fee=1))
    name = b"treasury".ljust(32, b"\0")
    assert refusal == ("ParameterOutOfBounds", name, 0, 1, 2**160 - 1)
    assert stand.refused_opening(stand.open_request()) is None
