"""What proctors do to a running session, what its student says, and the receipts."""
