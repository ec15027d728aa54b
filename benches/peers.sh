#!/usr/bin/env bash
# CPU seconds of norna and of plink2 on the same files in the same run, as a table on standard output.
# Usage: peers.sh NORNA VCF TRAITS COVARS [REPEATS]
set -euo pipefail
norna=$1 vcf=$2 traits=$3 covars=$4 repeats=${5:-3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The least of some repeats: other work on the machine only adds.
cpu_seconds() {
  local best='' i seconds
  TIMEFORMAT='%U %S'
  for ((i = 0; i < repeats; i++)); do
    seconds=$({ time "$@" >"$out/said" 2>&1; } 2>&1 | awk '{ printf "%.2f", $1 + $2 }')
    best=$(printf '%s\n' "$seconds" ${best:+"$best"} | sort -g | head -n 1)
  done
  echo "$best"
}

ours=$(cpu_seconds "$norna" assoc --vcf "$vcf" --pheno "$traits" --covar "$covars" --out "$out/norna.h5" --force --threads 1 -q)
theirs=$(cpu_seconds plink2 --vcf "$vcf" --pheno "$traits" --covar "$covars" --covar-variance-standardize \
  --glm omit-ref hide-covar log10 no-x-sex --pfilter 1e-4 --threads 1 --out "$out/plink2")
echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) cores"
echo "commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "versions: $("$norna" --version); $(plink2 --version)"
echo "input: $(basename "$vcf"), $(($(head -n 1 "$traits" | wc -w) - 1)) traits; one thread each, least of $repeats runs"
echo "command: norna assoc --vcf VCF --pheno TRAITS --covar COVARS --out OUT --threads 1"
echo "command: plink2 --vcf VCF --pheno TRAITS --covar COVARS --covar-variance-standardize --glm omit-ref hide-covar log10 no-x-sex --pfilter 1e-4 --threads 1"
echo "norna CPU seconds: $ours"
echo "plink2 CPU seconds: $theirs"
