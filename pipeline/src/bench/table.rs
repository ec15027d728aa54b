//! A card as a table for people.

use std::fmt;

use super::card::Card;
use crate::report::words::count;

/// Bytes a second as gigabytes.
fn giga(bytes: f64) -> String {
    format!("{:.2} GB/s", bytes * 1e-9)
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{}, {}{}, {}, {}, {}",
            machine.cpu,
            count(machine.cores as u64, "core"),
            if machine.ranks > 1 { " of rank 0" } else { "" },
            machine.isa,
            count(machine.threads as u64, "thread"),
            self.date
        )?;
        writeln!(f)?;
        writeln!(f, "{:<38}{:>12}{:>13}{:>12}  unit", "stage", "one thread", "all threads", "limit")?;
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        for stage in &self.stages {
            let [one, all, limit] = [Some(stage.one_thread), stage.all_threads, stage.limit].map(cell);
            writeln!(f, "{:<38}{one:>12}{all:>13}{limit:>12}  {}", stage.name, stage.unit)?;
        }
        writeln!(f, "{:<38}{:>12.2}", "slower on all threads at once, times", self.rates.crowding)?;
        if let Some(memory) = &self.memory {
            writeln!(f)?;
            writeln!(
                f,
                "memory, copy: {}, all threads {}",
                giga(memory.copy_one_thread),
                giga(memory.copy_all_threads)
            )?;
            writeln!(
                f,
                "memory, read: {}, all threads {}",
                giga(memory.read_one_thread),
                giga(memory.read_all_threads)
            )?;
        }
        if let Some(files) = &self.file_system {
            writeln!(f)?;
            let cached = if files.read_cached { " (from memory)" } else { "" };
            writeln!(f, "file system: write {}, read {}{cached}", giga(files.write), giga(files.read))?;
            writeln!(
                f,
                "file system: append and sync {:.2} ms, create, rename, open and remove {:.2} ms",
                files.sync * 1e3,
                files.create * 1e3
            )?;
        }
        if let Some(messages) = &self.messages {
            writeln!(f)?;
            let micros = |seconds: f64| format!("{:.1}", seconds * 1e6);
            let (least, most) = messages.latency_range;
            let others = count(messages.ranks.saturating_sub(1) as u64, "other rank");
            writeln!(f, "messages between rank 0 and {others}, on {}:", count(messages.hosts as u64, "host"))?;
            writeln!(
                f,
                "  one way {} µs ({} to {}), a claim {} µs",
                micros(messages.latency),
                micros(least),
                micros(most),
                micros(messages.claim)
            )?;
            let (least, most) = messages.bandwidth_range;
            writeln!(f, "  bandwidth {} ({} to {})", giga(messages.bandwidth), giga(least), giga(most))?;
        }
        Ok(())
    }
}
