"""What is built for an account, against the contracts' own structs and enums."""

import re
from pathlib import Path

import pytest
from eth_abi import decode, encode

from prep.credit import actions
from prep.credit.actions import ALL, Action, ActionKind, Condition, OrderTerms, allowed
from prep.errors import UserError

WAD = 10**18
INTERFACES = Path(__file__).parents[2] / "interfaces"
ACTIONS = "(uint8,uint256,int256,uint256,bytes)[]"
TERMS = "(uint8,uint256,bool,uint256,uint256,uint256)"
EXPIRY = 1_800_000_000
UINT = 2**256 - 1


def _members(file, header):
    """Names in braces after a header, in the interface."""
    text = (INTERFACES / file).read_text(encoding="utf-8")
    (body,) = re.findall(rf"^{header} {{(.*?)^}}", text, re.DOTALL | re.MULTILINE)
    return body


def _enum(file, name):
    return [member.strip() for member in _members(file, f"enum {name}").split(",")]


def _struct(file, name):
    return [line.strip(" ;").split() for line in _members(file, f"struct {name}").split("\n")[1:-1]]


# ------------------------------------------------------------------------------- as in the contract


def test_kinds__against_the_interface__same_names_and_numbers():
    names = _enum("ICreditManager.sol", "ActionKind")
    assert [kind.name.replace("_", "") for kind in ActionKind] == [n.upper() for n in names]
    assert [int(kind) for kind in ActionKind] == list(range(len(names)))
    conditions = _enum("IOrderBook.sol", "Condition")
    assert [c.name.replace("_", "") for c in Condition] == [n.upper() for n in conditions]
    assert [int(condition) for condition in Condition] == list(range(len(conditions)))


def test_structs__against_the_interface__same_fields_in_order():
    enums = {"ActionKind": "uint8", "Condition": "uint8"}
    fields = _struct("ICreditManager.sol", "Action")
    assert "(" + ",".join(enums.get(kind, kind) for kind, _ in fields) + ")[]" == ACTIONS
    fields = _struct("IOrderBook.sol", "OrderTerms")
    assert "(" + ",".join(enums.get(kind, kind) for kind, _ in fields) + ")" == TERMS
    names = [re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", name) for _, name in fields]
    assert names == list(OrderTerms._fields)


# ----------------------------------------------------------------------------------------- encoding

TERMS_OF_ALL = OrderTerms(Condition.AT_OR_ABOVE, 11 * WAD, True, EXPIRY, 3 * WAD, 7)
SIMPLE = [
    (actions.deposit(2, 5), (0, 2, 5, 0)),
    (actions.withdraw(2, 5), (1, 2, 5, 0)),
    (actions.withdraw(0, ALL), (1, 0, ALL, 0)),
    (actions.borrow(31, 1), (2, 31, 1, 0)),
    (actions.repay(3, ALL), (3, 3, ALL, 0)),
    (actions.trade(1, 6), (4, 1, 6, 0)),
    (actions.trade(1, -6, 9), (4, 1, -6, 9)),
    (actions.trade(0, 1 - ALL, UINT), (4, 0, 1 - ALL, UINT)),
    (actions.reduce(1, -6, 9), (5, 1, -6, 9)),
    (actions.reduce(1, ALL), (5, 1, ALL, 0)),
    (actions.add_liquidity(4, 8), (6, 0, 4, 8)),
    (actions.add_liquidity(ALL), (6, 0, ALL, 0)),
    (actions.remove_liquidity(4, 8), (7, 0, 4, 8)),
    (actions.request_redeem(ALL), (8, 0, ALL, 0)),
    (actions.cancel_request(4), (9, 0, 4, 0)),
    (actions.cancel_order(12), (11, 12, 0, 0)),
]


@pytest.mark.parametrize("action, fields", SIMPLE)
def test_encode__without_terms__fields_and_no_data(action, fields):
    assert actions.encode([action]) == [(*fields, b"")]


def test_encode__any_list__comes_back_from_the_abi():
    order = actions.place_order(1, -2 * WAD, TERMS_OF_ALL, 10 * WAD)
    listed = [action for action, _ in SIMPLE] + [order]

    (back,) = decode([ACTIONS], encode([ACTIONS], [actions.encode(listed)]))

    assert [fields[:4] for fields in back[:-1]] == [fields for _, fields in SIMPLE]
    assert back[-1][:4] == (10, 1, -2 * WAD, 10 * WAD)
    assert decode([TERMS], back[-1][4]) == ((1, 11 * WAD, True, EXPIRY, 3 * WAD, 7),)
    assert len(back[-1][4]) == 6 * 32


def test_encode__nothing__an_empty_list():
    assert actions.encode([]) == []


# ------------------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    "build, buys, sells, reduce_only",
    [
        (actions.limit_order, Condition.AT_OR_BELOW, Condition.AT_OR_ABOVE, False),
        (actions.stop_order, Condition.AT_OR_ABOVE, Condition.AT_OR_BELOW, False),
        (actions.take_profit, Condition.AT_OR_BELOW, Condition.AT_OR_ABOVE, True),
        (actions.stop_loss, Condition.AT_OR_ABOVE, Condition.AT_OR_BELOW, True),
    ],
)
@pytest.mark.parametrize("size", [3, -3])
def test_orders__by_the_sign_of_their_size__have_their_condition(
    build, buys, sells, reduce_only, size
):
    action = build(1, size, 10 * WAD, EXPIRY, keeper_fee=WAD, linked_to=4)
    condition = buys if size > 0 else sells
    limit = 10 * WAD if build is actions.limit_order else 0
    terms = OrderTerms(condition, 10 * WAD, reduce_only, EXPIRY, WAD, 4)
    assert action == Action(ActionKind.PLACE_ORDER, 1, size, limit, terms)


@pytest.mark.parametrize("reduce_only", [False, True])
def test_market_order__either_way__waits_for_no_price(reduce_only):
    action = actions.market_order(0, -3, EXPIRY, WAD, 9, reduce_only=reduce_only, linked_to=2)
    terms = OrderTerms(Condition.ALWAYS, 0, reduce_only, EXPIRY, WAD, 2)
    assert action == Action(ActionKind.PLACE_ORDER, 0, -3, 9, terms)


CONDITIONAL = (actions.stop_order, actions.take_profit, actions.stop_loss)


@pytest.mark.parametrize("build", CONDITIONAL)
@pytest.mark.parametrize("size, good, bad", [(1, 100, 99), (-1, 100, 101)])
def test_orders__limit_before_the_trigger__refused(build, size, good, bad):
    assert build(0, size, 100, EXPIRY, limit=good).limit == good
    with pytest.raises(UserError, match=rf"the limit {bad}, so not at the trigger 100$"):
        build(0, size, 100, EXPIRY, limit=bad)


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "build",
    [
        *(
            lambda amount, build=build: build(0, amount)
            for build in (actions.deposit, actions.withdraw, actions.borrow, actions.repay)
        ),
        actions.add_liquidity,
        actions.remove_liquidity,
        actions.request_redeem,
        actions.cancel_request,
    ],
)
@pytest.mark.parametrize("amount", [0, -1, ALL + 1])
def test_amounts__not_positive_or_too_large__refused(build, amount):
    with pytest.raises(UserError, match=rf": an amount of {amount} is not possible$"):
        build(amount)


@pytest.mark.parametrize("build", [actions.deposit, actions.borrow])
def test_amounts__all_of_what_has_no_end__refused(build):
    assert build(0, ALL - 1).amount == ALL - 1
    with pytest.raises(UserError, match=": needs an amount, there is no `ALL` of it"):
        build(0, ALL)


@pytest.mark.parametrize(
    "build",
    [
        actions.trade,
        actions.reduce,
        lambda market, size: actions.place_order(market, size, TERMS_OF_ALL),
        lambda market, size: actions.limit_order(market, size, WAD, EXPIRY),
    ],
)
@pytest.mark.parametrize("size", [0, -ALL, ALL + 1, -ALL - 1])
def test_sizes__zero_or_too_large__refused(build, size):
    with pytest.raises(UserError, match=rf": a size of {size} is not possible$"):
        build(0, size)


@pytest.mark.parametrize(
    "build", [actions.trade, lambda market, size: actions.place_order(market, size, TERMS_OF_ALL)]
)
def test_sizes__all_of_what_is_not_held__refused(build):
    with pytest.raises(UserError, match=f": a size of {ALL} is not possible$"):
        build(0, ALL)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda n: actions.deposit(n, 1), "deposit: id {}"),
        (lambda n: actions.trade(n, 1), "trade: id {}"),
        (lambda n: actions.trade(0, 1, n), "trade: limit {}"),
        (lambda n: actions.reduce(0, 1, n), "reduce: limit {}"),
        (lambda n: actions.add_liquidity(1, n), "add liquidity: least_shares {}"),
        (lambda n: actions.remove_liquidity(1, n), "remove liquidity: least_amount {}"),
        (actions.cancel_order, "cancel order: id {}"),
        (lambda n: actions.limit_order(0, 1, n, EXPIRY), "place order: trigger {}"),
        (lambda n: actions.market_order(0, 1, n, 1), "place order: expiry {}"),
        (lambda n: actions.market_order(0, 1, 1, n), "place order: keeper_fee {}"),
        (lambda n: actions.market_order(0, 1, 1, 1, n), "place order: limit {}"),
        (lambda n: actions.stop_loss(0, 1, 1, 1, linked_to=n), "place order: linked_to {}"),
    ],
)
@pytest.mark.parametrize("value", [-1, UINT + 1])
def test_numbers__outside_their_type__refused(build, message, value):
    with pytest.raises(UserError) as raised:
        build(value)
    expected = message.format(value) + " is negative or above 256 bits"
    assert raised.value.format_message() == expected


def test_orders__trigger_of_zero__refused():
    with pytest.raises(UserError, match="place order: a trigger of 0 is no price to wait for"):
        actions.limit_order(0, 1, 0, EXPIRY)


def test_cancel_order__zero__refused():
    with pytest.raises(UserError, match="cancel order: order 0 does not exist"):
        actions.cancel_order(0)


# ---------------------------------------------------------------------------------------- delegates


def test_allowed__kinds__one_bit_each():
    assert allowed() == 0
    assert allowed(ActionKind.DEPOSIT) == 1
    assert allowed(ActionKind.TRADE, ActionKind.REDUCE, ActionKind.TRADE) == 0b110000
    assert allowed(*ActionKind) == 2**12 - 1
