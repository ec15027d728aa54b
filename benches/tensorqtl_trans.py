"""tensorQTL's map_trans on the CPU, one thread: PGEN prefix, trait table, covariate table (tables as plink2 reads them)."""

import sys

import pandas
import torch
from tensorqtl import pgen, trans

torch.set_num_threads(1)
prefix, traits, covariates = sys.argv[1:4]
phenotypes = pandas.read_csv(traits, sep="\t", index_col=0)
covariates = pandas.read_csv(covariates, sep="\t", index_col=0).loc[phenotypes.index]
genotypes = pgen.PgenReader(prefix).load_genotypes()
pairs = trans.map_trans(
    genotypes, phenotypes.T, covariates, return_sparse=True, pval_threshold=1e-4, maf_threshold=0, batch_size=2000, verbose=False
)
print(len(pairs), "pairs")
