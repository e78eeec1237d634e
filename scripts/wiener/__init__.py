"""The parts of scripts/compare_wiener.py."""
