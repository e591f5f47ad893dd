"""What is inside the codes of a model: entropy, range coding, a map of latents, progression sheets."""
