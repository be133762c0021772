"""Attack: a token that calls back during its transfer, in place of PREP, whose transfers call
nobody.

Whatever is called from inside of a transfer either is refused or does exactly what it would have
done right after the action that moves the tokens; and every view answers as it will when that has
ended.
"""

from dataclasses import replace

import pytest
from eth_utils import keccak

from prep.node import Node
from tests.attacks.assets import dollars
from tests.suite import FULL, UNLIMITED, WAD, market_config

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]

# What moves tokens, called by the token itself.
OUTER = [
    "depositCollateral",
    "withdrawCollateral",
    "collectProtocolFees",
    "deposit",
    "deposit with minimum",
    "mint",
    "withdraw",
    "redeem",
    "redeem with minimum",
]
PROTOCOL_MOVES = OUTER[:3]
# What else changes something.
TRADES = [
    "depositCollateral",
    "withdrawCollateral",
    "openPositionWithSize",
    "increasePosition",
    "decreasePosition",
    "closePosition",
    "liquidatePosition",
    "collectProtocolFees",
]

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def hostile(project, create_suite, admin, treasury, lp, trader, other_trader):
    """The market with everything on, over the hostile token. The token itself has collateral,
    shares and a position; the trader's position is liquidatable; fees are unpaid."""
    base = create_suite(market=FULL)
    token = admin.deploy(project.HostileToken)
    requests = admin.deploy(project.TradeRequests, token)
    protocol = admin.deploy(project.Protocol, token, base.authority, False, requests)
    suite = replace(
        base,
        prep=token,
        requests=requests,
        protocol=protocol,
        vault=project.Vault.at(protocol.vault()),
        lens=admin.deploy(project.ProtocolLens, protocol),
        risk_manager=admin,
    )
    protocol.addMarket(market_config(base.oracle, FULL), sender=admin)
    protocol.setProtocolFeeRate(WAD // 10, sender=admin)
    protocol.setTreasury(treasury, sender=admin)
    suite.provide(lp, dollars(5_000_000))
    suite.open(trader, dollars(9_000), dollars(100_000), True)
    suite.open(other_trader, dollars(20_000), dollars(100_000), False)

    token.mint(token, dollars(1_000_000), sender=admin)
    for spender in (protocol, suite.vault):
        run(suite, token.approve, spender, UNLIMITED)
    run(suite, protocol.depositCollateral, dollars(20_000))
    run(suite, protocol.openPositionWithSize, dollars(50_000), True)
    run(suite, suite.vault.deposit, dollars(100_000))
    suite.set_price(9_400)
    return suite


def run(suite, method, *args):
    """As the hostile token."""
    data = method.encode_input(*args)
    return suite.prep.run(method.contract, data, sender=suite.admin)


def call_of(suite, name):
    """A method and arguments that succeed in the state of the fixture."""
    protocol, vault, token = suite.protocol, suite.vault, suite.prep
    amount, shares = dollars(1_000), 10**24
    victim_id = protocol.getNumOfOpenPositionsIds() - 2
    calls = {
        "depositCollateral": (protocol.depositCollateral, amount),
        "withdrawCollateral": (protocol.withdrawCollateral, amount),
        "openPositionWithSize": (protocol.openPositionWithSize, amount, False),
        "increasePosition": (protocol.increasePosition, amount),
        "decreasePosition": (protocol.decreasePosition, amount),
        "closePosition": (protocol.closePosition,),
        "liquidatePosition": (protocol.liquidatePosition, victim_id),
        "collectProtocolFees": (protocol.collectProtocolFees,),
        "countDeposit": (protocol.countDeposit, amount),
        "deposit": (vault.deposit, amount),
        "deposit with receiver": (vault.deposit, amount, token),
        "deposit with minimum": (vault.deposit, amount, token, 1),
        "mint": (vault.mint, shares, token),
        "withdraw": (vault.withdraw, amount),
        "withdraw with receiver": (vault.withdraw, amount, token, token),
        "redeem": (vault.redeem, shares),
        "redeem with receiver": (vault.redeem, shares, token, token),
        "redeem with minimum": (vault.redeem, shares, token, token, 1),
    }
    return calls[name]


VAULT_CALLS = [
    "deposit",
    "deposit with receiver",
    "deposit with minimum",
    "mint",
    "withdraw",
    "withdraw with receiver",
    "redeem",
    "redeem with receiver",
    "redeem with minimum",
]


def arm(suite, calls, afterwards):
    plan = [(method.contract, method.encode_input(*args)) for method, *args in calls]
    suite.prep.arm(plan, afterwards, sender=suite.admin)


def state_of(suite, node, *accounts):
    """All that is stored, balances of the token included. In one request: it is read often."""
    protocol, vault, token = (c.address for c in (suite.protocol, suite.vault, suite.prep))
    owners = [*(account.address for account in accounts), token]
    return node.read(
        *[(suite.lens.address, f"{name}(uint256)", 0) for name in ("marketState", "cashFlow")],
        *[(protocol, f"{name}()") for name in ("liquidity", "netDeposits", "protocolFees")],
        *[(protocol, f"{name}()") for name in ("getNumOfOpenPositionsIds", "getIdsNotInUse")],
        *[(protocol, "getPositionDetails(address)", owner) for owner in owners],
        *[(vault, "balanceOf(address)", owner) for owner in owners],
        (vault, "totalSupply()"),
        *[(token, "balanceOf(address)", owner) for owner in (*owners, vault, protocol)],
    )


def views_of(suite):
    """Everything about values, limits and positions that others may build upon."""
    protocol, vault, lens, token = suite.protocol, suite.vault, suite.lens, suite.prep
    return [
        *[(protocol.exposure, larger) for larger in (False, True)],
        *[(v,) for v in (protocol.liquidity, protocol.netDeposits, protocol.protocolFees)],
        *[(v, 0) for v in (lens.marketState, lens.cashFlow, lens.market)],
        (protocol.liquidityReservesToHold,),
        (protocol.getPositionDetails, token),
        (lens.position, token),
        (lens.positions, 0, 10),
        (protocol.checkPositionLeverageAndLiquidability, suite.position(token).id),
        *[(v,) for v in (vault.totalAssets, vault.totalSupply, vault.upperValue, vault.lowerValue)],
        *[(v, 10**24) for v in (vault.convertToAssets, vault.previewMint, vault.previewRedeem)],
        *[(v, WAD) for v in (vault.convertToShares, vault.previewDeposit, vault.previewWithdraw)],
        *[(v, token) for v in (vault.maxDeposit, vault.maxMint, vault.maxWithdraw)],
        *[(v, token) for v in (vault.maxRedeem, vault.balanceOf)],
    ]


during = pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])


@during
@pytest.mark.parametrize("outer", OUTER)
def test_transfer__views_during_it__as_when_it_has_ended(hostile, outer, afterwards):
    views = views_of(hostile)
    arm(hostile, views, afterwards)
    run(hostile, *call_of(hostile, outer))
    seen = hostile.prep.answers()
    assert len(seen) == len(views)
    arm(hostile, views, False)
    hostile.prep.mint(hostile.admin, 1, sender=hostile.admin)
    for (view, *args), during_it, ended in zip(views, seen, hostile.prep.answers(), strict=True):
        assert during_it.success
        assert during_it.data == ended.data, f"V1: {view} {args} shows what is not"


@during
@pytest.mark.parametrize("outer", OUTER)
def test_transfer__re_entering_guarded__refused(hostile, outer, afterwards, lp):
    """While the protocol moves tokens, everything; while the vault does, the vault's functions."""
    names = VAULT_CALLS
    if outer in PROTOCOL_MOVES:
        names = [*TRADES, "countDeposit", *VAULT_CALLS]
    arm(hostile, [call_of(hostile, name) for name in names], afterwards)
    run(hostile, *call_of(hostile, outer))
    for name, answer in zip(names, hostile.prep.answers(), strict=True):
        assert not answer.success, f"M6: {name} inside of {outer}"
        assert answer.data == REENTRANT, f"M6: {name} inside of {outer}: {answer.data.hex()}"


@during
def test_count_deposit__inside_of_a_vault_transfer__vault_only(hostile, afterwards):
    arm(hostile, [call_of(hostile, "countDeposit")], afterwards)
    run(hostile, *call_of(hostile, "withdraw"))
    (answer,) = hostile.prep.answers()
    assert not answer.success
    expected = keccak(text="NotVault(address)")[:4]
    assert answer.data == expected + bytes.fromhex(hostile.prep.address[2:]).rjust(32, b"\0"), "M2"


@during
@pytest.mark.parametrize("outer", ["deposit", "mint", "withdraw", "redeem"])
def test_transfer__trading_inside_of_vault__as_right_after_it(
    hostile, isolated, chain, outer, afterwards, lp, trader, other_trader, treasury
):
    contracts = (hostile.protocol, hostile.vault, hostile.prep, hostile.lens)
    types = [contract.contract_type for contract in contracts]
    node = Node(chain.provider.uri, *types)
    accounts = (lp, trader, other_trader, treasury)
    outer_call = call_of(hostile, outer)
    for name in TRADES:
        with isolated():
            if name.startswith("open"):
                run(hostile, hostile.protocol.closePosition)
            inner_call = call_of(hostile, name)
            with isolated():
                run(hostile, *outer_call)
                run(hostile, *inner_call)
                one_after_the_other = state_of(hostile, node, *accounts)
            arm(hostile, [inner_call], afterwards)
            run(hostile, *outer_call)
            (answer,) = hostile.prep.answers()
            assert answer.success, f"{name} inside of {outer}: {answer.data.hex()}"
            assert state_of(hostile, node, *accounts) == one_after_the_other, (
                f"M6: {name} inside of {outer} is not the same as after it"
            )
