#!/usr/bin/env bash
# norna beside its peers on the same files in the same run, one thread each: a table of CPU seconds on standard output.
# Usage: peers.sh NORNA DATA_DIR [REPEATS]
# DATA_DIR gets the reference work, simulated once. plink2 is needed; tensorQTL (PyPI) joins where python3 can import it.
# PEERS_SAMPLES and PEERS_VARIANTS make a smaller work, for a look.
set -euo pipefail
norna=$(realpath "$1") data=$2 repeats=${3:-3}
samples=${PEERS_SAMPLES:-10000} variants=${PEERS_VARIANTS:-18000}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$data"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

"$here/reference_work.sh" "$norna" "$data" "$samples" "$variants"
cd "$data"

# CPU seconds and peak MiB of the run with the least CPU seconds: other work on the machine only adds.
measure() {
  local n=$1 i
  shift
  for ((i = 0; i < n; i++)); do
    /usr/bin/time -o "$out/time" -f '%U %S %M' "$@" >"$out/said" 2>&1 || { tail -n 3 "$out/said" >&2; return 1; }
    awk '{ printf "%.2f %.0f\n", $1 + $2, $3 / 1024 }' "$out/time"
  done | sort -g | head -n 1
}

covar=covar.tsv plink2_flags=() norna_flags=()
# row NAME PEER_REPEATS TRAITS INPUT_FLAGS_OF_NORNA... -- INPUT_FLAGS_OF_PLINK2...
row() {
  local name=$1 peer_repeats=$2 traits=$3 ours theirs
  shift 3
  local flags=()
  while [[ $1 != -- ]]; do flags+=("$1"); shift; done
  shift
  ours=$(measure "$repeats" "$norna" assoc "${flags[@]}" --pheno "$traits" --covar "$covar" --out "$out/norna.h5" \
    --force --threads 1 -q "${norna_flags[@]}")
  theirs=$(measure "$peer_repeats" plink2 "$@" --pheno "$traits" --covar "$covar" "${plink2_flags[@]}" \
    --glm hide-covar --pfilter 1e-4 --threads 1 --out "$out/plink2")
  rm -f "$out"/plink2*
  table_row "$name" plink2 "$ours" "$theirs"
}

table_row() {
  awk -v name="$1" -v peer="$2" -v ours="$3" -v theirs="$4" 'BEGIN {
    split(ours, a, " "); split(theirs, b, " ")
    printf "| %-46s | %7.2f | %5d | %-9s | %8.2f | %5d | %5.1f |\n", name, a[1], a[2], peer, b[1], b[2], b[1] / a[1] }'
}

echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) cores"
echo "commit: $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)"
echo "versions: $("$norna" --version); $(plink2 --version)"
echo "work: $samples samples × $variants variants (benches/reference_work.sh), 10 covariates"
echo "norna: norna assoc INPUT --pheno TRAITS --covar covar.tsv --out OUT --threads 1 -q   (least of $repeats runs)"
echo "plink2: plink2 INPUT --pheno TRAITS --covar covar.tsv --glm hide-covar --pfilter 1e-4 --threads 1"
echo
echo "| work                                           | norna s |   MiB | peer      |   peer s |   MiB | ratio |"
echo "|------------------------------------------------|---------|-------|-----------|----------|-------|-------|"
row 'VCF.gz GT, 1 trait' "$repeats" traits1.tsv --vcf gt.vcf.gz -- --vcf gt.vcf.gz
row 'VCF.gz GT:DS:GP, 1 trait, DS (variants / 9)' "$repeats" traits1.tsv --vcf ds.vcf.gz --field DS -- --vcf ds.vcf.gz dosage=DS
row 'BCF, 1 trait' "$repeats" traits1.tsv --bcf gt.bcf -- --bcf gt.bcf
row 'VCF.gz, 100 traits' 1 traits100.tsv --vcf gt.vcf.gz -- --vcf gt.vcf.gz
row 'VCF.gz, 1,000 traits' 1 traits1000.tsv --vcf gt.vcf.gz -- --vcf gt.vcf.gz
norna_flags=(--store hits --p-threshold 1e-4)
row 'the same, only hits written, as plink2 does' 1 traits1000.tsv --vcf gt.vcf.gz -- --vcf gt.vcf.gz
norna_flags=()
row 'VCF.gz, 100 traits, 5 % missing, own patterns' 1 traits100m.tsv --vcf gt.vcf.gz -- --vcf gt.vcf.gz
row 'VCF.gz, 1 % missing genotypes, 1 trait' 1 traits1.tsv --vcf missing.vcf.gz -- --vcf missing.vcf.gz
row 'the same, 100 traits (variants / 10)' 1 traits100.tsv --vcf missing10.vcf.gz -- --vcf missing10.vcf.gz
# plink2 from its own format, where no text has to be read.
row 'PGEN (norna: VCF.gz), 1,000 traits' 1 traits1000.tsv --vcf gt.vcf.gz -- --pfile gt
real=$here/../datasets/geuvadis
covar=$real/covars.tsv plink2_flags=(--covar-variance-standardize)
row 'real: GEUVADIS slice, 20 traits, 12 covariates' "$repeats" "$real/traits.tsv" --vcf "$real/chr22.vcf.gz" -- --vcf "$real/chr22.vcf.gz"
if python3 -c 'import tensorqtl' 2>/dev/null; then
  for n in 1 100 1000; do
    ours=$(measure "$repeats" "$norna" assoc --vcf gt.vcf.gz --pheno "traits$n.tsv" --covar covar.tsv --out "$out/norna.h5" --force --threads 1 -q)
    theirs=$(measure 1 python3 "$here/tensorqtl_trans.py" gt "traits$n.tsv" covar.tsv)
    table_row "PGEN (norna: VCF.gz), $n traits" tensorQTL "$ours" "$theirs"
  done
else
  echo "tensorQTL is not installed for python3: left out"
fi
