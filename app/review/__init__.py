"""What people make of flags: decisions, outcomes, the student's answer, the final word."""
