//! A defect on demand: lets tests see what a run does when a shard panics.

use crate::source::VariantBlock;

/// Panics where the block holds the variant of $NORNA_PANIC_AT (chromosome:position), in builds with debug assertions.
#[inline]
pub fn panic_at(block: &VariantBlock) {
    if cfg!(debug_assertions)
        && let Some(place) = wanted()
        && let Some((chrom, pos)) = place.split_once(':')
    {
        let hit = block.variants.iter().any(|v| *v.chrom == *chrom && v.pos.to_string() == pos);
        assert!(!hit, "asked for by NORNA_PANIC_AT");
    }
}

fn wanted() -> Option<&'static str> {
    static WANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    WANTED.get_or_init(|| std::env::var("NORNA_PANIC_AT").ok()).as_deref()
}
