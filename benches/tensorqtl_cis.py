"""tensorQTL's map_cis on the CPU, one thread: PGEN prefix, BED (its first four columns and samples), covariates (a line each)."""

import sys
import time

import pandas
import torch
from tensorqtl import cis, pgen

torch.set_num_threads(1)
prefix, bed, covariates, permutations = sys.argv[1:5]
table = pandas.read_csv(bed, sep="\t").rename(columns={"#chr": "chr"}).set_index("gene")
positions = table[["chr", "end"]].rename(columns={"end": "pos"})
phenotypes = table.drop(columns=["chr", "start", "end"])
covariates = pandas.read_csv(covariates, sep="\t", index_col=0).T.loc[phenotypes.columns]
reader = pgen.PgenReader(prefix, select_samples=list(phenotypes.columns))
variants = reader.variant_df
variants["chrom"] = ["chr" + chrom.removeprefix("chr") for chrom in variants["chrom"].astype(str)]
genotypes = reader.load_genotypes()
start = time.process_time()
found = cis.map_cis(
    genotypes, variants, phenotypes, positions, covariates, nperm=int(permutations), window=1000000, seed=1, verbose=False
)
print(f"{time.process_time() - start:.2f} s of CPU in map_cis, {len(found)} phenotypes")
