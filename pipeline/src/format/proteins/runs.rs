//! Which rows of a long table are one measurement of a sample.
//!
//! A run is a sample on one panel, told from others by file, project, plate and well, and by a number where all these are
//! equal. A measurement takes a run of each panel at most: a sample that lies on other plates for other panels is one
//! measurement; one that is repeated on a panel is several. Runs of equal file, project, plate and well stay together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Where and when a run was made; numbers of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Place {
    pub file: u32,
    pub project: u32,
    pub plate: u32,
    pub well: u32,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    sample: u32,
    panel: u32,
    place: Place,
    /// 0, or more where the same sample, panel and place have the same assay again.
    repeat: u32,
}

/// All runs, and their numbers within their panel.
#[derive(Debug, Default)]
pub(super) struct Runs {
    of: HashMap<(u32, u32, Place, u32), u32>,
    runs: Vec<Run>,
    /// By panel: the numbers of its runs.
    columns: Vec<Vec<u32>>,
    /// By run: its index within its panel.
    column_of: Vec<u32>,
    /// By panel and sample: the run last used; u32::MAX none.
    last: Vec<Vec<u32>>,
}

/// A measurement: a sample, and its run of each panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    pub sample: u32,
    pub replicate: u32,
    /// Place of the first run.
    pub place: Place,
    /// By panel: the column of the run within the panel, and its plate.
    pub runs: Vec<Option<(u32, u32)>>,
}

impl Runs {
    pub fn n_panels(&self) -> usize {
        self.columns.len()
    }

    pub fn add_panel(&mut self) {
        self.columns.push(Vec::new());
        self.last.push(Vec::new());
    }

    /// The column, within the panel, of a sample's run at a place.
    #[inline]
    pub fn column(&mut self, panel: u32, sample: u32, place: Place) -> u32 {
        if let Some(&run) = self.last[panel as usize].get(sample as usize)
            && run != u32::MAX
            && self.runs[run as usize].place == place
            && self.runs[run as usize].repeat == 0
        {
            return self.column_of[run as usize];
        }
        let run = self.find(panel, sample, place, 0);
        let last = &mut self.last[panel as usize];
        if last.len() <= sample as usize {
            last.resize(sample as usize + 1, u32::MAX);
        }
        last[sample as usize] = run;
        self.column_of[run as usize]
    }

    /// The column of the run that comes `repeat` times after the one at the same place.
    pub fn repeated(&mut self, panel: u32, sample: u32, place: Place, repeat: u32) -> u32 {
        let run = self.find(panel, sample, place, repeat);
        self.column_of[run as usize]
    }

    fn find(&mut self, panel: u32, sample: u32, place: Place, repeat: u32) -> u32 {
        let run = self.runs.len() as u32;
        match self.of.entry((panel, sample, place, repeat)) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(new) => new.insert(run),
        };
        self.runs.push(Run { sample, panel, place, repeat });
        let columns = &mut self.columns[panel as usize];
        self.column_of.push(columns.len() as u32);
        columns.push(run);
        run
    }

    /// Measurements, by the order in which their samples came first.
    pub fn measurements(&self, n_samples: usize) -> Vec<Measured> {
        let mut by_sample: Vec<Vec<u32>> = vec![Vec::new(); n_samples];
        let mut order = Vec::new();
        for (number, run) in self.runs.iter().enumerate() {
            let runs = &mut by_sample[run.sample as usize];
            if runs.is_empty() {
                order.push(run.sample);
            }
            runs.push(number as u32);
        }
        order.iter().flat_map(|&sample| self.of_sample(sample, &by_sample[sample as usize])).collect()
    }

    fn of_sample(&self, sample: u32, runs: &[u32]) -> Vec<Measured> {
        let mut groups: Vec<((Place, u32), Vec<u32>)> = Vec::new();
        for &number in runs {
            let run = self.runs[number as usize];
            let key = (run.place, run.repeat);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(number),
                None => groups.push((key, vec![number])),
            }
        }
        let mut measured: Vec<Measured> = Vec::new();
        for ((place, _), group) in groups {
            let fits = |one: &Measured| group.iter().all(|&r| one.runs[self.runs[r as usize].panel as usize].is_none());
            let same = |one: &Measured| (one.place.file, one.place.project) == (place.file, place.project);
            let found =
                measured.iter().position(|one| same(one) && fits(one)).or_else(|| measured.iter().position(fits));
            let idx = found.unwrap_or_else(|| {
                let (replicate, runs) = (measured.len() as u32, vec![None; self.n_panels()]);
                measured.push(Measured { sample, replicate, place, runs });
                measured.len() - 1
            });
            for &number in &group {
                let run = self.runs[number as usize];
                measured[idx].runs[run.panel as usize] = Some((self.column_of[number as usize], run.place.plate));
            }
        }
        measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(plate: u32) -> Place {
        Place { plate, ..Place::default() }
    }

    fn plates(runs: &[(u32, u32)]) -> Vec<Vec<Option<u32>>> {
        let mut all = Runs::default();
        (0..2).for_each(|_| all.add_panel());
        for &(panel, on) in runs {
            all.column(panel, 0, plate(on));
        }
        let of = |one: &Measured| one.runs.iter().map(|run| run.map(|(_, plate)| plate)).collect();
        all.measurements(1).iter().map(of).collect()
    }

    #[test]
    fn panels_on_different_plates_are_one_measurement() {
        assert_eq!(plates(&[(0, 1), (1, 2), (0, 1)]), [[Some(1), Some(2)]]);
    }

    #[test]
    fn repeats_of_a_panel_are_several_and_plates_stay_together() {
        assert_eq!(plates(&[(0, 1), (0, 2), (1, 3), (1, 4)]), [[Some(1), Some(3)], [Some(2), Some(4)]]);
        assert_eq!(plates(&[(0, 1), (1, 2), (1, 1), (0, 2)]), [[Some(1), Some(1)], [Some(2), Some(2)]]);
        assert_eq!(plates(&[(0, 1), (1, 2), (1, 1)]), [[Some(1), Some(1)], [None, Some(2)]]);
    }

    #[test]
    fn interleaved_runs_keep_their_columns() {
        let mut all = Runs::default();
        all.add_panel();
        let columns: Vec<u32> = [(0, 1), (0, 2), (1, 1), (0, 1), (0, 2), (1, 1)]
            .iter()
            .map(|&(sample, on)| all.column(0, sample, plate(on)))
            .collect();
        assert_eq!(columns, [0, 1, 2, 0, 1, 2]);
        assert_eq!(all.repeated(0, 0, plate(1), 1), 3);
        let measured = all.measurements(2);
        assert_eq!(
            measured.iter().map(|one| (one.sample, one.replicate)).collect::<Vec<_>>(),
            [(0, 0), (0, 1), (0, 2), (1, 0)]
        );
    }
}
