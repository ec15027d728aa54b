//! One file format per file: names, layouts and raw decoding. The only home of noodles.

pub mod bcf;
pub mod bcf_genotypes;
pub mod bcf_header;
pub mod bcf_scan;
pub mod bgzf;
pub mod bgzf_reader;
pub mod bgzf_source;
pub mod bgzip;
pub mod chromosome;
pub mod index;
pub mod loco;
pub mod regions;
pub mod sample_list;
pub mod sex;
pub mod table;
pub mod table_cell;
pub mod table_text;
pub mod vcf;
pub mod vcf_call;
pub mod vcf_genotypes;
pub mod vcf_header;
pub mod vcf_scan;
pub mod vcf_site;
