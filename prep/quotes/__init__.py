"""The service that prices, checks and signs requests of asset-backed positions."""
