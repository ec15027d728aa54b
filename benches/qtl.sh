#!/usr/bin/env bash
# norna qtl beside its peers on GEUVADIS (chr22: 358 people, 608 genes, 12 covariates), one thread each: CPU seconds.
# Usage: qtl.sh NORNA DATA_DIR [GEUVADIS_DIR] [REPEATS]
# GEUVADIS_DIR is shared/data/geuvadis beside the repository unless given. plink2 is needed; fastqtl and qtltools (Debian) join
# where they are installed, tensorQTL (PyPI) where python3 imports it or pip can put it into DATA_DIR/venv.
set -euo pipefail
norna=$(realpath "$1") data=$2
here=$(cd "$(dirname "$0")" && pwd)
geuvadis=$(realpath "${3:-$here/../../shared/data/geuvadis}") repeats=${4:-3}
# FastQTL and QTLtools take one gene in this many.
share=${QTL_SHARE:-20}
mkdir -p "$data"
data=$(realpath "$data")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

vcf=$geuvadis/genotypes.chr22.vcf.gz genes=$geuvadis/genes.50percent.chr22.bed.gz covar=$here/../datasets/geuvadis/covars.tsv
cd "$out"
zcat "$genes" | cut -f 1-4,7- >all.bed
awk -v share="$share" 'NR == 1 || NR % share == 2' all.bed >some.bed
for bed in all some; do bgzip -k "$bed.bed" && tabix -p bed "$bed.bed.gz"; done
zcat "$genes" | awk -v share="$share" 'NR == 1 || NR % share == 2' | bgzip >full.bed.gz
tabix -p bed full.bed.gz
gzip -c "$geuvadis/covariates12.txt" >covariates.txt.gz
# Traits as plink2 reads them: a row a sample.
awk -F '\t' '{ for (i = 4; i <= NF; i++) if (i == 4) name[NR] = $i; else cell[NR, i] = $i; n = NF }
  END { for (i = 4; i <= n; i++) { line = i == 4 ? "#IID" : cell[1, i]
    for (g = 2; g <= NR; g++) line = line "\t" (i == 4 ? name[g] : cell[g, i]); print line } }' all.bed >traits.tsv
plink2 --vcf "$vcf" --make-pgen --out geno >plink2.said
n_all=$(($(wc -l <all.bed) - 1)) n_some=$(($(wc -l <some.bed) - 1))

python=python3
if ! python3 -c 'import tensorqtl' >/dev/null 2>&1; then
  python=$data/venv/bin/python
  [[ -x $python ]] || python3 -m venv "$data/venv" || true
  "$python" -c 'import tensorqtl' >/dev/null 2>&1 || "$data/venv/bin/pip" install -q tensorqtl pgenlib || true
fi

# CPU seconds and peak MiB of the run with the least CPU seconds: other work on the machine only adds.
measure() {
  local n=$1 i
  shift
  for ((i = 0; i < n; i++)); do
    /usr/bin/time -o time -f '%U %S %M' "$@" >said 2>&1 || { tail -n 3 said >&2; return 1; }
    awk '{ printf "%.2f %.0f\n", $1 + $2, $3 / 1024 }' time
  done | sort -g | head -n 1
}

# row NAME GENES CPU MIB
row() { awk -v name="$1" -v n="$2" -v cpu="$3" -v mib="$4" 'BEGIN { printf "| %-52s | %5d | %8.2f | %8.4f | %5d |\n", name, n, cpu, cpu / n, mib }'; }

echo "date: $(date -u +%F)"
echo "machine: $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(nproc --all) cores, load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "commit: $(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)"
echo "versions: $("$norna" --version); $(plink2 --version)"
echo "work: GEUVADIS chr22, 358 people × 85,485 variants, $n_all genes, 12 covariates; whole processes, from VCF.gz unless said"
echo
echo "| work                                                 | genes | CPU s    | s a gene |   MiB |"
echo "|------------------------------------------------------|-------|----------|----------|-------|"
cis=(qtl --vcf "$vcf" --proteins "$genes" --covar "$covar" --out norna.h5 --force --threads 1 -q)
read -r cpu mib <<<"$(measure "$repeats" "$norna" "${cis[@]}" --permute 1000)"
row 'cis, 1,000 permutations: norna' "$n_all" "$cpu" "$mib"
read -r cpu mib <<<"$(measure "$repeats" "$norna" "${cis[@]}" --nominal)"
row 'cis, all nominal pairs: norna' "$n_all" "$cpu" "$mib"
if "$python" -c 'import tensorqtl' >/dev/null 2>&1; then
  read -r cpu mib <<<"$(measure 1 "$python" "$here/tensorqtl_cis.py" geno all.bed "$geuvadis/covariates12.txt" 1000)"
  row 'cis, 1,000 permutations: tensorQTL from PGEN' "$n_all" "$cpu" "$mib"
  row '  of these map_cis alone' "$n_all" "$(awk '/map_cis/ { print $1 }' said)" "$mib"
fi
if command -v QTLtools >/dev/null; then
  read -r cpu mib <<<"$(measure 1 QTLtools cis --vcf "$vcf" --bed full.bed.gz --cov covariates.txt.gz --permute 1000 --out q.txt)"
  row 'cis, 1,000 permutations: QTLtools, some genes' "$n_some" "$cpu" "$mib"
fi
if command -v fastQTL >/dev/null; then
  read -r cpu mib <<<"$(measure 1 fastQTL --vcf "$vcf" --bed some.bed.gz --cov "$geuvadis/covariates12.txt" --permute 1000 \
    --seed 1 --region chr22:1-60000000 --out f.txt.gz)"
  row 'cis, 1,000 permutations: FastQTL, some genes' "$n_some" "$cpu" "$mib"
fi
trans=(qtl --trans --vcf "$vcf" --proteins "$genes" --covar "$covar" --out norna.h5 --force --threads 1 -q --p-threshold 1e-4)
read -r cpu mib <<<"$(measure "$repeats" "$norna" "${trans[@]}")"
row 'trans, p up to 1e-4: norna' "$n_all" "$cpu" "$mib"
if "$python" -c 'import tensorqtl' >/dev/null 2>&1; then
  read -r cpu mib <<<"$(measure 1 "$python" "$here/tensorqtl_trans.py" geno traits.tsv "$covar")"
  row 'all pairs, p up to 1e-4: tensorQTL from PGEN' "$n_all" "$cpu" "$mib"
fi
read -r cpu mib <<<"$(measure 1 plink2 --vcf "$vcf" --pheno traits.tsv --covar "$covar" --covar-variance-standardize \
  --glm hide-covar --pfilter 1e-4 --threads 1 --out plink2)"
row 'all pairs, p up to 1e-4: plink2' "$n_all" "$cpu" "$mib"
