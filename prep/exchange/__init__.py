"""Uniswap v3: its contracts, pools and prices, calls of its router, and what a swap would bring.

Amounts are base units of their token. Fees of pools are millionths. A price of a pool is its
`sqrtPriceX96`: the square root of base units of token 1 per base unit of token 0, times 2**96;
token 0 is the one with the lower address.
"""
