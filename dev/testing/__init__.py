"""Runs every test of the suite and adds up the figures."""
