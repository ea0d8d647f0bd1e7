"""Pure scoring: observations and events in, explained violations and intervals out.

Imports only the standard library; time is always an argument.
"""
