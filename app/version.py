"""The version of this program."""

PRODUCT = "Candor"
VERSION = "0.1.0"
