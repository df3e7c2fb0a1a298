"""Readers: whatever a visitor's code comes in by."""
