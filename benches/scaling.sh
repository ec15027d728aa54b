#!/usr/bin/env bash
# How norna's CPU seconds, peak memory and results grow with samples, variants and traits, over a factor of ten each; and
# wall seconds of one thread, two threads and two ranks on work of a minute or more. Tables on standard output.
# Usage: scaling.sh NORNA DATA_DIR     (some 2 GB of files, 15 minutes on two idle cores)
# SCALING_PASSES: how many copies of its file the second part reads (12 makes a minute on one core of a fast machine).
set -euo pipefail
norna=$(realpath "$1") data=$2 passes=${SCALING_PASSES:-12}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$data"
out=$(mktemp -d "$data/out.XXXXXX")
trap 'rm -rf "$out"' EXIT
cd "$data"

echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) cores"
echo "commit: $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown); $("$norna" --version)"
echo "command: norna assoc --vcf COHORT.vcf.gz --pheno COHORT.pheno.tsv --covar COHORT.covar.tsv --out OUT --threads 1 -q"
echo "cohorts: norna simulate --n-samples N --n-variants M --n-traits T --n-covariates 10 --out COHORT.vcf.gz"
echo
echo "| samples | variants | traits | CPU s | peak MiB | results MB |"
echo "|---------|----------|--------|-------|----------|------------|"
grow() {
  local cohort=c$1-$2-$3
  [[ -e $cohort.vcf.gz ]] || "$norna" simulate --n-samples "$1" --n-variants "$2" --n-traits "$3" --n-covariates 10 \
    --out "$cohort.vcf.gz" -q
  local least
  least=$(for _ in 1 2 3; do
    /usr/bin/time -o "$out/time" -f '%U %S %M' "$norna" assoc --vcf "$cohort.vcf.gz" --pheno "$cohort.pheno.tsv" \
      --covar "$cohort.covar.tsv" --out "$out/r.h5" --force --threads 1 -q
    awk '{ printf "%.2f %.0f\n", $1 + $2, $3 / 1024 }' "$out/time"
  done | sort -g | head -n 1)
  awk -v n="$1" -v m="$2" -v t="$3" -v bytes="$(stat -c %s "$out/r.h5")" \
    '{ printf "| %7d | %8d | %6d | %5.2f | %8d | %10.1f |\n", n, m, t, $1, $2, bytes / 1e6 }' <<<"$least"
}
for samples in 2000 6000 20000; do grow "$samples" 20000 100; done
for variants in 10000 30000 100000; do grow 5000 "$variants" 100; done
for traits in 100 300 1000; do grow 10000 20000 "$traits"; done

echo
echo "5,000 samples × 100,000 variants × 1,000 traits in $passes copies, one run, --store hits; wall seconds"
cohort=c5000-100000-1000
[[ -e $cohort.vcf.gz ]] || "$norna" simulate --n-samples 5000 --n-variants 100000 --n-traits 1000 --n-covariates 10 \
  --out "$cohort.vcf.gz" -q
inputs=()
for ((i = 0; i < passes; i++)); do
  cp --reflink=auto "$cohort.vcf.gz" "pass$i.vcf.gz"
  cp --reflink=auto "$cohort.vcf.gz.tbi" "pass$i.vcf.gz.tbi"
  inputs+=(--vcf "pass$i.vcf.gz")
done
# wall THREADS NAME COMMAND...
wall() {
  local threads=$1 name=$2
  shift 2
  /usr/bin/time -o "$out/time" -f '%e %U %S' "$@" assoc "${inputs[@]}" --pheno "$cohort.pheno.tsv" \
    --covar "$cohort.covar.tsv" --store hits --out "$out/r.h5" --force -q --threads "$threads"
  awk -v name="$name" '{ printf "%-28s %7.2f s wall, %7.2f s CPU\n", name, $1, $2 + $3 }' "$out/time"
}
wall 1 '1 rank, 1 thread' "$norna"
wall 2 '1 rank, 2 threads' "$norna"
wall 1 '2 ranks, 1 thread each' mpirun --bind-to none -n 2 "$norna"
