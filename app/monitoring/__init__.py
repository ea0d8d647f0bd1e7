"""Scoring every running session and showing it."""
