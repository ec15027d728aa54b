//! Durations as Slurm writes them, since limits are read from profiles, flags and scontrol alike.

use std::fmt;

/// Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlurmTime(pub u64);

/// More days than any job gets: what is beyond is a slip.
const MAX_DAYS: u64 = 10_000;

impl SlurmTime {
    /// Hours, for charges.
    pub fn hours(self) -> f64 {
        self.0 as f64 / 3600.0
    }

    /// As Slurm counts: in minutes, rounded up.
    pub fn whole_minutes(self) -> Self {
        Self(self.0.next_multiple_of(60))
    }

    /// The next time that is easy to read: 5 minutes' steps under an hour, 15 under six, whole hours above; at least ten
    /// minutes.
    pub fn rounded_up(seconds: f64) -> Self {
        let seconds = if seconds.is_finite() { seconds.max(600.0).ceil() } else { 0.0 };
        let step = match seconds {
            s if s <= 3600.0 => 300,
            s if s <= 6.0 * 3600.0 => 900,
            _ => 3600,
        };
        Self((seconds as u64).next_multiple_of(step))
    }
}

/// Slurm's forms: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S (sbatch(1), --time).
impl std::str::FromStr for SlurmTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a time: minutes, HH:MM:SS or D-HH:MM:SS, as Slurm takes it");
        let number = |part: &str| -> Result<u64, String> {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse().map_err(|_| bad()) } else { Err(bad()) }
        };
        let (days, rest) = match text.split_once('-') {
            Some((days, rest)) => (number(days)?, rest),
            None => (0, text),
        };
        let parts = rest.split(':').map(number).collect::<Result<Vec<u64>, String>>()?;
        let has_days = text.contains('-');
        let (hours, minutes, seconds) = match (has_days, &parts[..]) {
            (true, [hours]) => (*hours, 0, 0),
            (true, [hours, minutes]) => (*hours, *minutes, 0),
            (false, [minutes]) => (0, *minutes, 0),
            (false, [minutes, seconds]) => (0, *minutes, *seconds),
            (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
            _ => return Err(bad()),
        };
        let limit = MAX_DAYS * 86_400;
        let total = [(days, 86_400), (hours, 3600), (minutes, 60), (seconds, 1)];
        let total = total.iter().try_fold(0u64, |sum, &(n, unit)| sum.checked_add(n.checked_mul(unit)?));
        match total.filter(|&seconds| seconds > 0 && seconds <= limit) {
            Some(seconds) => Ok(Self(seconds)),
            None => Err(bad()),
        }
    }
}

/// HH:MM:SS, D-HH:MM:SS from a day on.
impl fmt::Display for SlurmTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / 86_400, self.0 % 86_400);
        if days > 0 {
            write!(f, "{days}-")?;
        }
        write!(f, "{:02}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60)
    }
}

impl serde::Serialize for SlurmTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for SlurmTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurms_forms_are_read_and_written() {
        for (text, seconds, written) in [
            ("30", 1800, "00:30:00"),
            ("1:30", 90, "00:01:30"),
            ("48:00:00", 172_800, "2-00:00:00"),
            ("7-0", 604_800, "7-00:00:00"),
            ("1-12:30", 131_400, "1-12:30:00"),
            ("1-00:00:01", 86_401, "1-00:00:01"),
        ] {
            let time: SlurmTime = text.parse().unwrap();
            assert_eq!((time.0, time.to_string().as_str()), (seconds, written), "{text}");
        }
        for text in ["", "0", "1h", "-5", "1:2:3:4", "1-1:2:3:4", "+5", "1.5", "99999-0", "9999999999999999999999"] {
            assert!(text.parse::<SlurmTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_rounded_up_to_what_reads_well() {
        for (seconds, time) in [(1.0, 600), (601.0, 900), (3601.0, 4500), (21_601.0, 25_200), (3600.0, 3600)] {
            assert_eq!(SlurmTime::rounded_up(seconds).0, time, "{seconds}");
        }
    }

    #[test]
    fn time_limits_are_read_to_the_second_and_nonsense_is_refused() {
        for (text, seconds) in
            [("90", 5400), ("1:30", 90), ("02:00:00", 7200), ("2-12", 216_000), ("2-12:30", 217_800), ("0:20", 20)]
        {
            assert_eq!(text.parse(), Ok(SlurmTime(seconds)), "{text}");
        }
        assert_eq!("1-00:00:01".parse(), Ok(SlurmTime(86_401)));
        for text in ["", "0", "-5", "1:2:3:4", "1-2:3:4:5", "UNLIMITED", "1h", "+5", "1:", "99999999999999999999", "1-"]
        {
            assert!(text.parse::<SlurmTime>().is_err(), "{text}");
        }
    }
}
