"""The genomic control of a results file: tests, lambda over all pairs, its SE from the spread over traits, and the share of
pairs with p under 1e-3 over what is expected. Usage: genomic_control.py RESULTS.h5"""

import sys

import h5py
import numpy as np

MEDIAN = 0.454936423119572  # of chi-square with one degree of freedom
TAIL = 10.827566170662733  # its quantile at 1 - 1e-3

with h5py.File(sys.argv[1]) as results:
    beta, se = results["assoc/beta"][:], results["assoc/se"][:]
with np.errstate(invalid="ignore", divide="ignore"):
    chi2 = np.square(beta.astype(float) / se)
tested = np.isfinite(chi2)
by_trait = [np.median(chi2[tested[:, t], t]) / MEDIAN for t in range(chi2.shape[1])]
spread = np.std(by_trait, ddof=1) / np.sqrt(len(by_trait)) if len(by_trait) > 1 else float("nan")
everything = chi2[tested]
print(f"{everything.size} | {np.median(everything) / MEDIAN:.4f} | {spread:.4f} | {np.mean(everything > TAIL) / 1e-3:.2f} |")
