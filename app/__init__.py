"""The Candor server."""
