"""Begin a model from a trained one of another width, so that a small budget need not learn again what is known.

A narrower heir takes over what lies where both are as wide: the codebooks and the attentions on the latent, which are
most of the parameters. Between these and the transforms of `onto`, a trained model of its shape, least squares fits
the two seams. Its latents are near the giver's from then on; training (`teacher`) brings them nearer.

    python -m codec.training.graft small --onto nano --data PHOTOS --out start.safetensors

A wider heir holds the giver in a corner of its weights and makes the same pictures until it is trained.

    python -m codec.training.graft small --shape base --out start.safetensors
"""
