//! The genotypes of a group's windows: kept in memory where they fit, else read again for every pass.

use std::ops::Range;

use norna_kernels::{GenotypeBlock, GenotypeKind};

use crate::plan::block_variants;
use crate::qtl::VariantKey;
use crate::qtl::windows::Group;
use crate::source::{Input, Part, SourceError, VariantBlock, VariantLedger};

/// A block of variants of one file, by rising position.
pub(super) struct Piece {
    pub(super) file_idx: usize,
    /// Its first variant's number among those read of the file.
    pub(super) first: u64,
    pub(super) block: VariantBlock,
}

impl Piece {
    /// Its variants within an interval of positions.
    pub(super) fn within(&self, (from, to): (u32, u32)) -> Range<usize> {
        let variants = &self.block.variants;
        variants.partition_point(|v| v.pos < from)..variants.partition_point(|v| v.pos <= to)
    }

    /// A variant of it, as it is told.
    pub(super) fn key(&self, row: usize) -> VariantKey {
        let variant = &self.block.variants[row];
        VariantKey {
            chrom: variant.chrom.to_string(),
            pos: variant.pos,
            id: variant.id.clone(),
            reference: variant.reference.clone(),
            alternate: variant.alternate.clone(),
        }
    }
}

/// The variants of a group.
pub(super) struct Window<'a> {
    input: &'a Input,
    group: &'a Group,
    n_samples: usize,
    kept: Option<Vec<Piece>>,
    /// What was read and dropped in the group's own stretch.
    pub(super) ledger: VariantLedger,
}

impl<'a> Window<'a> {
    /// Reads them; `budget`: bytes of genotypes that are kept at most.
    pub(super) fn open(
        input: &'a Input,
        group: &'a Group,
        n_samples: usize,
        budget: usize,
        must_drop: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let mut window = Self { input, group, n_samples, kept: None, ledger: VariantLedger::default() };
        let (mut kept, mut bytes) = (Vec::new(), 0);
        let mut ledger = VariantLedger::default();
        let fits = window.read(&mut ledger, &mut |piece| {
            bytes += bytes_of(&piece.block.genotypes);
            kept.push(piece);
            Ok(bytes <= budget && !must_drop())
        })?;
        if fits {
            window.kept = Some(kept);
        } else {
            drop(kept);
            ledger = VariantLedger::default();
            window.read(&mut ledger, &mut |_| Ok(!must_drop()))?;
        }
        window.ledger = ledger;
        Ok(window)
    }

    /// First position that no group before has.
    pub(super) fn own_from(&self) -> u32 {
        self.group.own_from
    }

    /// Hands every piece to `each`, file by file, by position, until it says false.
    pub(super) fn visit(&self, each: &mut dyn FnMut(&Piece) -> Result<bool, String>) -> Result<(), String> {
        if let Some(kept) = &self.kept {
            for piece in kept {
                if !each(piece)? {
                    break;
                }
            }
            return Ok(());
        }
        self.read(&mut VariantLedger::default(), &mut |piece| each(&piece)).map(|_| ())
    }

    /// Reads all pieces; false where `each` had enough. The stretch that earlier groups own comes first and in pieces of its
    /// own, so that the ledger counts each record of the genome once.
    fn read(
        &self,
        ledger: &mut VariantLedger,
        each: &mut dyn FnMut(Piece) -> Result<bool, String>,
    ) -> Result<bool, String> {
        let (group, (from, to)) = (self.group, self.group.span);
        let before = (group.own_from > from).then(|| self.input.part(&group.chrom, (from, to.min(group.own_from - 1))));
        let own = (group.own_from <= to).then(|| self.input.part(&group.chrom, (group.own_from, to)));
        for file_idx in 0..self.input.paths().len() {
            let mut file = File { input: self.input, file_idx, n_read: 0, last_pos: 0, n_samples: self.n_samples };
            for (part, counted) in [(&before, false), (&own, true)] {
                let Some(part) = part else { continue };
                let mut uncounted = VariantLedger::default();
                let ledger = if counted { &mut *ledger } else { &mut uncounted };
                if !file.read(part, ledger, each)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// A file of which parts are read.
struct File<'a> {
    input: &'a Input,
    file_idx: usize,
    n_read: u64,
    last_pos: u32,
    n_samples: usize,
}

impl File<'_> {
    fn read(
        &mut self,
        part: &Part,
        ledger: &mut VariantLedger,
        each: &mut dyn FnMut(Piece) -> Result<bool, String>,
    ) -> Result<bool, String> {
        let kind = self.input.kind();
        let file_idx = self.file_idx;
        for shard in part.shards().iter().filter(|shard| shard.file_idx == file_idx) {
            let mut reader = part.reader(shard).map_err(|e: SourceError| e.to_string())?;
            loop {
                let mut block = VariantBlock::new(kind, self.n_samples, block_variants(kind, self.n_samples));
                if reader.read_block(&mut block).map_err(|e| e.to_string())? == 0 {
                    break;
                }
                self.check_order(&block)?;
                let first = self.n_read;
                self.n_read += block.len() as u64;
                if !each(Piece { file_idx: self.file_idx, first, block })? {
                    return Ok(false);
                }
            }
            ledger.merge(reader.ledger());
        }
        Ok(true)
    }

    fn check_order(&mut self, block: &VariantBlock) -> Result<(), String> {
        for variant in &block.variants {
            if variant.pos < self.last_pos {
                let name = self.input.name_of(self.file_idx);
                return Err(format!(
                    "{name}: {}:{} comes after {}: not sorted by position; bcftools sort, then index it again",
                    variant.chrom, variant.pos, self.last_pos
                ));
            }
            self.last_pos = variant.pos;
        }
        Ok(())
    }
}

/// What a block's genotypes take.
fn bytes_of(genotypes: &GenotypeBlock) -> usize {
    let each = match genotypes.kind() {
        GenotypeKind::Calls => 1,
        GenotypeKind::Dosages => 4,
    };
    genotypes.len() * genotypes.n_samples() * each
}
