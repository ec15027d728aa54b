//! What does not get faster with ranks, or gets slower: opening the study, putting spools together, rank 0's own writing.

/// Measured on one core; docs/scaling.md says how.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Seconds for reading the tables and fitting the null models, on one thread.
    pub open_seconds: f64,
    /// Bytes of the tables.
    pub table_bytes: f64,
    /// Seconds of rank 0 for each row of /variants.
    pub variant_seconds: f64,
    /// Bytes of matrices that a rank writes each second, reading the spools included.
    pub matrix_rate: f64,
    /// Bytes of a rank's account of its spool that do not depend on its shards: the histograms.
    pub tally_bytes: f64,
    /// Bytes of such accounts that rank 0 adds up each second.
    pub tally_rate: f64,
    /// Bytes of the index for each part of a shard.
    pub part_bytes: f64,
    /// Variants of a part.
    pub part_variants: f64,
}

/// A cluster: assumptions, not measurements.
#[derive(Debug, Clone, Copy)]
pub struct Cluster {
    /// Ranks on a node.
    pub ranks_per_node: f64,
    /// Bytes a second between a node and the others.
    pub node_rate: f64,
    /// Bytes a second of the file system in all.
    pub disk_rate: f64,
    /// Files that it opens each second.
    pub opens: f64,
}

/// How ranks tell one another what they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// As it was: rank 0 with each, all accounts held at a time; every rank opens every spool.
    Before,
    /// As it is: accounts are added up as they arrive, what rank 0 tells goes down a binomial tree, and a rank opens the
    /// spools that it needs.
    Now,
    /// As it could be: histograms added up on their way up a tree as well.
    Tree,
}

/// Seconds of the serial parts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial {
    /// Opening.
    pub open: f64,
    /// Accounts of spools to rank 0, and the index to all.
    pub tell: f64,
    /// Spools opened by all.
    pub spools: f64,
    /// Rank 0's /variants.
    pub variants: f64,
    /// Matrices, by all ranks.
    pub matrices: f64,
    /// Bytes that rank 0 holds at a time because of the ranks' accounts.
    pub root_bytes: f64,
}

impl Serial {
    /// For `ranks` ranks of a study of `n_variants` with `matrix_bytes` of matrices.
    pub fn new(
        (ranks, telling): (usize, Telling),
        (n_variants, matrix_bytes): (f64, f64),
        measured: &Measured,
        cluster: &Cluster,
    ) -> Self {
        let ranks = ranks as f64;
        let nodes = (ranks / cluster.ranks_per_node).ceil();
        let parts = n_variants / measured.part_variants;
        let index_bytes = parts * measured.part_bytes;
        // A node reads the tables once: its ranks share the page cache.
        let reading = measured.table_bytes / cluster.node_rate.min(cluster.disk_rate / nodes);
        let tally = measured.tally_bytes / cluster.node_rate + measured.tally_bytes / measured.tally_rate;
        let depth = ranks.log2().ceil();
        let index = index_bytes / cluster.node_rate;
        let needed = ranks * (parts / ranks).ceil().min(ranks);
        let (tell, opened, root_bytes) = match telling {
            Telling::Before => (ranks * (tally + index), ranks * ranks, ranks * measured.tally_bytes + index_bytes),
            Telling::Now => (ranks * tally + (depth + 1.0) * index, needed, measured.tally_bytes + index_bytes),
            Telling::Tree => (depth * tally + (depth + 1.0) * index, needed, 2.0 * measured.tally_bytes + index_bytes),
        };
        Self {
            open: measured.open_seconds + reading + ranks / cluster.opens,
            tell,
            spools: opened / cluster.opens,
            variants: n_variants * measured.variant_seconds,
            matrices: matrix_bytes / (ranks * measured.matrix_rate).min(cluster.disk_rate),
            root_bytes,
        }
    }

    /// After the last shard.
    pub fn finalise(&self) -> f64 {
        self.tell + self.spools + self.variants.max(self.matrices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_no_worse_and_one_rank_tells_nobody() {
        let measured = Measured {
            open_seconds: 10.0,
            table_bytes: 1e9,
            variant_seconds: 1e-6,
            matrix_rate: 1e9,
            tally_bytes: 3e6,
            tally_rate: 3e8,
            part_bytes: 28.0,
            part_variants: 167.0,
        };
        let cluster = Cluster { ranks_per_node: 8.0, node_rate: 1e10, disk_rate: 1e11, opens: 1e4 };
        let serial = |ranks, telling| Serial::new((ranks, telling), (1e7, 1e11), &measured, &cluster);
        assert!(serial(1, Telling::Before).tell < 0.02);
        for ranks in [2, 16, 4096] {
            let [before, now, tree] =
                [Telling::Before, Telling::Now, Telling::Tree].map(|how| serial(ranks, how).finalise());
            assert!(tree <= now + 1e-9 && now <= before + 1e-3, "{ranks}: {before} {now} {tree}");
        }
        assert!(serial(4096, Telling::Before).root_bytes > 1e10 && serial(4096, Telling::Now).root_bytes < 1e8);
    }
}
