"""Sends the server what no client would: REST by its own document, sockets by hand."""
