"""How right the detectors are, measured on a folder of labelled media."""
