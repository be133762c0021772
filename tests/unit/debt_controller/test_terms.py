"""Reading a pair's terms, and in how few words they are."""

from eth_utils import keccak

from tests.unit.debt_controller.terms import LIMITED, MAX_128

PAIRS = 1
"""The word of the mapping; before it one of access management."""


def test_terms__not_listed_or_reversed__refused(controller, set_pair, reverts, base, quote):
    with reverts(controller.PairNotListed, base=base, quote=quote):
        controller.terms(base, quote)
    set_pair(LIMITED)
    with reverts(controller.PairNotListed, base=quote, quote=base):
        controller.terms(quote, base)


def test_storage__every_field_in_use__two_words(controller, set_pair, oracle, base, quote):
    first = _slot(base, quote)
    low = LIMITED.but(max_leverage=99_999, maintenance_margin=333, liquidation_fee=332)
    set_pair(low.but(long_limit=MAX_128, short_limit=MAX_128 - 1, disabled=True))
    assert _word(controller, first) == _packed(0, 99_999, 333, 332, 0, disabled=True)
    assert _word(controller, first + 1) == MAX_128 | (MAX_128 - 1) << 128
    assert _word(controller, first + 2) == 0

    set_pair(low.checked(oracle, 222))
    address = int(oracle.address, 16)
    assert _word(controller, first) == _packed(address, 99_999, 333, 332, 222, disabled=False)
    assert _word(controller, first + 1) == 0


def test_terms__with_a_check_price__one_word_read(controller, set_pair, oracle, base, quote):
    """Cold, a second word would cost 2,100."""
    set_pair(LIMITED.checked(oracle))
    checked = _words_read(controller, base, quote)
    set_pair(LIMITED)
    limited = _words_read(controller, base, quote)
    first = _slot(base, quote)
    assert (checked, limited) == ({first}, {first, first + 1})


def _slot(base: str, quote: str) -> int:
    outer = keccak(int(base, 16).to_bytes(32) + PAIRS.to_bytes(32))
    return int.from_bytes(keccak(int(quote, 16).to_bytes(32) + outer))


def _word(controller, slot: int) -> int:
    args = [controller.address, hex(slot), "latest"]
    return int(controller.provider.make_request("eth_getStorageAt", args), 16)


def _packed(
    oracle: int, leverage: int, margin: int, fee: int, deviation: int, *, disabled: bool
) -> int:
    """20 + 3 + 2 + 2 + 2 bytes, listed, disabled."""
    word = oracle | leverage << 160 | margin << 184 | fee << 200 | deviation << 216
    return word | 1 << 232 | int(disabled) << 240


def _words_read(controller, base: str, quote: str) -> set[int]:
    data = controller.terms.encode_input(base, quote)
    call = {"to": controller.address, "data": data.hex()}
    trace = controller.provider.make_request("debug_traceCall", [call, "latest", {}])
    return {int(s["stack"][-1], 16) for s in trace["structLogs"] if s["op"] == "SLOAD"}
