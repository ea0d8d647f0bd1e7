"""Exams: what they are scored by, their questions, their clock, what was answered, and marks."""
