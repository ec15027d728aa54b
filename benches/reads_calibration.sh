#!/usr/bin/env bash
# Association from reads where nothing is associated: genomic control from end to end (simulated BAMs, norna assoc) at 1×, 2×,
# 4×, and where cases are deeper than controls; called genotypes beside. A table on standard output.
# Usage: reads_calibration.sh NORNA [FOLDER]     (2 GB in FOLDER at a time, removed at the end; a quarter of an hour on two cores)
# CALIBRATION_SAMPLES, CALIBRATION_VARIANTS, CALIBRATION_TRAITS make a smaller work, for a look.
set -euo pipefail
norna=$(realpath "$1")
samples=${CALIBRATION_SAMPLES:-900} variants=${CALIBRATION_VARIANTS:-3400} traits=${CALIBRATION_TRAITS:-180}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${2:-/tmp}"
work=$(mktemp -d "${2:-/tmp}/calibration.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
for python in "${NORNA_PYTHON:-python3}" /usr/bin/python3 none; do
  "$python" -c 'import h5py, numpy' 2>/dev/null && break
done
[[ $python != none ]] || { echo "no Python with h5py and numpy: set NORNA_PYTHON" >&2; exit 1; }

# A site each 200 bases with so much recombination between them that they are independent.
people() {
  "$norna" simulate --n-samples "$samples" --n-variants "$variants" --contig "22:$((variants * 200))" \
    --recombination-rate 1e-5 --n-traits 0 --n-null-traits "$traits" --n-covariates 2 --seed 1 --out people.vcf.gz \
    --reads reads "$@" --force -q
}

# The second half of the samples is deep; of them four in five are cases in the traits D1, D2, ..., of the others one in five.
people --depth 1
awk -v half="$((samples / 2))" 'BEGIN { OFS = "\t" } !/^#/ { print $1, (++n > half ? 4 : 1) }' people.pheno.tsv >depths.tsv
two_valued() {
  awk -v name="$1" -v deep="$2" -v shallow="$3" -v half="$((samples / 2))" -v traits="$traits" 'BEGIN {
    OFS = "\t"; srand(7); printf "#IID"; for (t = 1; t <= traits; t++) printf "\t%s%d", name, t; print "" }
    !/^#/ { printf "%s", $1; p = ++n > half ? deep : shallow
            for (t = 1; t <= traits; t++) printf "\t%d", rand() < p ? 2 : 1; print "" }' people.pheno.tsv
}
two_valued B 0.5 0.5 >even.tsv
two_valued D 0.8 0.2 >deeper.tsv
sed '/^##/d' people.pheno.tsv >quantitative.tsv
sed '/^##/d' people.covar.tsv >covar.tsv

# row DEPTH TRAITS_NAME TEST_NAME FLAGS...
row() {
  local depth=$1 kind=$2 test=$3
  shift 3
  "$norna" assoc "$@" --covar covar.tsv --maf 0.05 --out r.h5 --force -q
  "$python" "$here/genomic_control.py" r.h5 | sed "s/^/| $depth | $kind | $test | /"
}

tests() {
  local depth=$1 kind=$2 traits=$3
  shift 3
  for test in score expected; do
    row "$depth" "$kind" "$test" --bam-list reads/bams.txt --sites reads/sites.vcf.gz --fasta reads/reference.fa \
      --reads-test "$test" --pheno "$traits" "$@"
  done
}

call() {
  awk -F '\t' '{ print "reads/" $2 }' reads/bams.txt >paths
  bcftools mpileup -B -q 20 -Q 13 -f reads/reference.fa -b paths -T reads/sites.vcf.gz -Ou 2>calls.log |
    bcftools call -m -Ob -o called.bcf 2>>calls.log || { tail -n 3 calls.log >&2; return 1; }
  bcftools index -f called.bcf
}

echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) cores"
echo "commit: $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown); $("$norna" --version)"
echo "work: $samples samples, $variants sites (those of a minor allele frequency of 5 % or more are tested), $traits traits without effect"
echo "genomic control: median of (beta/se)² over that of chi-square with 1 df; its SE from the spread over traits; must be 1 ± 0.015"
echo
echo "| depth | traits | test | tests | genomic control | SE | p < 1e-3, of 1e-3 |"
echo "|---|---|---|---|---|---|---|"
for depth in 1 2 4; do
  [[ $depth == 1 ]] || people --depth "$depth"
  tests "$depth×" quantitative quantitative.tsv
  tests "$depth×" two-valued even.tsv --bt
done
people --depth-file depths.tsv
tests '1× and 4×' 'quantitative' quantitative.tsv
tests '1× and 4×' 'two-valued, cases deeper' deeper.tsv --bt
call
row '1× and 4×' 'two-valued, cases deeper' 'called genotypes, linear' --bcf called.bcf --pheno deeper.tsv \
  --linear-on-binary
