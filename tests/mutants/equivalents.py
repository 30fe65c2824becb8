"""Slips that change nothing, or nothing that honest code may not change too: each with the reason."""

from __future__ import annotations

AS_LONG = "both are as long as there are layers: masks_of_layers refuses anything else"
EQUIVALENT: dict[str, str] = {
    "numpy dropout.drawn: np.random.default_rng(seed).random(shape) >= rate -> "
    "np.random.default_rng(seed).random(shape) > rate": (
        "differs only where the generator draws the rate itself, one of 2^53 numbers"
    ),
    "numpy cached_attention.Buffer.append: 2 * end -> 3 * end": (
        "how much room is reserved: a choice of memory, not of answers; rows that are not written are never read"
    ),
    "numpy relu.relu_vjp: x > 0.0 -> x >= 0.0": (
        "at 0 relu has a kink, and honest code takes the derivative of either side"
    ),
    "numpy silu.sigmoid: x >= 0.0 -> x > 0.0": "at 0 both branches are 1/2 to the last bit",
    "numpy encoder.encoder: zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=True) -> "
    "zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=False)": AS_LONG,
    "numpy encoder.encoder_vjp: zip(params['layers'], masks, strict=True) -> "
    "zip(params['layers'], masks, strict=False)": AS_LONG,
    "numpy clip_by_global_norm.clip_by_global_norm: np.errstate(divide='ignore') -> np.errstate()": (
        "whether NumPy warns of a division by 0; the answer is the same, and warnings of honest code are no fault"
    ),
    "numpy decoder.decoder: zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=True) -> "
    "zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=False)": AS_LONG,
    "torch sinusoidal_positions.sinusoidal_positions: torch.empty(0, dtype=torch.float32, device='cpu') -> "
    "torch.empty(0, dtype=torch.float32)": (
        "differs only where the user has set another default device, and there it is one of two fair answers"
    ),
    "torch sinusoidal_positions.sinusoidal_positions: torch.empty(0, dtype=torch.float32, device='cpu') -> "
    "torch.empty(1, dtype=torch.float32, device='cpu')": ("only the dtype and the device of this tensor are read"),
    "torch encoder.encoder: zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=True) -> "
    "zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=False)": AS_LONG,
    "torch decoder.decoder: zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=True) -> "
    "zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=False)": AS_LONG,
    "torch decoder.decoder: zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])), strict=True) -> "
    "zip(params['layers'], domain.masks_of_layers(keep, len(params['layers'])))": AS_LONG,
    "torch alibi.alibi: torch.empty(0, dtype=torch.float32, device='cpu') -> "
    "torch.empty(1, dtype=torch.float32, device='cpu')": "only the dtype and the device of this tensor are read",
}
"""The slip's name -> why no law can find it."""
