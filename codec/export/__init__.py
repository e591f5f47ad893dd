"""ProGIC for other runtimes: its encoder and decoder as ONNX graphs or TorchScript, and an engine on ONNX Runtime.

Encoder: `picture` float32[1, 3, H, W] in -1 to 1, sides multiples of f -> `indices` int64[1, N, H/f, W/f].
Decoder: `indices` int64[1, N, h, w], -1 where a cell never arrived -> `picture` float32[1, 3, f*h, f*w], about -1 to 1.
H, W, h and w are free. Mirroring out to multiples of f, cropping, clamping and rounding to bytes are the caller's, as
`codec.progic.codec` does them; payloads are cut by `codec.progic.layout`.
"""
