"""Who signs requests."""

from eth_account import Account

from prep.connect import load_account
from prep.errors import UserError
from prep.margin.typed import Signer
from prep.quotes.config import KEY, secret


def load_signer(alias: str | None) -> Signer:
    """An account of Ape by its alias, else the key of the environment. Raises `UserError` without
    showing anything of a key. Needs a connection."""
    key = secret(KEY)
    if alias is not None:
        if key is not None:
            raise UserError(f"two signers: --account and {KEY}; give one of them")
        return load_account(alias)
    if key is None:
        raise UserError(f"nobody signs: name an account with --account or put a key into {KEY}")
    try:
        signer: Signer = Account.from_key(key.get_secret_value())
    except Exception:
        # Of many kinds, and any of them may show the key.
        raise UserError(f"what {KEY} holds is no private key") from None
    return signer
