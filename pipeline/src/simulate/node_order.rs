//! The tree's inner nodes by time, so that lineages can be counted and picked at any time. Kept in short runs, so that an
//! insertion moves little however many nodes there are.

/// Entries of a run before it is split.
const MAX_RUN: usize = 256;

/// (time, node) in ascending order of time, then node.
#[derive(Debug, Clone, Default)]
pub struct NodeOrder {
    runs: Vec<Vec<(f64, u32)>>,
}

impl NodeOrder {
    /// From nodes in ascending order.
    pub fn new(ascending: &[(f64, u32)]) -> Self {
        Self { runs: ascending.chunks(MAX_RUN / 2).map(<[_]>::to_vec).collect() }
    }

    fn run_of(&self, entry: (f64, u32)) -> usize {
        self.runs.partition_point(|run| run.last().is_some_and(|&last| last < entry)).min(self.runs.len() - 1)
    }

    /// Adds a node.
    pub fn insert(&mut self, time: f64, node: u32) {
        if self.runs.is_empty() {
            self.runs.push(Vec::new());
        }
        let run_idx = self.run_of((time, node));
        let run = &mut self.runs[run_idx];
        run.insert(run.partition_point(|&e| e < (time, node)), (time, node));
        if run.len() >= MAX_RUN {
            let upper = run.split_off(MAX_RUN / 2);
            self.runs.insert(run_idx + 1, upper);
        }
    }

    /// Takes a node out that is there.
    pub fn remove(&mut self, time: f64, node: u32) {
        let run_idx = self.run_of((time, node));
        let run = &mut self.runs[run_idx];
        let at = run.partition_point(|&e| e < (time, node));
        if run.get(at) == Some(&(time, node)) {
            run.remove(at);
        }
        if run.is_empty() && self.runs.len() > 1 {
            self.runs.remove(run_idx);
        }
    }

    /// Number of nodes later than `time`.
    pub fn n_above(&self, time: f64) -> usize {
        let run_idx = self.runs.partition_point(|run| run.last().is_none_or(|last| last.0 <= time));
        let Some(run) = self.runs.get(run_idx) else { return 0 };
        let within = run.len() - run.partition_point(|e| e.0 <= time);
        within + self.runs[run_idx + 1..].iter().map(Vec::len).sum::<usize>()
    }

    /// Times later than `time`, ascending.
    pub fn times_above(&self, time: f64) -> impl Iterator<Item = f64> + '_ {
        let run_idx = self.runs.partition_point(|run| run.last().is_none_or(|last| last.0 <= time));
        let first = self.runs.get(run_idx).map_or(&[][..], |run| &run[run.partition_point(|e| e.0 <= time)..]);
        let rest = self.runs.get(run_idx + 1..).unwrap_or(&[]);
        first.iter().chain(rest.iter().flatten()).map(|e| e.0)
    }

    /// The node of rank `rank` from the latest, which is 0.
    pub fn nth_from_top(&self, mut rank: usize) -> u32 {
        for run in self.runs.iter().rev() {
            if rank < run.len() {
                return run[run.len() - 1 - rank].1;
            }
            rank -= run.len();
        }
        self.runs[0][0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_through_insertions_and_removals() {
        let start: Vec<(f64, u32)> = (0..1000).map(|i| (f64::from(i), i)).collect();
        let mut order = NodeOrder::new(&start);
        for i in 0..1000 {
            order.remove(f64::from(i), i);
            order.insert(f64::from((i * 617) % 1000) + 0.5, i);
        }
        let times: Vec<f64> = order.times_above(-1.0).collect();
        assert_eq!(times, (0..1000).map(|i| f64::from(i) + 0.5).collect::<Vec<_>>());
        assert_eq!(order.n_above(0.5), 999);
        assert_eq!(order.n_above(999.5), 0);
        assert_eq!(order.n_above(499.9), 500);
        assert_eq!(order.nth_from_top(0), (0..1000).find(|i| (i * 617) % 1000 == 999).unwrap());
        assert_eq!(order.times_above(998.0).collect::<Vec<_>>(), [998.5, 999.5]);
    }
}
