#!/usr/bin/env bash
# Reads: norna beside samtools, bcftools and mosdepth on the same 40 BAMs in the same run, one thread each; and memory at 40
# and at 400 files. A table of CPU seconds on standard output.
# Usage: reads.sh NORNA DATA_DIR [REPEATS]
set -euo pipefail
norna=$(realpath "$1") data=$2 repeats=${3:-3}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$data"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$here/reads_work.sh" "$norna" "$data"
cd "$data"
fasta=reads/reference.fa sites=reads/sites.vcf.gz

# CPU seconds and peak MiB of the run with the least CPU seconds, children included: other work on the machine only adds.
measure() {
  local i
  for ((i = 0; i < repeats; i++)); do
    /usr/bin/time -o "$out/time" -f '%U %S %M' "$@" >"$out/said" 2>&1 || { tail -n 3 "$out/said" >&2; return 1; }
    awk '{ printf "%.2f %.0f\n", $1 + $2, $3 / 1024 }' "$out/time"
  done | sort -g | head -n 1
}

# The same command for every file.
each() {
  # shellcheck disable=SC2016
  measure bash -c 'set -e; list=$1; shift; while read -r path; do "${@//PATH/$path}"; done <"$list"' each reads.paths "$@"
}

line() {
  awk -v name="$1" -v ours="$2" -v peer="$3" -v theirs="$4" 'BEGIN {
    split(ours, a, " "); n = split(theirs, b, " ")
    ratio = n && a[1] > 0 ? sprintf("%.2f", b[1] / a[1]) : "-"
    printf "| %-44s | %7.2f | %5d | %-24s | %7s | %5s | %5s |\n", name, a[1], a[2], n ? peer : "-", n ? b[1] : "-", n ? b[2] : "-", ratio }'
}

has() {
  if ! "$norna" "$1" --help >"$out/help" 2>&1 || ! grep -q -e "${2:---help}" "$out/help"; then
    echo "this norna has no $1 ${2:-}: left out"
    return 1
  fi
}

ours() {
  measure "$norna" "$@" --threads 1 --quiet --force
}

echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) cores"
echo "commit: $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)"
echo "versions: $("$norna" --version); $(samtools --version | head -n 1); $(bcftools --version | head -n 1); $(mosdepth --version)"
echo "work: 40 simulated BAMs at 4×, 1 Mb each, 2,123 sites (benches/reads_work.sh); least of $repeats runs"
echo

decode=$(each samtools view -c PATH)
# shellcheck disable=SC2016
call='bcftools mpileup -B -q 20 -Q 13 -f $0 -b reads.paths -T $1 -Ou | bcftools call -m -Ob -o $2'
called=$(measure bash -o pipefail -c "$call" "$fasta" "$sites" "$out/called.bcf")
depth=$(each mosdepth -t 0 -n --by 500 "$out/depth" PATH)
echo "| work                                         | norna s |   MiB | peer                     |  peer s |   MiB | ratio |"
echo "|----------------------------------------------|---------|-------|--------------------------|---------|-------|-------|"
inputs=(--bam-list reads/bams.txt --sites "$sites" --fasta "$fasta")
if has reads; then
  line 'likelihoods at sites: norna reads' "$(ours reads "${inputs[@]}" --out "$out/gl.bcf")" 'bcftools mpileup | call' "$called"
fi
if has assoc --bam-list; then
  assoc() { ours assoc "${inputs[@]}" --pheno "$1" --out "$out/r.h5"; }
  line 'association at sites: norna assoc, 1 trait' "$(assoc reads.traits1.tsv)" 'bcftools mpileup | call' "$called"
  line 'the same, 100 traits' "$(assoc reads.traits100.tsv)" 'bcftools mpileup | call' "$called"
fi
if has depth; then
  ours_depth=$(ours depth --bam-list reads/bams.txt --by 500 --out "$out/depth.h5")
  line 'depth in 500-bp windows: norna depth' "$ours_depth" 'mosdepth -n --by 500' "$depth"
fi
if has identity; then
  ours_identity=$(ours identity --bam-list reads/bams.txt --vcf people.vcf.gz --fasta "$fasta" --out "$out/identity.tsv")
  line 'identity: norna identity' "$ours_identity" '-' ''
fi
echo
echo "decoding alone, samtools view -c of each: ${decode% *} s"
echo
echo "memory, the same 40 files once and under 400 names:"
echo
echo "| work                                         |      40 s |   MiB |     400 s |   MiB |"
echo "|----------------------------------------------|-----------|-------|-----------|-------|"
repeats=1
grow() {
  local name=$1 few many
  shift
  few=$(ours "${@//LIST/reads/bams.txt}")
  many=$(ours "${@//LIST/reads.400.txt}")
  awk -v name="$name" -v few="$few" -v many="$many" 'BEGIN {
    split(few, a, " "); split(many, b, " ")
    printf "| %-44s | %9.2f | %5d | %9.2f | %5d |\n", name, a[1], a[2], b[1], b[2] }'
}
has reads >"$out/said" && grow 'norna reads' reads --bam-list LIST --sites "$sites" --fasta "$fasta" --out "$out/gl.bcf"
has assoc --bam-list >"$out/said" &&
  grow 'norna assoc, 1 trait' assoc --bam-list LIST --sites "$sites" --fasta "$fasta" --pheno reads.traits400.tsv --out "$out/r.h5"
has depth >"$out/said" && grow 'norna depth' depth --bam-list LIST --by 500 --out "$out/depth.h5"
has identity >"$out/said" && grow 'norna identity' identity --bam-list LIST --vcf people.vcf.gz --fasta "$fasta" --out "$out/identity.tsv"
exit 0
