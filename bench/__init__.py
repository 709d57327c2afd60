"""Figures of Trackway and its peers, side by side: run by `make bench`."""
