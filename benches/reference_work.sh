#!/usr/bin/env bash
# The reference work of peers.sh: a simulated cohort in the formats that norna and its peers read. Made once.
# Usage: reference_work.sh NORNA DATA_DIR SAMPLES VARIANTS
set -euo pipefail
norna=$(realpath "$1") data=$2 samples=$3 variants=$4
cd "$data"
made=$(printf '%s samples, %s variants, %s' "$samples" "$variants" "$("$norna" --version)")
[[ -e made && $(<made) == "$made" ]] && exit 0
rm -f made

simulate() {
  "$norna" simulate --n-samples "$samples" --seed 1 --force -q "$@"
}

echo "simulating the reference work: $made" >&2
simulate --n-variants "$variants" --n-traits 1000 --heritability 0.01 --n-covariates 10 --out gt.vcf.gz
# Without the line that marks them as simulated, which not every peer passes over.
sed '/^##/d' gt.pheno.tsv >traits1000.tsv
sed '/^##/d' gt.covar.tsv >covar.tsv
cut -f 1-101 traits1000.tsv >traits100.tsv
cut -f 1-2 traits1000.tsv >traits1.tsv
bcftools view -Ob -o gt.bcf gt.vcf.gz
bcftools index -f gt.bcf
plink2 --vcf gt.vcf.gz --make-pgen --out gt --threads 1 >/dev/null
simulate --n-variants "$variants" --missing-genotypes 0.01 --out missing.vcf.gz
simulate --n-variants "$((variants / 10))" --missing-genotypes 0.01 --out missing10.vcf.gz
simulate --n-variants "$((variants / 9))" --format-fields GT:DS:GP --out ds.vcf.gz
simulate --n-variants 100 --n-traits 100 --missing-traits 0.05 --out patterns.vcf.gz
sed '/^##/d' patterns.pheno.tsv >traits100m.tsv
rm -f patterns.* gt.*.tsv ds.*.tsv missing*.tsv
echo "$made" >made
