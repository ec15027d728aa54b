#!/usr/bin/env bash
# The files of reads.sh: 40 simulated BAMs at 4×, 1 Mb each, about as in the 1000 Genomes' low-coverage data. Made once.
# Usage: reads_work.sh NORNA DATA_DIR
set -euo pipefail
norna=$(realpath "$1") data=$2
cd "$data"
made="40 files, 4×, 1 Mb, 2,123 sites, $("$norna" --version)"
[[ -e reads.made && $(<reads.made) == "$made" ]] && exit 0
rm -f reads.made

# As many base qualities as older instruments give: they are most of what a BAM takes to decode.
qualities=2:0.02,11:0.03,15:0.03,20:0.05,25:0.07,28:0.1,30:0.1,32:0.12,34:0.15,36:0.18,38:0.1,40:0.05
echo "simulating reads: $made" >&2
"$norna" simulate --n-samples 40 --n-variants 2123 --contig 22:1000000 --n-traits 100 --n-covariates 2 --seed 1 \
  --out people.vcf.gz --reads reads --depth 4 --base-qualities "$qualities" \
  --duplicate-rate 0.02 --low-mapq-rate 0.02 --clip-rate 0.02 --force -q
sed '/^##/d' people.pheno.tsv >reads.traits100.tsv
cut -f 1-2 reads.traits100.tsv >reads.traits1.tsv
awk -F '\t' '{ print "reads/" $2 }' reads/bams.txt >reads.paths
# The same 40 files under the names of 400 people.
rm -rf reads.400
mkdir reads.400
for ((i = 1; i <= 400; i++)); do
  for end in bam bam.bai; do ln -s "../reads/S$(((i - 1) % 40 + 1)).$end" "reads.400/S$i.$end"; done
  printf 'S%d\t%s/S%d.bam\n' "$i" "$PWD/reads.400" "$i"
done >reads.400.txt
awk 'BEGIN { OFS = "\t"; srand(1); print "#IID", "T1"; for (i = 1; i <= 400; i++) print "S" i, rand() }' >reads.traits400.tsv
echo "$made" >reads.made
