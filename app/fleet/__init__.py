"""Several machines that serve together: what they say to each other over Redis."""
