"""Mel spectrograms in numpy, as the voice encoder was trained on.

The numbers are those of `librosa.feature.melspectrogram(sr=16000, n_fft=400, hop_length=160,
n_mels=40)`: power, Hann window, Slaney's scale and area normalisation, no logarithm.
"""

from __future__ import annotations

import numpy as np

from detectors.arrays import Floats

SAMPLE_RATE = 16_000
BANDS = 40
FRAME = 400
HOP = 160


def _mel_to_hz(mel: Floats) -> Floats:
    """Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    linear = mel * (200.0 / 3)
    logarithmic = 1000.0 * np.exp((mel - 15.0) * (np.log(6.4) / 27.0))
    return np.where(mel < 15.0, linear, logarithmic)


def _filters() -> Floats:
    highest_mel = 15.0 + np.log(SAMPLE_RATE / 2 / 1000.0) * 27.0 / np.log(6.4)
    edges = _mel_to_hz(np.linspace(0.0, highest_mel, BANDS + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FRAME // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None], np.float32)


_FILTERS = _filters()
_WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)


def mel_spectrogram(samples: Floats) -> Floats:
    """Power per band, float32 (n // 160, 40), of float32 (n,) samples at 16 kHz, -1 to 1."""
    padded = np.pad(samples, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: samples.size // HOP]
    spectrum = np.fft.rfft(frames * _WINDOW)
    power = spectrum.real**2 + spectrum.imag**2
    return power.astype(np.float32) @ _FILTERS.T


def at_level(samples: Floats, dbfs: float = -30.0) -> Floats:
    """The samples scaled to that mean level; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(samples)))) if samples.size else 0.0
    return samples if rms < 1e-6 else samples * np.float32(10 ** (dbfs / 20) / rms)


def without_floor(mel: Floats) -> Floats:
    """The spectrogram less its steady part, per band: hum, fans and hiss do not belong to a voice.

    The floor is what a fifth of the frames stay under (minimum statistics, Martin 2001), taken
    off one and a half times.
    """
    floor = np.percentile(mel, 20, axis=0)
    return np.asarray(np.maximum(mel - 1.5 * floor, 0), np.float32)
