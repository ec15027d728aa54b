//! What `scontrol show` prints: records of KEY=VALUE words, on one line or several, and the configuration as KEY = VALUE.

use std::collections::BTreeMap;

/// A partition or a node: its fields.
pub type Record = BTreeMap<String, String>;

/// All that was read.
#[derive(Debug, Default)]
pub struct Shown {
    /// By `scontrol show partition`.
    pub partitions: Vec<Record>,
    /// By `scontrol show node`.
    pub nodes: Vec<Record>,
    /// By `scontrol show config`.
    pub config: Record,
}

/// Reads any mixture of the three.
///
/// A word without '=' belongs to the value before it (OS, Reason and Comment hold blanks).
pub fn parse(text: &str) -> Shown {
    let mut shown = Shown::default();
    let mut record: Option<(Kind, Record)> = None;
    let mut last_key = String::new();
    for line in text.lines() {
        if let Some((key, value)) = config_line(line) {
            shown.config.insert(key.to_owned(), value.to_owned());
            continue;
        }
        // What a record says goes on in indented lines only.
        if !line.starts_with(' ') {
            last_key.clear();
        }
        for word in line.split_whitespace() {
            let pair = word.split_once('=').filter(|(key, _)| is_key(key));
            let Some((key, value)) = pair else {
                if let Some((_, fields)) = &mut record
                    && let Some(value) = fields.get_mut(&last_key)
                {
                    value.push(' ');
                    value.push_str(word);
                }
                continue;
            };
            let kind = match key {
                "PartitionName" => Some(Kind::Partition),
                "NodeName" => Some(Kind::Node),
                _ => None,
            };
            if let Some(kind) = kind {
                shown.keep(record.replace((kind, Record::new())));
            }
            if let Some((_, fields)) = &mut record {
                fields.entry(key.to_owned()).or_insert_with(|| value.to_owned());
                last_key = key.to_owned();
            }
        }
    }
    shown.keep(record);
    shown
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Partition,
    Node,
}

impl Shown {
    fn keep(&mut self, record: Option<(Kind, Record)>) {
        match record {
            Some((Kind::Partition, fields)) => self.partitions.push(fields),
            Some((Kind::Node, fields)) => self.nodes.push(fields),
            None => {}
        }
    }
}

/// "MpiDefault              = pmix".
fn config_line(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(" = ")?;
    let key = key.trim_end();
    (is_key(key) && !line.starts_with(' ')).then(|| (key, value.trim()))
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:/".contains(&byte))
}

/// The value of `key`, unless it is one of Slurm's words for none.
pub fn known<'a>(record: &'a Record, key: &str) -> Option<&'a str> {
    let value = record.get(key)?.as_str();
    let none = ["", "N/A", "(null)", "NONE", "UNLIMITED", "INFINITE", "n/a"];
    (!none.contains(&value)).then_some(value)
}

/// The number of `key`.
pub fn number(record: &Record, key: &str) -> Option<u64> {
    known(record, key)?.parse().ok()
}

/// The list of `key`, by commas.
pub fn list(record: &Record, key: &str) -> Vec<String> {
    known(record, key).map_or(Vec::new(), |text| text.split(',').map(str::to_owned).collect())
}
