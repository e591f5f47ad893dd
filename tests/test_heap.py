"""Memory that is freed and needed again comes without the system's help where that can be had."""

import platform
import subprocess
import sys

import pytest

TWICE = """
import resource
from codec.metrics.heap import keep_freed_memory

keep_freed_memory()
pages = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (48 << 20)  # 12,288 pages of 4096 bytes, more than glibc keeps unasked
    pages.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(max(pages[1:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_a_block_of_many_pages_that_was_freed_is_there_when_it_is_needed_again():
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1200
