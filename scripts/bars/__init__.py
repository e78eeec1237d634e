"""The parts of scripts/measure_bars.py."""
