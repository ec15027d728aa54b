#!/usr/bin/env bash
# What people look at, made of a results file of 1,000,000 variants × 100 traits: CPU seconds and peak memory, one thread each.
# Usage: report.sh NORNA DATA_DIR [REPEATS]
# DATA_DIR gets the study, simulated once. REPORT_VARIANTS and REPORT_TRAITS make another one.
set -euo pipefail
norna=$(realpath "$1") data=$2 repeats=${3:-3}
variants=${REPORT_VARIANTS:-1000000} traits=${REPORT_TRAITS:-100}
mkdir -p "$data"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$data"
contigs=1:200000000,2:200000000,3:180000000,4:150000000,5:140000000,6:130000000,7:120000000,8:110000000
if [[ ! -e cohort.vcf.gz ]]; then
  "$norna" simulate --out cohort.vcf.gz --n-samples 100 --n-variants "$variants" --contig "$contigs" \
    --n-traits $((traits / 5)) --n-null-traits $((traits - traits / 5)) --seed 1 -q
fi
for store in full compact hits; do
  [[ -e $store.h5 ]] || "$norna" assoc --vcf cohort.vcf.gz --pheno cohort.pheno.tsv --covar cohort.covar.tsv \
    --store $store --out $store.h5 -q
done

# CPU seconds and peak MiB of the run with the least CPU seconds: other work on the machine only adds.
measure() {
  local i
  for ((i = 0; i < repeats; i++)); do
    /usr/bin/time -o "$out/time" -f '%U %S %M' "$@" >"$out/said" 2>&1 || { tail -n 3 "$out/said" >&2; return 1; }
    awk '{ printf "%.2f %.0f\n", $1 + $2, $3 / 1024 }' "$out/time"
  done | sort -g | head -n 1
}

printf '%-44s %8s %8s\n' command "CPU s" MiB
row() {
  local name=$1
  shift
  read -r seconds mib < <(measure "$@")
  printf '%-44s %8s %8s\n' "$name" "$seconds" "$mib"
}
for store in full compact hits; do
  row "clump by distance, all traits, $store" "$norna" clump $store.h5 --p 1e-5 --kb 500 --threads 1 --force -o "$out/clumps.tsv"
  row "plot of one trait, $store" "$norna" plot $store.h5 --trait T1 --kind manhattan --threads 1 --force -o "$out/t1.svg"
done
row "clump by linkage, all traits, full" \
  "$norna" clump full.h5 --vcf cohort.vcf.gz --p 1e-5 --kb 500 --threads 1 --force -o "$out/clumps.tsv"
for store in full compact hits; do
  row "report of all traits, $store" "$norna" report $store.h5 --force -q -o "$out/report-$store"
done
row "report with linkage, all traits, full" "$norna" report full.h5 --vcf cohort.vcf.gz --force -q -o "$out/report-linkage"
