"""Linters of our own, and what the bought ones need to run."""
