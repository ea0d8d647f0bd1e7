"""What a session amounts to under another policy, and reports a person can hand over."""
