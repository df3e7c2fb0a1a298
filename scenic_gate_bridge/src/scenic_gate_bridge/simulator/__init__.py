"""Simulated turnstiles, scanners and visitors.

The device models turn bytes into bytes and know no clock; ptys, faults and walkers are
put around them. For tests, demonstrations and training.
"""
