//! A card as a table for people.

use std::fmt;

use super::card::Card;

/// Bytes a second as gigabytes.
fn giga(bytes: f64) -> String {
    format!("{:.2} GB/s", bytes * 1e-9)
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{}, {} cores, {}, {} threads, {}",
            machine.cpu, machine.cores, machine.isa, machine.threads, self.date
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
            writeln!(f, "file system: write {}, read {}", giga(files.write), giga(files.read))?;
            writeln!(f, "file system: sync {:.2} ms, create {:.2} ms", files.sync * 1e3, files.create * 1e3)?;
        }
        if let Some(messages) = &self.messages {
            writeln!(f)?;
            let micros = messages.latency * 1e6;
            writeln!(f, "messages, {} ranks: {micros:.2} µs, {}", messages.ranks, giga(messages.bandwidth))?;
        }
        Ok(())
    }
}
