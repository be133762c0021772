"""Risk verification: one list of actions through the reference model and through the contracts,
compared to the last digit. docs/replay.md."""
