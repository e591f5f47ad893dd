"""Train a guess for a ProGIC model: what was lost, from what is held (see `codec.progic.extras.guess`).

    python -m codec.training.guess --data PHOTOS --out runs/guess [--photos 2400] [--warm-steps 600] [--steps 400]

Two lessons. First on indices alone, which are cheap: each photo's crop is coded once, holes are drawn anew each step,
and the network learns the sum of the codewords that are lost (mean square). Then through the decoder, which stays as it
is but for its modulation in guessed pictures: LPIPS and L1 to the photo itself, on small crops. The model's encoder and
codebooks never change, and so neither does what is sent. Before both, words for hints are found, see
`codec.progic.extras.hints`.
"""
