"""Who claims to implement the components: our NumPy, PyTorch and JAX code, and the door through which anybody's comes in."""
