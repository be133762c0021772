"""PrepToken: transfers and permit, the faucet, and who may mint."""

import pytest
from eth_account.messages import encode_typed_data

HOUR = 3_600
MAX_UINT256 = 2**256 - 1
ZERO_ADDRESS = "0x" + 40 * "0"

FAUCET_AMOUNT = 10_000 * 10**18


@pytest.fixture
def holder(accounts):
    return accounts[3]


@pytest.fixture
def spender(accounts):
    return accounts[4]


@pytest.fixture
def token(create_token):
    """Without a faucet."""
    return create_token()


@pytest.fixture
def faucet(create_token):
    """With one, hourly."""
    return create_token(FAUCET_AMOUNT, HOUR)


# Deployment


def test_constructor__deployed__settings_and_no_supply(faucet, authority):
    assert faucet.name() == "Prep"
    assert faucet.symbol() == "PREP"
    assert faucet.decimals() == 18
    assert faucet.totalSupply() == 0
    assert faucet.faucetAmount() == FAUCET_AMOUNT
    assert faucet.faucetInterval() == HOUR
    assert faucet.authority() == authority


# Faucet


def test_mint_faucet__first_use__gives_amount(faucet, stranger):
    tx = faucet.mint(sender=stranger)
    assert faucet.balanceOf(stranger) == FAUCET_AMOUNT
    assert faucet.totalSupply() == FAUCET_AMOUNT
    assert tx.events == [
        faucet.FaucetUsed(account=stranger, amount=FAUCET_AMOUNT, nextAt=tx.timestamp + HOUR),
        faucet.Transfer(**{"from": ZERO_ADDRESS, "to": stranger, "value": FAUCET_AMOUNT}),
    ]


@pytest.mark.parametrize("elapsed", [1, HOUR - 1])
def test_mint_faucet__before_interval_ends__reverts(faucet, stranger, chain, reverts, elapsed):
    first = faucet.mint(sender=stranger).timestamp
    chain.pending_timestamp = first + elapsed
    with reverts(faucet.FaucetTooSoon, nextAt=first + HOUR):
        faucet.mint(sender=stranger)
    assert faucet.balanceOf(stranger) == FAUCET_AMOUNT


@pytest.mark.parametrize("elapsed", [HOUR, HOUR + 1, 1000 * HOUR])
def test_mint_faucet__once_interval_ended__gives_again(faucet, stranger, chain, elapsed):
    first = faucet.mint(sender=stranger).timestamp
    chain.pending_timestamp = first + elapsed
    second = faucet.mint(sender=stranger)
    assert second.timestamp == first + elapsed
    assert faucet.balanceOf(stranger) == 2 * FAUCET_AMOUNT


def test_mint_faucet__used_again__interval_starts_anew(faucet, stranger, chain, reverts):
    first = faucet.mint(sender=stranger).timestamp
    chain.pending_timestamp = first + 10 * HOUR
    faucet.mint(sender=stranger)
    chain.pending_timestamp = first + 11 * HOUR - 1
    with reverts(faucet.FaucetTooSoon, nextAt=first + 11 * HOUR):
        faucet.mint(sender=stranger)


def test_mint_faucet__used_by_another__does_not_matter(faucet, stranger, holder):
    faucet.mint(sender=stranger)
    faucet.mint(sender=holder)
    assert faucet.balanceOf(holder) == FAUCET_AMOUNT


def test_mint_faucet__minted_to_by_minter__does_not_matter(faucet, minter, stranger):
    faucet.mint(stranger, 1, sender=minter)
    faucet.mint(sender=stranger)
    assert faucet.balanceOf(stranger) == FAUCET_AMOUNT + 1


def test_mint_faucet__switched_off__reverts(create_token, stranger, minter, reverts):
    token = create_token(0, HOUR)
    for caller in (stranger, minter):
        with reverts(token.FaucetOff):
            token.mint(sender=caller)


@pytest.mark.usefixtures("one_block")
def test_mint_faucet__no_interval__gives_within_one_block(create_token, stranger):
    token = create_token(FAUCET_AMOUNT, 0)
    first = token.mint(sender=stranger)
    second = token.mint(sender=stranger)
    assert second.timestamp == first.timestamp
    assert token.balanceOf(stranger) == 2 * FAUCET_AMOUNT


def test_mint_faucet__endless_interval__once_only(create_token, stranger, chain, reverts):
    token = create_token(FAUCET_AMOUNT, MAX_UINT256)
    tx = token.mint(sender=stranger)
    assert token.FaucetUsed(stranger, FAUCET_AMOUNT, MAX_UINT256) in tx.events
    chain.pending_timestamp = tx.timestamp + 10**9
    with reverts(token.FaucetTooSoon, nextAt=MAX_UINT256):
        token.mint(sender=stranger)


# Minter


@pytest.mark.parametrize("amount", [1, 10**30])
def test_mint__by_minter__mints(token, minter, holder, amount):
    tx = token.mint(holder, amount, sender=minter)
    assert token.balanceOf(holder) == amount
    assert token.totalSupply() == amount
    assert tx.events == [token.Transfer(**{"from": ZERO_ADDRESS, "to": holder, "value": amount})]


def test_mint__by_anyone_else__reverts(token, admin, stranger, reverts):
    for caller in (admin, stranger):
        with reverts(token.AccessManagedUnauthorized, caller=caller):
            token.mint(caller, 1, sender=caller)
    assert token.totalSupply() == 0


def test_mint__role_revoked__reverts(token, authority, admin, minter, reverts):
    authority.revokeRole(authority.MINTER(), minter, sender=admin)
    with reverts(token.AccessManagedUnauthorized, caller=minter):
        token.mint(minter, 1, sender=minter)


def test_mint__nothing__reverts(token, minter, holder, reverts):
    with reverts(token.ZeroAmount):
        token.mint(holder, 0, sender=minter)


def test_mint__to_nobody__reverts(token, minter, reverts):
    with reverts(token.ERC20InvalidReceiver, receiver=ZERO_ADDRESS):
        token.mint(ZERO_ADDRESS, 1, sender=minter)


def test_set_authority__by_anyone__reverts(token, admin, stranger, reverts):
    for caller in (admin, stranger):
        with reverts(token.AccessManagedUnauthorized, caller=caller):
            token.setAuthority(caller, sender=caller)


# Transfers


def test_transfer__within_balance__moves(token, minter, holder, stranger):
    token.mint(holder, 10, sender=minter)
    token.transfer(stranger, 10, sender=holder)
    assert token.balanceOf(holder) == 0
    assert token.balanceOf(stranger) == 10


def test_transfer__one_more_than_balance__reverts(token, minter, holder, stranger, reverts):
    token.mint(holder, 10, sender=minter)
    with reverts(token.ERC20InsufficientBalance, sender=holder, balance=10, needed=11):
        token.transfer(stranger, 11, sender=holder)


@pytest.mark.parametrize("allowance, left", [(10, 0), (11, 1), (MAX_UINT256 - 1, MAX_UINT256 - 11)])
def test_transfer_from__finite_allowance__spent(
    token, minter, holder, spender, stranger, allowance, left
):
    token.mint(holder, 10, sender=minter)
    token.approve(spender, allowance, sender=holder)
    token.transferFrom(holder, stranger, 10, sender=spender)
    assert token.balanceOf(stranger) == 10
    assert token.allowance(holder, spender) == left


def test_transfer_from__infinite_allowance__not_spent(token, minter, holder, spender, stranger):
    token.mint(holder, 10, sender=minter)
    token.approve(spender, MAX_UINT256, sender=holder)
    token.transferFrom(holder, stranger, 10, sender=spender)
    assert token.balanceOf(stranger) == 10
    assert token.allowance(holder, spender) == MAX_UINT256


def test_transfer_from__one_more_than_allowance__reverts(
    token, minter, holder, spender, stranger, reverts
):
    token.mint(holder, 10, sender=minter)
    token.approve(spender, 9, sender=holder)
    with reverts(token.ERC20InsufficientAllowance, spender=spender, allowance=9, needed=10):
        token.transferFrom(holder, stranger, 10, sender=spender)


# Permit


@pytest.fixture
def sign_permit(token, chain, holder, spender):
    """The holder's signature over a permit, in the order in which `permit` takes it."""

    def sign(value, deadline, *, signer=holder, nonce=0, **domain):
        message = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Permit": [
                    {"name": "owner", "type": "address"},
                    {"name": "spender", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "deadline", "type": "uint256"},
                ],
            },
            "primaryType": "Permit",
            "domain": {
                "name": "Prep",
                "version": "1",
                "chainId": chain.chain_id,
                "verifyingContract": token.address,
                **domain,
            },
            "message": {
                "owner": holder.address,
                "spender": spender.address,
                "value": value,
                "nonce": nonce,
                "deadline": deadline,
            },
        }
        signature = signer.sign_message(encode_typed_data(full_message=message))
        # Ape drops zeros in front.
        return signature.v, signature.r.rjust(32, b"\0"), signature.s.rjust(32, b"\0")

    return sign


@pytest.mark.parametrize("value", [0, 10, MAX_UINT256])
def test_permit__signed_by_owner__sets_allowance(
    token, holder, spender, stranger, sign_permit, value
):
    signature = sign_permit(value, MAX_UINT256)
    tx = token.permit(holder, spender, value, MAX_UINT256, *signature, sender=stranger)
    assert token.allowance(holder, spender) == value
    assert token.nonces(holder) == 1
    assert tx.events == [token.Approval(owner=holder, spender=spender, value=value)]


def test_permit__next_nonce__accepted(token, holder, spender, stranger, sign_permit):
    for nonce, value in enumerate((5, 6)):
        signature = sign_permit(value, MAX_UINT256, nonce=nonce)
        token.permit(holder, spender, value, MAX_UINT256, *signature, sender=stranger)
    assert token.allowance(holder, spender) == 6
    assert token.nonces(holder) == 2


def test_permit__at_deadline__accepted(token, holder, spender, stranger, chain, sign_permit):
    deadline = chain.pending_timestamp + HOUR
    signature = sign_permit(10, deadline)
    chain.pending_timestamp = deadline
    tx = token.permit(holder, spender, 10, deadline, *signature, sender=stranger)
    assert tx.timestamp == deadline
    assert token.allowance(holder, spender) == 10


def test_permit__after_deadline__reverts(
    token, holder, spender, stranger, chain, sign_permit, reverts
):
    deadline = chain.pending_timestamp + HOUR
    signature = sign_permit(10, deadline)
    chain.pending_timestamp = deadline + 1
    with reverts(token.ERC2612ExpiredSignature, deadline=deadline):
        token.permit(holder, spender, 10, deadline, *signature, sender=stranger)


def test_permit__signed_by_another__reverts(token, holder, spender, stranger, sign_permit, reverts):
    signature = sign_permit(10, MAX_UINT256, signer=stranger)
    with reverts(token.ERC2612InvalidSigner, signer=stranger, owner=holder):
        token.permit(holder, spender, 10, MAX_UINT256, *signature, sender=stranger)


def test_permit__used_twice__reverts(token, holder, spender, stranger, sign_permit):
    permit = (holder, spender, 10, MAX_UINT256, *sign_permit(10, MAX_UINT256))
    token.permit(*permit, sender=stranger)
    with pytest.raises(token.ERC2612InvalidSigner):
        token.permit(*permit, sender=stranger)
    assert token.nonces(holder) == 1


@pytest.mark.parametrize(
    "domain",
    [{"name": "Other"}, {"version": "2"}, {"chainId": 1}, {"verifyingContract": ZERO_ADDRESS}],
)
def test_permit__signed_for_another_domain__reverts(
    token, holder, spender, stranger, sign_permit, domain
):
    signature = sign_permit(10, MAX_UINT256, **domain)
    with pytest.raises(token.ERC2612InvalidSigner):
        token.permit(holder, spender, 10, MAX_UINT256, *signature, sender=stranger)
    assert token.allowance(holder, spender) == 0
