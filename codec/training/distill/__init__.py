"""Train the weights of `codec/metrics/dists_lite.py`: a small network that judges pictures as two large ones do.

The teacher is (LPIPS-squeeze + DISTS-VGG19) / 2, see `teachers.py`. Three lessons. First the features, level by
level: least squares from what the level sees to what the teachers see there, of which the channels that tell most are
kept. Then all weights at once, on scores: the seven layers of LPIPS and the two terms of the four maps of
DISTS-VGG19, each predicted by non-negative weights on the same terms of our channels; the teacher is a sum of them,
so its weights are too. And on order: of two pictures of one photo, which is worse.

    python -m codec.training.distill --data PHOTOS --vgg-weights vgg19_caffe_relu3_4.safetensors --out runs/dists-lite

Pairs and their scores are made once, in shards that later runs find again. One photo in twenty is held out.
"""
