# norna: make demo · make test · make bench · make lint

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
RANKS ?= 2
DEMO_OUT ?= demo-out
TARGET := $(or $(CARGO_TARGET_DIR),target)
NORNA := $(TARGET)/release/norna
DATA := datasets/geuvadis
BENCH_DATA ?= $(TARGET)/bench-data
RECORD := benches/record/$(shell date -u +%F)

BUILD_PACKAGES := gcc libc6-dev make pkg-config libclang-dev libhdf5-dev libopenmpi-dev openmpi-bin python3 python3-h5py
BENCH_PACKAGES := time python3-numpy libopenblas0-pthread mosdepth
TEST_PACKAGES := plink2 plink1.9 bcftools samtools mosdepth libhts-dev tabix hdf5-tools shellcheck \
  slurmctld slurmd slurm-client munge iproute2 fastqtl qtltools r-bioc-qvalue \
  python3-venv chromium chromium-driver python3-selenium

# Open MPI wants these said where the user is root (containers) or cores are fewer than ranks; others ignore them.
export OMPI_MCA_rmaps_base_oversubscribe ?= 1
ifeq ($(shell id -u),0)
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
endif

.PHONY: help demo demo-variants demo-reads demo-proteins demo-results test bench lint deps build-deps build clean

help:
	@echo 'make demo   installs what is missing, builds, runs norna on real data with $(RANKS) MPI ranks, shows the top hits; then on reads and proteins; a report'
	@echo 'make test   every test, the comparison with plink2 included; and the build without MPI'
	@echo 'make bench  peers, growth, kernels, into benches/record/: an hour on two idle cores, 10 GB'
	@echo 'make lint   formatting, clippy, shellcheck'
	@echo 'make deps   only installs what is missing (Debian, Ubuntu)'

# Debian keeps several HDF5 flavours side by side and pkg-config may pick the MPI one: point cargo (plain cargo too) at
# the serial one where it is. HDF5_DIR in the environment wins, and a .cargo/config.toml of the user is left alone.
build-deps:
	@.ci/install $(BUILD_PACKAGES)
	@serial=/usr/lib/$$(uname -m)-linux-gnu/hdf5/serial; if [[ -d $$serial && ! -e .cargo/config.toml ]]; then \
	  mkdir -p .cargo; printf '# Made by make.\n[env]\nHDF5_DIR = "%s"\n' "$$serial" >.cargo/config.toml; fi

deps: build-deps
	@.ci/install $(TEST_PACKAGES)
	@.ci/python $(TARGET)/python pipeline/tests/python/ssf.txt pipeline/tests/python/recipes.txt

build: build-deps
	$(CARGO) build --release --locked -p norna

demo: demo-variants demo-reads demo-proteins demo-results

demo-variants: build
	@mkdir -p $(DEMO_OUT)
	mpirun -n $(RANKS) $(NORNA) assoc --vcf $(DATA)/chr22.vcf.gz --pheno $(DATA)/traits.tsv \
	  --covar $(DATA)/covars.tsv --out $(DEMO_OUT)/results.h5 --force
	@echo
	@echo 'Top hits (norna top $(DEMO_OUT)/results.h5 --n 10):'
	@$(NORNA) top $(DEMO_OUT)/results.h5 --n 10
	@echo
	@echo 'From Python:'
	@echo '  import h5py'
	@echo '  f = h5py.File("$(DEMO_OUT)/results.h5")'
	@echo '  beta = f["assoc/beta"][:, 0]      # variants × traits; column 0 is the trait f["traits/name"][0]'
	@echo '  pos = f["variants/pos"][:]'
	@echo 'All of one trait as a table: $(NORNA) export $(DEMO_OUT)/results.h5 --trait ENSG00000237438 --format tsv -o out.tsv.gz'

# People of whom nobody is: 100 simulated ones, 200 kb at 4×, two files of each other's reads and one of two people's.
READS := $(DEMO_OUT)/reads
READS_INPUT := --bam-list $(READS)/bams.txt --fasta $(READS)/reference.fa
demo-reads: demo-variants
	@echo
	@echo 'Reads, of 100 simulated people, 4 bases deep (norna simulate --reads):'
	$(NORNA) simulate --n-samples 100 --n-variants 500 --contig 22:200000 --n-traits 2 --n-causal 1 --heritability 0.6 \
	  --min-causal-maf 0.2 --out $(DEMO_OUT)/people.vcf.gz --reads $(READS) --depth 4 --swap 1 --contamination 0.2 \
	  --seed 3 --force --quiet
	@echo
	@echo 'How deep is each file? In windows of 500 bases:'
	mpirun -n $(RANKS) $(NORNA) depth --bam-list $(READS)/bams.txt --by 500 --out $(DEMO_OUT)/depth.h5 --force --quiet
	@echo
	@echo 'Is each file of the person it is named for? All that are not:'
	mpirun -n $(RANKS) $(NORNA) identity $(READS_INPUT) --vcf $(DEMO_OUT)/people.vcf.gz --out $(DEMO_OUT)/identity.tsv --force --quiet
	@awk -F'\t' '/^##/ { next } /^#/ || $$2 != "match"' $(DEMO_OUT)/identity.tsv
	@echo
	@echo 'Genotype likelihoods at known sites, for imputation with GLIMPSE2 or Beagle:'
	mpirun -n $(RANKS) $(NORNA) reads $(READS_INPUT) --sites $(READS)/sites.vcf.gz --out $(DEMO_OUT)/gl.bcf --force --quiet
	@echo
	@echo 'Association from the reads themselves, no genotype called. Planted, then found:'
	mpirun -n $(RANKS) $(NORNA) assoc $(READS_INPUT) --sites $(READS)/sites.vcf.gz --pheno $(DEMO_OUT)/people.pheno.tsv \
	  --covar $(DEMO_OUT)/people.covar.tsv --out $(DEMO_OUT)/reads.h5 --force --quiet
	@sed '/^##/d' $(DEMO_OUT)/people.truth.tsv
	@$(NORNA) top $(DEMO_OUT)/reads.h5 --n 4

# The same 20 genes as if a laboratory had measured their proteins: a table, the genes' places from an annotation.
demo-proteins: demo-reads
	@echo
	@echo 'Molecular phenotypes: a table and an annotation make one file (norna proteins):'
	$(NORNA) proteins $(DATA)/traits.tsv --annotation $(DATA)/genes.gtf.gz --transform rint --out $(DEMO_OUT)/proteins.h5 --force --quiet
	@echo
	@echo 'The variants near each gene that move it, p by 1,000 permutations, independent signals:'
	mpirun -n $(RANKS) $(NORNA) qtl --vcf $(DATA)/chr22.vcf.gz --proteins $(DEMO_OUT)/proteins.h5 --covar $(DATA)/covars.tsv \
	  --permute 1000 --conditional --out $(DEMO_OUT)/cis.h5 --force --quiet
	@$(NORNA) top $(DEMO_OUT)/cis.h5 --n 5
	@echo
	@echo 'Farther away:'
	mpirun -n $(RANKS) $(NORNA) qtl --vcf $(DATA)/chr22.vcf.gz --proteins $(DEMO_OUT)/proteins.h5 --covar $(DATA)/covars.tsv \
	  --trans --cis-window 500000 --p-threshold 1e-4 --out $(DEMO_OUT)/trans.h5 --force --quiet
	@$(NORNA) top $(DEMO_OUT)/trans.h5 --n 3

# What people look at, hand on, and may let out.
demo-results: demo-proteins
	@echo
	@echo 'Index variants and what is linked with them (norna clump):'
	@$(NORNA) clump $(DEMO_OUT)/results.h5 --vcf $(DATA)/chr22.vcf.gz --p 1e-10 | cut -f 1-14
	@echo
	@echo 'For a consortium: every pair as Parquet, one trait as regenie writes it (norna export):'
	$(NORNA) export $(DEMO_OUT)/results.h5 --trait '*' --format parquet --out $(DEMO_OUT)/parquet --force
	$(NORNA) export $(DEMO_OUT)/results.h5 --trait ENSG00000237438 --format regenie --out $(DEMO_OUT)/regenie --force
	@echo
	@echo 'May it leave the secure environment (norna disclose)?'
	@$(NORNA) disclose $(DEMO_OUT)/results.h5
	@echo
	@echo 'To look at, in any browser, offline (norna report, norna plot):'
	$(NORNA) plot $(DEMO_OUT)/results.h5 --trait ENSG00000237438 --kind regional --vcf $(DATA)/chr22.vcf.gz \
	  --annotation $(DATA)/genes.gtf.gz --out $(DEMO_OUT)/regional.svg --force
	$(NORNA) report $(DEMO_OUT)/results.h5 --vcf $(DATA)/chr22.vcf.gz --annotation $(DATA)/genes.gtf.gz \
	  --out $(DEMO_OUT)/report --force --quiet
	@echo
	@echo 'Results lie in $(DEMO_OUT)/: open $(DEMO_OUT)/report/index.html'

test: deps
	$(CARGO) check --locked -p norna --no-default-features
	$(CARGO) test --locked --workspace --no-fail-fast

bench: deps build
	@.ci/install $(BENCH_PACKAGES)
	benches/peers.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-peers.txt
	benches/scaling.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-scaling.txt
	benches/reads.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-reads.txt
	benches/reads_calibration.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-reads-calibration.txt
	benches/qtl.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-qtl.txt
	benches/export.sh $(NORNA) $(BENCH_DATA) | tee $(RECORD)-export.txt
	benches/report.sh $(NORNA) $(BENCH_DATA)/report | tee $(RECORD)-report.txt
	{ python3 benches/openblas_sgemm.py; $(CARGO) bench --locked -p norna-benches; } | tee $(RECORD)-kernels.txt
	$(CARGO) run --locked --release -p norna-benches --bin claim_simulation | tee $(RECORD)-claim-simulation.txt
	$(CARGO) test --locked --release -p norna-kernels --test permutation_calibration -- --ignored --nocapture \
	  | tee $(RECORD)-cis-calibration.txt
	$(CARGO) test --locked --release -p norna-kernels --test reads_calibration -- --ignored --nocapture \
	  | tee $(RECORD)-reads-calibration-kernels.txt
	$(CARGO) test --locked --release -p norna --test golden --test golden_cis --test store_chunks -- --ignored --nocapture

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	shellcheck .ci/run .ci/install .ci/python benches/*.sh datasets/*.sh slurm/*.sbatch slurm/lab/run slurm/lab/host

clean:
	$(CARGO) clean
	rm -rf $(DEMO_OUT)
