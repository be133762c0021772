"""The storage layout: what an action reads and writes is in as few words as it can be."""

from tests.unit.lending.reference import DAY, WAD

FIRST = 6
"""Before it: five words of the ERC-20, one of access management."""


def packed(*fields: tuple[int, int]) -> int:
    """Values with their sizes in bytes, the lowest first; no more than a word."""
    word, offset = 0, 0
    for value, size in fields:
        assert value < 256**size
        word |= value << 8 * offset
        offset += size
    assert offset <= 32
    return word


def test_storage__every_field_in_use__five_words(bench18):
    bench, r = bench18, bench18.reference
    bench.do("risk_manager", "set_reserve_share", WAD // 7)
    bench.do("manager", "borrow", 10**20 + 7, "manager")
    bench.do("pool", "borrow", 10**19 + 3, "pool")
    bench.wait(DAY)
    bench.do("pool", "record_interest", 10**17 + 1)
    expected = [
        packed((r.index, 16), (r.idle, 16)),
        packed(
            (r.reserves, 16), (r.now, 5), (r.until, 5), (r.until - r.since, 3), *2 * [(True, 1)]
        ),
        packed((r.debt_shares, 16), (r.share, 8), (r.period, 3)),
        packed((r.quoted, 16), (r.locked, 16)),
        packed(*((value, 8) for value in r.curve)),
    ]
    slots = range(FIRST, FIRST + len(expected))
    words = bench.node.batch(
        ("eth_getStorageAt", (bench.vault, hex(slot), "latest")) for slot in slots
    )
    assert [int(word, 16) for word in words] == expected
