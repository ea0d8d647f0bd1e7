"""The audit: who did what, in a chain that shows every change."""
