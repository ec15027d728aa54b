"""OpenBLAS through numpy, one thread: GFLOP/s of sgemm on the shapes of norna's score product bench."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
import time

import numpy

for variants, samples, traits in ((448, 10000, 32), (448, 10000, 1000), (1792, 10000, 1000)):
    genotypes = numpy.random.rand(variants, samples).astype(numpy.float32)
    residuals = numpy.random.rand(samples, traits).astype(numpy.float32)
    seconds = []
    for _ in range(10):
        start = time.process_time()
        genotypes @ residuals
        seconds.append(time.process_time() - start)
    rate = 2 * variants * samples * traits / min(seconds) / 1e9
    print(f"OpenBLAS sgemm {variants} × {samples} × {traits}: {min(seconds) * 1e3:.2f} ms, {rate:.0f} GFLOP/s")
