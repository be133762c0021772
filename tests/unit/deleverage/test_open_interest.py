"""Deleverager.deleverage while a side exceeds its open-interest cap, alone or below the target."""

import pytest

from prep.model import Rejected
from tests.agreement import rejected
from tests.margin import ACCOUNT, ISOLATED, PLAIN, SIX, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

MOST = UNLIMITED
NOTHING = "NothingToDeleverage"


@every_market
@both_sides
@pytest.mark.parametrize("gain", [200, -50], ids=["gain", "loss"])
def test_deleverage__side_above_cap__at_most_the_excess(desk, winners, cap, market, is_long, gain):
    """Winners and losers alike; what a loser owes is pulled after the client was told."""
    winners(market, is_long, gain)
    held = desk.position(market).size
    excess = abs(held) // 3
    cap(market, is_long, excess)
    done = desk.deleverage(market, excess // 4)
    assert done.size == sign(is_long) * (excess // 4)
    assert (done.settlement > 0) == (gain > 0)
    desk.wait(1)
    done = desk.deleverage(market, MOST)
    assert abs(done.size) == excess - excess // 4
    assert desk.position(market).size == held - sign(is_long) * excess
    desk.wait(1)
    ratio = desk.model.collateralization_ratio()
    with rejected(NOTHING, ratio, 0):
        desk.deleverage(market, MOST)


@every_market
@both_sides
def test_deleverage__excess_of_one_base_unit__exactly_that_and_none_at_the_cap(
    desk, winners, cap, market, is_long
):
    winners(market, is_long)
    cap(market, is_long, 0)
    ratio = desk.model.collateralization_ratio()
    with rejected(NOTHING, ratio, 0):
        desk.deleverage(market, MOST)
    m = desk.model.markets[market]
    size = m.long_oi if is_long else m.short_oi
    value = size * desk.price(market) // WAD
    name = "maxLongOIValue" if is_long else "maxShortOIValue"
    desk.configure(market, **{name: value - 1})
    desk.wait(1)
    done = desk.deleverage(market, MOST)
    # The fewest units whose closing brings the value, rounded down, to the cap.
    most = (value * WAD - 1) // desk.price(market)
    assert abs(done.size) == size - most
    assert (size - abs(done.size)) * desk.price(market) // WAD <= value - 1
    assert (size - abs(done.size) + 1) * desk.price(market) // WAD > value - 1


@both_sides
def test_deleverage__value_of_a_side_is_a_fraction__rounded_down_before_it_is_compared(
    desk, winners, cap, is_long
):
    """At a price with a last digit a side is worth a little more than its cap, which counts as the
    cap: nothing of it is too much, and one base unit where it has one more."""
    winners(PLAIN, is_long)
    desk.set_price(PLAIN, desk.price(PLAIN) + 1)
    m = desk.model.markets[PLAIN]
    size = m.long_oi if is_long else m.short_oi
    assert size * desk.price(PLAIN) % WAD
    cap(PLAIN, is_long, 0)
    with rejected(NOTHING, desk.model.collateralization_ratio(), 0):
        desk.deleverage(PLAIN, MOST)
    cap(PLAIN, is_long, 1)
    assert abs(desk.deleverage(PLAIN, MOST).size) == 1


@every_market
@both_sides
def test_deleverage__the_other_side_above_its_cap__nothing_to_deleverage(
    desk, winners, cap, market, is_long
):
    winners(market, is_long)
    desk.order(market, -sign(is_long) * desk.units(market, 40_000), account=2)
    desk.configure(market, **{"maxShortOIValue" if is_long else "maxLongOIValue": 0})
    desk.wait(1)
    ratio = desk.model.collateralization_ratio()
    with rejected(NOTHING, ratio, 0):
        desk.deleverage(market, MOST)
    desk.deleverage(market, MOST, account=2)


@every_market
@both_sides
def test_deleverage__excess_larger_than_the_position__all_of_it(
    desk, winners, cap, market, is_long
):
    winners(market, is_long)
    cap(market, is_long, desk.units(market, 500_000))
    size = desk.position(market, 1).size
    assert desk.deleverage(market, MOST, account=1).size == size


@every_market
@both_sides
@pytest.mark.parametrize("beyond", [0, 1])
def test_deleverage__too_little_left__the_whole_only_if_asked_for(
    desk, winners, cap, market, is_long, beyond
):
    """P6's minimum does not keep a side above its cap."""
    winners(market, is_long)
    size, price = abs(desk.position(market).size), desk.price(market)
    desk.configure(market, minPositionValue=1_000 * WAD)
    few = -(-1_000 * WAD * WAD // price) - 1
    value = few * price // WAD
    cap(market, is_long, size - few)
    if beyond == 0:
        with rejected("PositionTooSmall", value, 1_000 * WAD):
            desk.deleverage(market, size - 1)
    done = desk.deleverage(market, size if beyond == 0 else MOST)
    assert abs(done.size) == size


@every_market
@both_sides
def test_deleverage__just_enough_left__only_the_excess(desk, winners, cap, market, is_long):
    winners(market, is_long)
    size, price = abs(desk.position(market).size), desk.price(market)
    desk.configure(market, minPositionValue=1_000 * WAD)
    few = -(-1_000 * WAD * WAD // price)
    cap(market, is_long, size - few)
    done = desk.deleverage(market, MOST)
    assert abs(done.size) == size - few


@both_sides
def test_deleverage__nothing_settled__client_told_and_no_token_moves(desk, cap, is_long):
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, sign(is_long) * desk.units(PLAIN, 50_000))
    cap(PLAIN, is_long, desk.units(PLAIN, 10_000))
    assert desk.deleverage(PLAIN, MOST).settlement == 0


@both_sides
def test_deleverage__client_cannot_pay__refused(desk, winners, cap, is_long):
    """Its allowance is gone when it is to pay."""
    winners(PLAIN, is_long, -50)
    cap(PLAIN, is_long, 10**8)
    prep = desk.suite.prep.address
    desk.node.rpc("anvil_impersonateAccount", desk.client)
    approve = (desk.client, prep, "approve(address,uint256)", desk.protocol)
    desk.send((*approve, 0))
    held = desk.position(PLAIN)
    order = desk.client, ACCOUNT, PLAIN, -sign(is_long) * 10**8
    loss = -desk.model.preview_order(*order).settlement
    signature = "deleverage(address,uint256,uint256,uint256)"
    call = (desk.stage.lp, desk.suite.deleverager.address, signature, desk.client, ACCOUNT)
    seen = desk.refusal(*call, PLAIN, MOST)
    assert seen == ("ERC20InsufficientAllowance", desk.protocol.lower(), 0, loss)
    desk.agree()
    assert desk.position(PLAIN) == held
    desk.send((*approve, loss))
    assert desk.deleverage(PLAIN, MOST).settlement == -loss


# Isolated positions


@both_sides
@pytest.mark.parametrize("gain", [200, -20], ids=["gain", "loss"])
def test_deleverage__traders_side_above_cap__at_most_the_excess_out_of_collateral(
    desk, isolated_winners, cap, trader, is_long, gain
):
    isolated_winners(is_long, gain)
    before = desk.model.position(trader.address)
    excess = abs(before.size) // 3
    cap(ISOLATED, is_long, excess)
    done = desk.deleverage_trader(trader, MOST)
    assert abs(done.size) == excess
    assert (done.settlement > 0) == (gain > 0)
    after = desk.suite.position(trader)
    assert after.collateral == before.collateral + done.settlement


@both_sides
def test_deleverage__margin_and_isolated_positions__share_the_side(
    desk, isolated_winners, cap, trader, is_long
):
    isolated_winners(is_long)
    desk.order(ISOLATED, sign(is_long) * desk.units(ISOLATED, 20_000))
    cap(ISOLATED, is_long, desk.units(ISOLATED, 30_000))
    desk.deleverage(ISOLATED, MOST)
    desk.wait(1)
    done = desk.deleverage_trader(trader, MOST)
    assert desk.position(ISOLATED).size == 0
    assert 0 < abs(done.size) < desk.units(ISOLATED, 20_000)


@both_sides
def test_deleverage__loss_beyond_collateral__part_refused_and_whole_leaves_bad_debt(
    desk, isolated_winners, cap, trader, is_long
):
    isolated_winners(is_long, -300)
    position = desk.model.position(trader.address)
    cap(ISOLATED, is_long, abs(position.size) * 9 // 10)
    part = abs(position.size) * 8 // 10
    view = desk.suite.lens.position(trader)
    assert sum(view.unrealised) * 8 // 10 < -position.collateral
    desk.configure(ISOLATED, minPositionValue=10 * WAD)
    desk.wait(1)
    with pytest.raises(Rejected) as refused:
        desk.deleverage_trader(trader, part)
    assert refused.value.name == "InsufficientCollateral"
    assert refused.value.args[0] == position.collateral < refused.value.args[1]
    desk.configure(ISOLATED, minPositionValue=200_000 * WAD)
    desk.wait(1)
    bad_debt = desk.model.cash_flow(ISOLATED).bad_debt
    done = desk.deleverage_trader(trader, MOST)
    assert done.size == position.size
    assert desk.suite.position(trader).collateral == 0
    assert desk.model.cash_flow(ISOLATED).bad_debt < bad_debt


# Both at once


@pytest.fixture
def pressed(desk, winners, cap):
    """Below the target, with a loser (account 3) in another market whose side is above its cap."""

    def press(is_long: bool) -> int:
        """The excess."""
        s = sign(is_long)
        winners(PLAIN, is_long)
        desk.order(SIX, s * desk.units(SIX, 50_000), account=3)
        desk.move_price(SIX, -s * 20)
        desk.configure_vault(10 * WAD)
        excess = desk.units(SIX, 20_000)
        cap(SIX, is_long, excess)
        return excess

    return press


@both_sides
@pytest.mark.parametrize("beyond", [0, 1], ids=["excess", "one-more"])
def test_deleverage__below_target_and_above_cap__losers_up_to_the_excess(
    desk, pressed, is_long, beyond
):
    """Closing a loser takes from what the vault is owed: here it lowers a ratio above one."""
    excess = pressed(is_long)
    size = -sign(is_long) * (excess + beyond)
    loss = desk.model.preview_order(desk.client, 3, SIX, size).settlement
    assert loss < 0
    before = desk.model.collateralization_ratio()
    if beyond:
        with rejected("SettlementNotPositive", loss):
            desk.deleverage(SIX, excess + beyond, account=3)
    else:
        after = ratio_after(desk, SIX, 3, size)
        assert after < before
        with rejected("RatioWorsened", before, after, 10 * WAD):
            desk.deleverage(SIX, excess, account=3)


@both_sides
def test_deleverage__below_target_and_above_cap__winners_in_any_size(desk, winners, cap, is_long):
    winners(SIX, is_long)
    desk.configure_vault(10 * WAD)
    cap(SIX, is_long, 1)
    size = desk.position(SIX).size
    assert desk.deleverage(SIX, abs(size) // 2).size == sign(is_long) * (abs(size) // 2)


@both_sides
@pytest.mark.parametrize("below", [0, 1], ids=["at-target", "one-below"])
def test_deleverage__loser_closed__ratio_may_fall_to_the_target_and_no_further(
    desk, winners, cap, is_long, below
):
    """R1. The target is set to what the ratio will be."""
    s = sign(is_long)
    winners(PLAIN, is_long)
    desk.order(SIX, s * desk.units(SIX, 50_000), account=3)
    desk.move_price(SIX, -s * 20)
    cap(SIX, is_long, desk.units(SIX, 20_000))
    before = desk.model.collateralization_ratio()
    after = ratio_after(desk, SIX, 3, -s * desk.units(SIX, 20_000))
    assert after < before
    desk.configure_vault(after + below)
    if below:
        with rejected("RatioWorsened", before, after, after + 1):
            desk.deleverage(SIX, MOST, account=3)
    else:
        done = desk.deleverage(SIX, MOST, account=3)
        assert (done.ratio_before, done.ratio_after) == (before, after)


def ratio_after(desk, market: int, account: int, size: int) -> int:
    """The ratio that an order will leave, by the contracts."""
    snapshot = desk.node.rpc("evm_snapshot")
    signature = "executeOrder(uint256,uint256,int256,bool)"
    desk.suite_send(desk.client, signature, account, market, size, True)
    ratio = desk.suite.lens.vault().collateralizationRatio
    desk.node.undo(snapshot)
    return ratio


@both_sides
def test_deleverage__loser_closed_below_one__ratio_rises(desk, pressed, is_long):
    """Below one what a loser pays is worth more than the debt that he offset."""
    s, excess = sign(is_long), pressed(is_long)
    desk.order(PLAIN, s * desk.units(PLAIN, 4_000_000), account=4)
    desk.move_price(PLAIN, s * 700)
    done = desk.deleverage(SIX, excess, account=3)
    assert done.settlement < 0
    assert done.ratio_before < done.ratio_after < WAD
