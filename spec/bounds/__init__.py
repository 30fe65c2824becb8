"""Lemmas: how far the honest algorithms of a component may land from the truth, each with its proof."""
