"""Chaos: one student's session while lines, processes and the store fail around it."""
