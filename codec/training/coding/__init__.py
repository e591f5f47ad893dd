"""Learn the tables of `codec/progic/coding/contexts.py`, by which progic-full codes the indices of a ProGIC model.

First photos are coded, which takes most of the time, and their indices kept in the cache folder; then each stage's
tables are learned as floats, a small network that guesses a codeword from those near it, and rounded. They end beside
the weights, as `NAME.coding.npz`, and are for all weights with the same codebooks. Never learn from photos that you
measure by.

    python -m codec.training.coding PHOTOS [PHOTOS ...] --model small [--minutes 20] [--cache runs/coding] [--out FILE]

Half of the batches are of whole stages, the others of stages dealt over several payloads, where neighbours are apart.
"""
