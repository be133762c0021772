"""A crash day on a local chain: prices, a crowd of traders, the keeper, and all the money."""
