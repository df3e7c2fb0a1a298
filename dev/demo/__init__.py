"""The demo park: its data, its processes, and one walk through every part."""
