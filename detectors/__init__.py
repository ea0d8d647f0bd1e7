"""Detectors: frames and sound in, observations out. They run in worker processes only."""
