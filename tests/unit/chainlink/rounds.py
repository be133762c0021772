"""What the tests of the adapter to feeds have in common."""

from eth_abi import encode

HOUR = 3_600
DAY = 24 * HOUR
GRACE = HOUR
UP, DOWN = 0, 1
"""Answers of an uptime feed."""


def returning(words) -> bytes:
    """Code that answers the five words of a round: also such as a mock cannot store."""
    data = encode(["uint256", "int256", "uint256", "uint256", "uint256"], words)
    code = b""
    for offset in range(0, len(data), 32):
        # PUSH32 word, PUSH1 offset, MSTORE
        code += b"\x7f" + data[offset : offset + 32] + bytes([0x60, offset, 0x52])
    # PUSH1 length, PUSH0, RETURN
    return code + bytes([0x60, len(data), 0x5F, 0xF3])
