#!/usr/bin/env bash
# Cuts the small real slice in datasets/geuvadis from the GEUVADIS chr22 example data, and rewrites MANIFEST.
# usage: datasets/make-slice.sh SOURCE_FOLDER
# SOURCE_FOLDER holds genotypes.chr22.vcf.gz (+ .tbi), genes.50percent.chr22.bed.gz, gencode.v19.annotation.chr22.gtf.gz,
# covariates12.txt and DEBIAN_COPYRIGHT, as in Debian's package qtltools-example. Needs bcftools, tabix, bgzip.
set -euo pipefail

src=${1:?usage: datasets/make-slice.sh SOURCE_FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
out=$here/geuvadis
region=chr22:17000000-18500000
n_genes=20
mkdir -p "$out"

# The VCF as it came: its records say chr22, its header has no such contig.
tabix -h "$src/genotypes.chr22.vcf.gz" "$region" | bgzip -l 9 >"$out/chr22.vcf.gz"
tabix -f -p vcf "$out/chr22.vcf.gz"

# BCF cannot do without the contig, so the header gets it; genotypes are the same.
{
  printf '##contig=<ID=chr22,assembly=b37,length=51304566>\n' >"$out/contig.tmp"
  bcftools view --no-version -h "$out/chr22.vcf.gz" | grep -v '^##contig=<ID=chr22>' \
    | awk -v f="$out/contig.tmp" '/^#CHROM/ { while ((getline l < f) > 0) print l } { print }'
  bgzip -dc "$out/chr22.vcf.gz" | grep -v '^#'
} | bcftools view --no-version -Ob -l 9 -o "$out/chr22.bcf" -
bcftools index -f "$out/chr22.bcf"
rm -f "$out/contig.tmp"

# Traits: one row a person, one column a gene, the first genes with a start from 17 Mb on, in genome order.
bgzip -dc "$src/genes.50percent.chr22.bed.gz" | awk -F'\t' -v OFS='\t' -v want="$n_genes" '
  NR == 1 { n = NF; for (i = 7; i <= n; i++) row[i] = $i; head = "IID"; next }
  $2 >= 17000000 && seen < want {
    seen++; gene = $4; sub(/\..*/, "", gene); head = head OFS gene
    for (i = 7; i <= n; i++) row[i] = row[i] OFS $i
  }
  END { print head; for (i = 7; i <= n; i++) print row[i] }' >"$out/traits.tsv"

# The same genes as a BED, with where they lie; and the annotation that they and their neighbours have.
bgzip -dc "$src/genes.50percent.chr22.bed.gz" \
  | awk -F'\t' -v want="$n_genes" 'NR == 1 || ($2 >= 17000000 && seen++ < want)' | bgzip -l 9 >"$out/genes.bed.gz"
bgzip -dc "$src/gencode.v19.annotation.chr22.gtf.gz" \
  | awk -F'\t' '$3 == "gene" && $4 >= 16500000 && $4 < 20000000' | gzip -n9 >"$out/genes.gtf.gz"

# Covariates: FastQTL's layout has one row a covariate; norna wants one row a person.
awk -F'\t' -v OFS='\t' '
  NR == 1 { n = NF; head = "IID"; for (i = 2; i <= n; i++) row[i] = $i; next }
  { name = $1; gsub(/[^A-Za-z0-9_]/, "_", name); head = head OFS name; for (i = 2; i <= n; i++) row[i] = row[i] OFS $i }
  END { print head; for (i = 2; i <= n; i++) print row[i] }' "$src/covariates12.txt" >"$out/covars.tsv"

cp "$src/DEBIAN_COPYRIGHT" "$out/LICENSE.GPL-3+"
chmod u+w "$out/LICENSE.GPL-3+"
cp /usr/share/common-licenses/GPL-3 "$out/COPYING.GPL-3"

origin="GEUVADIS RNA-seq and 1000 Genomes Phase 3, from Debian's qtltools-example 1.3.1"
{
  printf '# file\tsha256\tlicence\torigin\n'
  cd "$here"
  for f in geuvadis/chr22.bcf geuvadis/chr22.bcf.csi geuvadis/chr22.vcf.gz geuvadis/chr22.vcf.gz.tbi \
    geuvadis/covars.tsv geuvadis/genes.bed.gz geuvadis/genes.gtf.gz geuvadis/traits.tsv geuvadis/LICENSE.GPL-3+ geuvadis/COPYING.GPL-3; do
    case $f in
      *.bcf*) how="chr22:17000000-18500000 as BCF" ;;
      *.vcf.gz*) how="chr22:17000000-18500000" ;;
      *covars*) how="3 genotype and 9 expression principal components" ;;
      *genes.bed*) how="expression (RPKM) of the first $n_genes genes from 17 Mb on, with their places" ;;
      *genes.gtf*) how="GENCODE v19, genes of chr22:16500000-20000000" ;;
      *traits*) how="expression (RPKM) of the first $n_genes genes from 17 Mb on" ;;
      *COPYING*) how="the licence in full" ;;
      *) how="the copyright file of Debian's package qtltools" ;;
    esac
    printf '%s\t%s\tGPL-3+\t%s; %s\n' "$f" "$(sha256sum "$f" | cut -d' ' -f1)" "$origin" "$how"
  done
} >"$here/MANIFEST"
