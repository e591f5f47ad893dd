"""Shipped ProGIC weights: one safetensors file and one model card each; `codec.progic.shape` reads them."""
