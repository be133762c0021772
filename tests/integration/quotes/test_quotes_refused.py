"""What the chain would refuse is refused by the service, in the contract's words."""

import pytest
from eth_account import Account

from prep.margin.chain import RpcChain
from prep.margin.data import Payout
from prep.quotes.client import QuoteError
from prep.quotes.wire import Side
from tests.integration.quotes.trading import (
    ETHER,
    PAIR,
    open_position,
    pass_time,
    send,
    tokens,
    worth,
)
from tests.margin_suite import PREP, USD, WBTC, WETH
from tests.suite import WAD, ZERO_ADDRESS

UNPRICED = (WETH, USD)


@pytest.fixture
def refuses():
    """`refuses(code, call, **values)`: the call is refused so, in one sentence."""

    def check(code, call, status=422, **values):
        with pytest.raises(QuoteError) as raised:
            call()
        error = raised.value
        assert (error.code, error.status) == (code, status), error
        found = {name: error.values.get(name) for name in values}
        assert found == {name: str(value) for name, value in values.items()}
        assert error.detail
        assert "\n" not in error.detail
        return error

    return check


@pytest.fixture
def rich(margin, trader):
    """The trader has plenty of every token, and has allowed both pools to take it."""
    for symbol in (PREP, WETH, WBTC, USD):
        margin.give(trader, symbol, worth(margin, symbol, 10**9))
    return trader


@pytest.fixture
def opening(margin, way, trader, client):
    """`opening(pair, dollars, ...)`: asks for a quote, to be called."""

    def create(pair=PAIR, dollars=10_000, client=client, **wish):
        wish = wish or {"leverage": 30_000}
        where = (way, trader.address, *tokens(margin, pair), worth(margin, pair[1], dollars))
        return lambda: client.open(*where, **wish)

    return create


# ---------------------------------------------------------------------------------------- opening


def test_open__a_leverage_above_the_highest__is_refused(rich, opening, refuses):
    refuses("PrincipalTooHigh", opening(leverage=60_000))


def test_open__a_sale_above_the_highest__is_refused(margin, rich, client, refuses):
    side, down = Side.SHORT, worth(margin, USD)
    where = (side, rich.address, *tokens(margin, UNPRICED), down)
    principal = worth(margin, WETH, 60_000)
    refuses("SaleTooLarge", lambda: client.open(*where, principal=principal), max=5 * down)


def test_open__a_sale_by_leverage_without_check_price__sells_for_that(margin, rich, client):
    down = worth(margin, USD)
    where = (Side.SHORT, rich.address, *tokens(margin, UNPRICED), down)
    swap = client.open(*where, leverage=30_000).expected.swap
    assert 0 <= swap.amount_out - 3 * down <= 3 * down // 10**6


def test_open__more_than_a_day_allows__is_refused(rich, opening, refuses):
    refuses("DailyLimitExceeded", opening(UNPRICED, 600_000))


def test_open__a_price_far_from_the_check_price__is_refused(margin, side, rich, opening, refuses):
    price = margin.price(PAIR)
    margin.set_price(PAIR, price * (95 if side.is_long else 105) // 100)
    refuses("PriceDeviates", opening())


def test_open__a_pair_that_is_disabled__is_refused(margin, rich, opening, refuses):
    base, quote = tokens(margin, PAIR)
    margin.send(margin.guardian, margin.controller, "disablePair(address,address)", base, quote)
    refuses("PairIsDisabled", opening(), base=base, quote=quote)


def test_open__a_pair_not_quoted__is_unknown(margin, way, rich, client, refuses):
    base, quote = reversed(tokens(margin, PAIR))
    call = lambda: client.open(way, rich.address, base, quote, 10**18, leverage=20_000)  # noqa: E731
    refuses("UnknownPair", call, 404, base=base, quote=quote)


def test_open__a_pair_the_chain_does_not_list__is_refused(
    margin, way, rich, create_client, refuses
):
    base, quote = tokens(margin, (USD, WBTC))
    client = create_client(pairs=[{"base": base, "quote": quote, "routes": [{"fees": ["3000"]}]}])
    call = lambda: client.open(way, rich.address, base, quote, 10**8, leverage=20_000)  # noqa: E731
    refuses("PairNotListed", call, base=base, quote=quote)


def test_open__more_than_the_lenders_have__is_refused(margin, side, rich, opening, refuses):
    principal = margin.node.read((margin.lending[side.owed(PAIR)].address, "idle()"))[0] + 1
    call = opening(PAIR, 4_000_000, principal=principal)
    error = refuses("InsufficientLiquidity", call, needed=principal)
    assert error.values["idle"] == str(principal - 1)


def test_open__above_the_cap_of_the_pool__is_refused(margin, side, rich, opening, refuses):
    vault = margin.lending[side.owed(PAIR)]
    register = "registerBorrower(address,uint8,uint256)"
    margin.send(margin.admin, vault, register, side.address, 2, 1)
    refuses("BorrowCapExceeded", opening(), cap=1)


def test_open__balance_too_small__says_so(margin, side, opening, trader, refuses):
    token = margin.tokens[PREP].address
    have = margin.balance(trader, PREP)
    refuses("InsufficientBalance", opening(), token=token, balance=have)


def test_open__allowance_too_small__says_so(margin, side, opening, trader, refuses):
    margin.give(trader, PREP, 10**30)
    approve = "approve(address,uint256)"
    margin.send(trader, margin.tokens[PREP], approve, side.address, 5)
    error = refuses("InsufficientAllowance", opening(), allowance=5)
    assert error.detail.endswith("approve it first")


def test_open__ether_too_little__says_so(margin, trader, opening, refuses):
    margin.node.rpc("anvil_setBalance", trader.address, "0x5")
    call = opening(ETHER, leverage=20_000, pay_ether=True)
    refuses("InsufficientBalance", call, token="ether", balance=5)


def test_open__ether_where_it_is_not_the_token__is_refused(rich, opening, refuses):
    refuses("WrongEther", opening(leverage=20_000, pay_ether=True))


def test_open__nothing__is_refused(rich, opening, refuses):
    refuses("ZeroAmount", opening(principal=0))
    refuses("NoRoute", opening(PAIR, 0, principal=2**255))


def test_open__more_than_the_pools_hold__has_no_route(margin, side, rich, opening, refuses):
    # Uniswap's pool takes any amount, but gives for it less and less.
    refuses("PriceDeviates", opening(PAIR, 1_000_000, leverage=49_000))


def test_open__a_route_without_pool__has_no_route(margin, rich, way, create_client, refuses):
    base, quote = tokens(margin, PAIR)
    client = create_client(pairs=[{"base": base, "quote": quote, "routes": [{"fees": ["500"]}]}])
    call = lambda: client.open(way, rich.address, base, quote, 10**18, leverage=20_000)  # noqa: E731
    refuses("NoRoute", call)


def test_open__a_router_that_is_not_allowed__is_refused(margin, side, rich, opening, refuses):
    router, selector = margin.router, bytes.fromhex("c04b8d59")
    set_router = "setRouter(address,bytes4,bool)"
    margin.send(margin.admin, side, set_router, router, selector, False)
    refuses("SwapNotAllowed", opening(), router=router, selector="0xc04b8d59")


@pytest.mark.parametrize(
    "wish, field",
    [
        ({}, "leverage"),
        ({"leverage": 20_000, "principal": 5}, "leverage"),
        ({"leverage": 20_000, "slippage": 501}, "slippage"),
        ({"principal": 5, "slippage": 10_000}, "slippage"),
    ],
)
def test_open__a_wish_that_makes_no_sense__names_the_field(
    margin, way, rich, client, refuses, wish, field
):
    where = (way, rich.address, *tokens(margin, PAIR), 10**18)
    error = refuses("InvalidInput", lambda: client.open(*where, **wish))
    assert error.detail.startswith(f"{field}: ")


def test_open__a_long_below_its_down_payment__names_the_field(margin, rich, client, refuses):
    where = (Side.LONG, rich.address, *tokens(margin, PAIR), 10**18)
    refuses("InvalidInput", lambda: client.open(*where, leverage=9_999))


# ----------------------------------------------------------------------------------- of a position


def all_of(client, way, position):
    """Every quote that is for a position."""
    return (
        lambda: client.increase(way, position, 10**18),
        lambda: client.close(way, position),
        lambda: client.collateral(way, position, 10**6),
    )


def test_position__not_as_stored__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    for change in (
        {"principal": position.principal - 1},
        {"nonce": 2},
        {"id": 5},
        {"trader": margin.admin.address},
    ):
        changed = position._replace(**change)
        for call in all_of(client, way, changed):
            refuses("UnknownPosition", call, id=changed.id)


def test_position__of_the_other_pool__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    other = Side.SHORT if way is Side.LONG else Side.LONG
    for call in all_of(client, other, position):
        refuses("UnknownPosition", call, stored="0x" + 64 * "0")


def test_close__more_than_there_is__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    most = position.collateral
    call = lambda: client.close(way, position, most + 1)  # noqa: E731
    refuses("AmountTooLarge", call, amount=most + 1, collateral=most)
    refuses("ZeroAmount", lambda: client.close(way, position, 0))


def test_close__what_cannot_pay__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    margin.move_market(margin.admin, PAIR, 60 if side.is_long else 150)
    refuses("DebtNotCovered", lambda: client.close(way, position))


def test_close__ether_where_it_is_not_the_token__is_refused(
    margin, side, way, trader, client, refuses
):
    position = open_position(margin, client, side, trader)
    token = margin.tokens[PREP].address
    call = lambda: client.close(way, position, payout=Payout.ETHER)  # noqa: E731
    refuses("NotWrappedEther", call, token=token)


def test_close__interest_above_the_highest__is_refused_not_lowered(
    margin, side, way, trader, create_client, refuses
):
    """By the curve of the settings, which asks for more than the chain allows."""
    usual = create_client()
    position = open_position(margin, usual, side, trader)
    pass_time(margin, 86_400)
    token = margin.tokens[side.owed(PAIR)].address
    rate = {"at_zero": "3", "at_kink": "3", "at_full": "3", "kink": "0.5"}
    client = create_client(rates=[{"token": token, **rate}])
    error = refuses("InterestTooHigh", lambda: client.close(way, position), 503)
    assert int(error.values["interest"]) > int(error.values["max"]) > 0
    assert client.collateral(way, position, -1).request.amount == -1


def test_close__a_rate_of_nothing__charges_one_unit(margin, side, way, trader, create_client):
    """As the chain wants some where some could be charged."""
    position = open_position(margin, create_client(), side, trader)
    pass_time(margin, 86_400)
    token = margin.tokens[side.owed(PAIR)].address
    rate = {"at_zero": "0", "at_kink": "0", "at_full": "0", "kink": "0.5"}
    client = create_client(rates=[{"token": token, **rate}])
    assert client.close(way, position).expected.interest == 1


def test_close__a_curve_of_the_settings__is_what_counts(margin, side, way, trader, create_client):
    position = open_position(margin, create_client(), side, trader)
    pass_time(margin, 86_400)
    token = margin.tokens[side.owed(PAIR)].address
    rate = {"at_zero": "0.5", "at_kink": "0.5", "at_full": "0.5", "kink": "0.5"}
    client = create_client(rates=[{"token": token, **rate}])
    interest = client.close(way, position).expected.interest
    year = position.principal // 2
    # A day, and the seconds that this took.
    assert year * 86_400 // 31_536_000 <= interest <= year * 86_420 // 31_536_000


def test_collateral__too_much_taken_out__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    most = position.collateral
    refuses("PrincipalTooHigh", lambda: client.collateral(way, position, -most // 5))
    for amount in (most, most + 1):
        call = lambda amount=amount: client.collateral(way, position, -amount)  # noqa: E731
        refuses("AmountTooLarge", call, amount=amount, collateral=most)
    refuses("ZeroAmount", lambda: client.collateral(way, position, 0))
    refuses("InvalidInput", lambda: client.collateral(way, position, -1, pay_ether=True))


def test_collateral__within_the_threshold__only_what_lifts_the_position_out(
    margin, side, way, client, rich, refuses
):
    """What the pool would take all the same: a unit would put a liquidation off."""
    position = open_position(margin, client, side, rich)
    margin.set_price(PAIR, margin.price(PAIR) * (69 if side.is_long else 129) // 100)
    margin.do(rich, side, "mark", position)
    change = lambda amount: client.collateral(way, position, amount)  # noqa: E731
    refuses("StillLiquidatable", lambda: change(1))
    part = lambda: client.close(way, position, position.collateral // 10)  # noqa: E731
    refuses("StillLiquidatable", part)
    after = margin.after(send(margin, rich, change(position.collateral // 10)), "CollateralChanged")
    assert after.collateral == position.collateral + position.collateral // 10
    margin.do(rich, side, "unmark", after)


def test_collateral__more_than_the_trader_has__is_refused(
    margin, side, way, trader, client, refuses
):
    position = open_position(margin, client, side, trader)
    amount = margin.balance(trader, side.held(PAIR)) + 1
    call = lambda: client.collateral(way, position, amount)  # noqa: E731
    refuses("InsufficientBalance", call, needed=amount)


def test_increase__neither_money_nor_loan__is_refused(margin, side, way, trader, client, refuses):
    position = open_position(margin, client, side, trader)
    refuses("ZeroAmount", lambda: client.increase(way, position))


# ------------------------------------------------------------------------------------ the service


def test_signer__without_its_role__gives_no_quotes(margin, rich, way, create_client, refuses):
    client = create_client(signer=Account.create())
    where = (way, rich.address, *tokens(margin, PAIR), 10**18)
    refuses("SignerWithoutRole", lambda: client.open(*where, leverage=20_000), 503)
    health = client.health()
    assert (health.ok, health.has_role) == (False, False)
    assert health.reasons == ("the signer does not have its role",)


def test_chain__not_reached__gives_no_quotes(
    margin, rich, way, create_service, create_client, refuses
):
    service = create_service()
    service.quotes.chain = RpcChain("http://127.0.0.1:9")
    client = create_client(service)
    where = (way, rich.address, *tokens(margin, PAIR), 10**18)
    refuses("ChainUnreachable", lambda: client.open(*where, leverage=20_000), 503)
    refuses("ChainUnreachable", client.pairs, 503)
    health = client.health()
    assert (health.ok, health.block, health.head_age) == (False, None, None)


def test_health__of_a_service_that_works__is_well(margin, client):
    health = client.health()
    assert (health.ok, health.reasons, health.has_role) == (True, (), True)
    assert health.signer == margin.signer.address
    idle = {vault.token: vault.idle for vault in health.vaults}
    for symbol, vault in margin.lending.items():
        assert idle[margin.tokens[symbol].address] == margin.node.read((vault.address, "idle()"))[0]


def test_pairs__all_that_are_quoted__have_terms_rates_and_liquidity(margin, client):
    base, quote = tokens(margin, PAIR)
    view = next(pair for pair in client.pairs().pairs if (pair.base, pair.quote) == (base, quote))
    terms = view.terms.struct()
    assert tuple(terms) == (margin.oracles[PAIR].address, 50_000, 500, 200, 300, 0, 0, False)
    assert view.check_price == margin.price(PAIR)
    for loan, symbol in ((view.long, PREP), (view.short, WETH)):
        vault = margin.lending[symbol].address
        assert loan.vault == vault
        assert loan.rate == margin.node.read((vault, "borrowRate()"))[0] == WAD // 50
        assert loan.available == margin.node.read((vault, "idle()"))[0]
        assert (loan.utilisation, loan.max_rate) == (0, 2 * WAD)
    unpriced = next(
        p for p in client.pairs().pairs if [p.base, p.quote] == tokens(margin, UNPRICED)
    )
    assert unpriced.check_price is None
    assert unpriced.terms.oracle == ZERO_ADDRESS
