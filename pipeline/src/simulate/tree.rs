//! The genealogy of all haplotypes at one place of the genome, and how it changes from one place to the next.
//!
//! At a place it is Kingman's coalescent (Kingman 1982), so that a mutation on it is carried by i of the haplotypes with a
//! probability in proportion to 1/i. Along the genome it follows the sequentially Markov coalescent SMC' (McVean and
//! Cardin 2005; Marjoram and Wall 2006): at a recombination a lineage is cut at a place uniform on the tree and joins
//! another at the rate of one per pair. Each haplotype so is a mosaic of pieces of its ancestors' haplotypes. Times are in units of
//! 2N generations.

use super::node_order::NodeOrder;
use super::prefix_sums::PrefixSums;
use super::random::Stream;

const NONE: u32 = u32::MAX;

/// A tree over haplotypes 0 to n − 1, which are the leaves; inner nodes are numbered n to 2n − 2.
pub struct Tree {
    n_leaves: u32,
    parents: Vec<u32>,
    /// Of inner nodes, from number n on.
    children: Vec<[u32; 2]>,
    /// Times of inner nodes, from number n on.
    times: PrefixSums,
    order: NodeOrder,
    root: u32,
    stack: Vec<u32>,
}

impl Tree {
    /// Draws a tree over `n_leaves` haplotypes, two or more.
    pub fn draw(n_leaves: u32, stream: &mut Stream) -> Self {
        let n = n_leaves as usize;
        let mut lineages: Vec<u32> = (0..n_leaves).collect();
        let mut parents = vec![NONE; 2 * n - 1];
        let mut children = Vec::with_capacity(n - 1);
        let mut ascending = Vec::with_capacity(n - 1);
        let mut time = 0.0;
        for node in n_leaves..2 * n_leaves - 1 {
            let k = lineages.len() as f64;
            time += stream.exponential() / (0.5 * k * (k - 1.0));
            let mut take = || lineages.swap_remove(stream.below(lineages.len() as u64) as usize);
            let pair = [take(), take()];
            pair.iter().for_each(|&child| parents[child as usize] = node);
            lineages.push(node);
            children.push(pair);
            ascending.push((time, node));
        }
        let times = PrefixSums::new(ascending.iter().map(|e| e.0).collect());
        let order = NodeOrder::new(&ascending);
        Self { n_leaves, parents, children, times, order, root: 2 * n_leaves - 2, stack: Vec::new() }
    }

    /// The mean of [`length`](Self::length) over trees of `n_leaves`: twice the harmonic number of n − 1.
    pub fn mean_length(n_leaves: u32) -> f64 {
        2.0 * (1..n_leaves).rev().map(|i| 1.0 / f64::from(i)).sum::<f64>()
    }

    fn time(&self, node: u32) -> f64 {
        if node < self.n_leaves { 0.0 } else { self.times.value((node - self.n_leaves) as usize) }
    }

    /// Sum of the branches' lengths.
    pub fn length(&self) -> f64 {
        self.times.total() + self.time(self.root)
    }

    /// A place uniform on the branches: the node below it, and its time.
    ///
    /// At time t there are 1 + #{inner nodes later than t} lineages below the root's time, so a time by the density of
    /// lineages is uniform below the time of an inner node, drawn in proportion to its time with the root counted twice.
    pub fn place(&self, stream: &mut Stream) -> (u32, f64) {
        let inner = self.times.total();
        let at = stream.uniform() * (inner + self.time(self.root));
        let below = if at < inner { self.times.value(self.times.find(at)) } else { self.time(self.root) };
        let time = below * stream.uniform();
        (self.lineage_at(time, stream), time)
    }

    /// The node below a lineage drawn uniformly among those at `time`.
    fn lineage_at(&self, time: f64, stream: &mut Stream) -> u32 {
        let n_above = self.order.n_above(time);
        if n_above == 0 {
            return self.root;
        }
        // k of the 2(k − 1) children of the k − 1 nodes above are below: half or more of the draws serve.
        loop {
            let drawn = stream.below(2 * n_above as u64) as usize;
            let node = self.order.nth_from_top(drawn / 2);
            let child = self.children[(node - self.n_leaves) as usize][drawn % 2];
            if self.time(child) <= time {
                return child;
            }
        }
    }

    /// The tree beyond a recombination.
    pub fn recombine(&mut self, stream: &mut Stream) {
        let (node, cut) = self.place(stream);
        let mut left = stream.exponential();
        let mut time = cut;
        let mut n_lineages = self.order.n_above(cut) as f64 + 1.0;
        for next in self.order.times_above(cut) {
            let hazard = n_lineages * (next - time);
            if left < hazard {
                break;
            }
            left -= hazard;
            time = next;
            n_lineages -= 1.0;
        }
        time += left / n_lineages;
        let target = self.lineage_at(time, stream);
        if target != node {
            self.regraft(node, target, time);
        }
    }

    /// Cuts the branch above `node` and joins it to the branch above `target` at `time`; the node above is used again.
    fn regraft(&mut self, node: u32, target: u32, time: f64) {
        let joint = self.parents[node as usize];
        let joint_idx = (joint - self.n_leaves) as usize;
        let [first, second] = self.children[joint_idx];
        let sibling = if first == node { second } else { first };
        self.replace_child(joint, sibling);
        let target = if target == joint { sibling } else { target };
        self.order.remove(self.times.value(joint_idx), joint);
        self.replace_child(target, joint);
        self.children[joint_idx] = [node, target];
        self.parents[target as usize] = joint;
        self.times.set(joint_idx, time);
        self.order.insert(time, joint);
    }

    /// Puts `new` in the place of `old` below old's parent.
    fn replace_child(&mut self, old: u32, new: u32) {
        let parent = self.parents[old as usize];
        self.parents[new as usize] = parent;
        if parent == NONE {
            self.root = new;
            return;
        }
        for child in &mut self.children[(parent - self.n_leaves) as usize] {
            if *child == old {
                *child = new;
            }
        }
    }

    /// Sets the bit of every haplotype below `node`; their number.
    pub fn mark_leaves(&mut self, node: u32, bits: &mut [u64]) -> u32 {
        let mut n_marked = 0;
        self.stack.clear();
        self.stack.push(node);
        while let Some(node) = self.stack.pop() {
            if node < self.n_leaves {
                bits[node as usize / 64] |= 1 << (node % 64);
                n_marked += 1;
            } else {
                self.stack.extend(self.children[(node - self.n_leaves) as usize]);
            }
        }
        n_marked
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::*;

    fn check(tree: &Tree) {
        let n = tree.n_leaves;
        assert_eq!(tree.parents[tree.root as usize], NONE);
        let mut length = 0.0;
        for node in 0..2 * n - 1 {
            let parent = tree.parents[node as usize];
            if node == tree.root {
                continue;
            }
            assert!(tree.children[(parent - n) as usize].contains(&node));
            assert!(tree.time(parent) > tree.time(node), "{node}");
            length += tree.time(parent) - tree.time(node);
        }
        assert!((length - tree.length()).abs() < 1e-9 * length);
        let above: Vec<f64> = tree.order.times_above(-1.0).collect();
        assert_eq!(above.len(), n as usize - 1);
        assert!(above.is_sorted());
    }

    #[test]
    fn stays_a_tree_and_keeps_its_mean_length() {
        for n in [2, 3, 40] {
            let mut stream = Stream::new(5, Purpose::Genealogy, 0, u64::from(n));
            let mut tree = Tree::draw(n, &mut stream);
            let (mut sum, mut weight) = (0.0, 0.0);
            for step in 0..40_000 {
                tree.recombine(&mut stream);
                if step % 1000 == 0 {
                    check(&tree);
                }
                // Recombinations come at a rate in proportion to the length, so a tree weighs by its inverse.
                sum += 1.0;
                weight += 1.0 / tree.length();
            }
            let (found, mean) = (sum / weight, Tree::mean_length(n));
            assert!((found / mean - 1.0).abs() < 0.08, "{n}: {found}, expected {mean}");
        }
    }

    #[test]
    fn a_mutation_is_carried_by_some_and_not_by_all() {
        let mut stream = Stream::new(6, Purpose::Genealogy, 0, 0);
        let mut tree = Tree::draw(130, &mut stream);
        for _ in 0..2000 {
            tree.recombine(&mut stream);
            let mut bits = [0; 3];
            let (node, _) = tree.place(&mut stream);
            let n = tree.mark_leaves(node, &mut bits);
            assert_eq!(n, bits.iter().map(|word: &u64| word.count_ones()).sum::<u32>());
            assert!((1..130).contains(&n));
        }
    }
}
