"""Tools around the Prep contracts."""
