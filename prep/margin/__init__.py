"""Asset-backed positions off the chain: their data, what is signed, why pools refuse."""
