"""Deployment: parameters in, addresses out."""
