#!/usr/bin/env bash
# norna export of 1,000,000 variants x 10 traits (400 simulated people) in each format, one thread: CPU seconds, MB of output a
# CPU second, peak memory. Files go to a memory file system where there is one.
# Usage: export.sh NORNA DATA_DIR [N_VARIANTS] [REPEATS]
set -euo pipefail
norna=$(realpath "$1") data=$2 n_variants=${3:-1000000} repeats=${4:-3}
mkdir -p "$data"
data=$(realpath "$data")
study=$data/export-$n_variants
if [[ ! -e $study.h5 ]]; then
  "$norna" simulate --n-samples 400 --n-variants "$n_variants" --n-traits 10 --contig 1,2 --seed 3 --quiet --out "$study.bcf" --force
  "$norna" assoc --vcf "$study.bcf" --pheno "$study.pheno.tsv" --covar "$study.covar.tsv" --out "$study.h5" --quiet
fi
out=$(mktemp -d -p "$([[ -d /dev/shm ]] && echo /dev/shm || echo "$data")")
trap 'rm -rf "$out"' EXIT
export RAYON_NUM_THREADS=1

echo "norna export of $n_variants variants x 10 traits, one thread; the best of $repeats runs. $("$norna" --version)"
grep -m1 'model name' /proc/cpuinfo || true
printf '%-22s %10s %12s %10s %10s\n' format 'CPU s' bytes MB/s 'peak MiB'
measure() {
  local label=$1 end=$2 best='' seconds kib bytes rate
  shift 2
  for _ in $(seq "$repeats"); do
    rm -rf "$out/made$end" "$out/made$end.tbi"
    /usr/bin/time -f '%U %S %M' -o "$out/time" "$norna" export "$study.h5" --trait '*' "$@" -o "$out/made$end" 2>"$out/said"
    read -r seconds kib < <(tail -n 1 "$out/time" | awk '{ print $1 + $2, $3 }')
    if [[ -z $best ]] || awk "BEGIN { exit !($seconds < ${best% *}) }"; then best="$seconds $kib"; fi
  done
  read -r seconds kib <<<"$best"
  bytes=$(du -sb "$out/made$end" | cut -f 1)
  rate=$(awk "BEGIN { printf \"%.0f\", $bytes / 1e6 / $seconds }")
  printf '%-22s %10s %12s %10s %10s\n' "$label" "$seconds" "$bytes" "$rate" $((kib / 1024))
}
measure 'tsv' .tsv
measure 'tsv.gz and index' .tsv.gz
measure 'plink' .plink --format plink
measure 'regenie' .regenie --format regenie
measure 'gwas-ssf (.gz)' .ssf --format gwas-ssf --genome-assembly GRCh38
measure 'parquet' .parquet --format parquet
