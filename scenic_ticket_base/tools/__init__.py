"""Rules that need no model: codes, splits, the key file, what to ask for first."""
