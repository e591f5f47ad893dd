"""Fakes of learned rivals' projects, for `test_learned.py`: what their adapters call, and no more."""

CORE = """
import numpy, torch
from pathlib import Path
def pack(picture):
    return (picture.float() * 255).round().byte().cpu().numpy().tobytes()
def unpack(data, height, width):
    pixels = torch.from_numpy(numpy.frombuffer(data, numpy.uint8).copy())
    return pixels.view(1, 3, height, width).float() / 255
class Model(torch.nn.Module):
    ready = False
    def update(self, *args, **kwargs):
        self.ready = True
    def load_state_dict(self, state, strict=True):
        assert state == {}
"""

HYPERPRIOR = """
class Hyperprior(Model):
    def compress(self, x):
        assert self.ready and x.shape[2] % 64 == 0 and x.shape[3] % 64 == 0
        listed = (lambda s: [s]) if self.batched else (lambda s: s)
        return {"strings": [listed(pack(x)), listed(b"z" * 200)], "shape": (x.shape[2] // 64, x.shape[3] // 64)}
    def decompress(self, strings, shape):
        first, second = (s[0] for s in strings) if self.batched else strings
        assert self.ready and second == b"z" * 200
        return {"x_hat": unpack(first, shape[0] * 64, shape[1] * 64)}
"""

FAKES = {
    "compressai_zoo": {
        "torchvision.py": "",
        "compressai/__init__.py": "",
        "compressai/zoo.py": "from core import *\n" + HYPERPRIOR + "Hyperprior.batched = True\n"
        "def make(quality, metric, pretrained):\n"
        "    assert (quality, metric, pretrained) == (1, 'mse', True)\n    return Hyperprior()\n"
        "image_models = {'cheng2020-anchor': make}\n",
    },
    "lic_hpcm": {
        "src/__init__.py": "",
        "src/models/__init__.py": "",
        "src/models/HPCM_Base.py": "from core import *\n"
        + HYPERPRIOR
        + "Hyperprior.batched = False\nHPCM = Hyperprior\n",
    },
    "msillm": {
        "neuralcompression/__init__.py": "from collections import namedtuple\nHyperpriorCompressedOutput = namedtuple("
        "'H', 'latent_strings hyper_latent_strings image_size padded_size')\n",
        "neuralcompression/models.py": """
from core import *
from neuralcompression import HyperpriorCompressedOutput as Output
class HiFiCAutoencoder(Model):
    def update_tensor_devices(self, target_operation):
        assert target_operation == "compress"
    def compress(self, image, force_cpu=True):
        size = tuple(image.shape[2:])
        assert self.ready and not force_cpu
        return Output([pack(image)], [b"z" * 200], size, size)
    def decompress(self, made, force_cpu=True):
        assert made.hyper_latent_strings == [b"z" * 200]
        return unpack(made.latent_strings[0], *made.padded_size)
""",
    },
    "dcvc_rt": {
        "src/__init__.py": "",
        "src/models/__init__.py": "",
        "src/utils/__init__.py": "",
        "src/utils/common.py": "def get_state_dict(path):\n    assert path.endswith('weights')\n    return {}\n",
        "src/utils/transforms.py": "rgb2ycbcr = ycbcr2rgb = lambda x: x\n",
        "src/models/image_model.py": """
from core import *
class DMCI(Model):
    def set_use_two_entropy_coders(self, two):
        assert two is False
    def compress(self, x, qp):
        assert self.ready and qp == 0 and x.dtype == torch.float16
        return {"bit_stream": pack(x), "x_hat": x}
    def decompress(self, stream, sps, qp):
        assert (sps["ec_part"], qp) == (0, 0)
        return {"x_hat": unpack(stream, sps["height"], sps["width"])}
""",
    },
    "hific": {
        "default_config.py": "class ModelModes:\n    EVALUATION = 'evaluation'\n",
        "src/__init__.py": "",
        "src/helpers/__init__.py": "",
        "src/compression/__init__.py": "",
        "src/compression/compression_utils.py": """
from core import *
def save_compressed_format(made, out_path):
    Path(out_path).write_bytes(made)
def load_compressed_format(path):
    return Path(path).read_bytes()
""",
        "src/helpers/utils.py": """
from core import *
from types import SimpleNamespace as Space
class HiFiC(Model):
    args = Space(normalize_input_image=True)
    Hyperprior = Space(hyperprior_entropy_model=Space(build_tables=lambda: None))
    def compress(self, x):
        assert x.min() < -0.5
        return bytes([x.shape[2] // 64, x.shape[3] // 64]) + pack((x + 1) / 2)
    def decompress(self, data):
        return unpack(data[2:], data[0] * 64, data[1] * 64)
def load_model(path, logger, device, model_mode, current_args_d, prediction, strict):
    assert path.endswith("hific_low.pt") and model_mode == "evaluation"
    return None, HiFiC(), None
""",
    },
    "diffeic": {
        "omegaconf.py": "class OmegaConf:\n    load = staticmethod(lambda path: path)\n",
        "utils/__init__.py": "",
        "model/__init__.py": "",
        "utils/common.py": """
from core import *
class Diffusion(Model):
    device = torch.device("cpu")
    def __init__(self):
        super().__init__()
        self.preprocess_model = Model()
    def freeze(self):
        pass
    def apply_condition_compress(self, picture, path, height, width):
        Path(path).write_bytes(pack(picture))
    def apply_condition_decompress(self, path):
        return Path(path).read_bytes()
    def get_learned_conditioning(self, texts):
        return texts
    def decode_first_stage(self, sampled):
        data, shape = sampled
        return unpack(data, shape[2] * 8, shape[3] * 8) * 2 - 1
def instantiate_from_config(path):
    assert path.name == "diffeic.yaml"
    return Diffusion()
def load_state_dict(model, state, strict):
    assert state == {} and strict
""",
        "model/spaced_sampler.py": """
class SpacedSampler:
    def __init__(self, model, var_type):
        pass
    def sample(self, steps, shape, told, unconditional_guidance_scale, unconditional_conditioning, cond_fn, x_T):
        assert steps == 50 and tuple(x_T.shape) == shape and told["c_crossattn"] == [[""]]
        return told["c_latent"][0], shape
""",
    },
    "oscar": {  # one index a pixel, of 24 bits, and a latent of three channels
        "utils/__init__.py": "",
        "utils/rate_config.py": "rate_cfg = {0.0019: (512, 1 << 24)}\n",
        "diffusion/oscar.py": """
from core import *
from types import SimpleNamespace as Space
PLACES = torch.tensor([1 << 16, 1 << 8, 1])
class Quantizer:
    def __call__(self, cells):
        assert cells.dim() == 3 and cells.shape[2] == 3
        return None, ((cells / 0.5 * 127.5 + 127.5).round().long() * PLACES).sum(2), None
    def get_output_from_indices(self, indices):
        return ((indices[..., None] // PLACES % 256).float() / 127.5 - 1) * 0.5
class Codebook:
    quantizer = Quantizer()
    def backbone(self, latent):
        return latent
    def proj(self, latent):
        return latent * 0.1
class OSCAR(Model):
    bpps, timesteps = [0.0019], torch.tensor([500])
    def __init__(self, args):
        super().__init__()
        assert args.pretrained_model_name_or_path.endswith("stable-diffusion-2-1") and args.lora_rank == 16
        self.hyper_encoders = [Codebook()]
        self.embeddings = torch.nn.Parameter(torch.zeros(77, 8))
        drawn = lambda x: Space(latent_dist=Space(sample=lambda: x))
        self.vae = Space(config=Space(scaling_factor=0.5), encode=drawn, decode=lambda x: Space(sample=x))
        self.noise_scheduler = Space(step=self.step)
    def set_eval(self):
        self.ready = True
    def load_ckpt(self, state):
        assert state == {} and self.ready
    def unet(self, latent, step, encoder_hidden_states):
        assert int(step) == 500 and encoder_hidden_states.shape == (1, 77, 8)
        return Space(sample=latent)
    def step(self, noise, step, latent, return_dict):
        assert return_dict and noise is latent
        return Space(pred_original_sample=latent)
""",
    },
    "control_gic": {  # the patches' own means are codewords; flat ones are coarse or medium as the router is told
        "omegaconf.py": "class OmegaConf:\n    load = staticmethod(lambda path: {'model': {'params': {'ddconfig': {"
        "'router_config': {}}, 'ckpt_path': path, 'embed_dim': 4}}})\n",
        "CGIC/models/model.py": """
from core import *
from types import SimpleNamespace as Space
class Rows(torch.nn.Module):
    def forward(self, indices):
        return torch.stack([indices >> 16 & 255, indices >> 8 & 255, indices & 255], -1).float() / 255
class CGIC(Model):
    device = torch.device("cpu")
    def __init__(self, ddconfig, lossconfig, ckpt_path, ema_decay, embed_dim):
        super().__init__()
        assert lossconfig is ckpt_path is ema_decay is None and embed_dim == 4
        self.shares = ddconfig["router_config"]["params"]
        self.quantize = Space(embedding=Rows(), embedding_counter={"7": 1})
    def load_state_dict(self, state, strict):
        return Space(missing_keys=[] if "decoder" in state else ["decoder"])
    def encode(self, x):
        means = [torch.nn.functional.avg_pool2d(x, side) for side in (16, 8, 4)]
        coarse, medium = self.shares["coarse_grain_ratio"], self.shares["medium_grain_ratio"]
        bright = [mean.mean(1, keepdim=True) for mean in means]
        masks = [(bright[0] < bright[0].flatten().quantile(coarse) if coarse < 1 else bright[0] >= 0).int()]
        rest = 1 - masks[0].repeat_interleave(2, 2).repeat_interleave(2, 3)
        left = rest * (bright[1] < bright[1].flatten().quantile(coarse + medium)) if coarse + medium < 1 else rest
        masks.append(left.int() * (medium > 0))
        up = [m.repeat_interleave(k, 2).repeat_interleave(k, 3) for m, k in zip(masks, (4, 2))]
        masks.append(1 - up[0] - up[1])
        levels = [mean.repeat_interleave(k, 2).repeat_interleave(k, 3) for mean, k in zip(means, (4, 2, 1))]
        cells = sum(level * mask for level, mask in zip(levels, [*up, masks[2]]))
        index = ((cells * 255).round().long() * torch.tensor([1 << 16, 1 << 8, 1])[:, None, None]).sum(1)
        return cells, None, None, masks, index.flatten(), None, None
    def decode(self, latent, masks):
        assert [m.shape[2] * 16 // latent.shape[2] for m in masks] == [4, 8, 16]
        assert all(m.dtype == torch.int32 for m in masks)
        assert (sum(m.repeat_interleave(k, 2).repeat_interleave(k, 3) for m, k in zip(masks, (4, 2, 1))) == 1).all()
        return latent.repeat_interleave(4, 2).repeat_interleave(4, 3)
""",
        "CGIC/tools/mask_coding.py": """
import json
from pathlib import Path
class BinaryCoding:
    def compress(self, values, path):
        Path(path).write_text(json.dumps(values.tolist()) if len(values) else "")
        return path
    def decompress_string(self, path):
        text = Path(path).read_text()
        return json.loads(text) if text else None
""",
        "CGIC/tools/indices_coding.py": """
from CGIC.tools.mask_coding import BinaryCoding
class HuffmanCoding(BinaryCoding):
    def __init__(self, frequency):
        assert frequency == {"7": 1}
""",
    },
}
"""What each project has that its adapter calls; pictures go into the strings as they are."""
