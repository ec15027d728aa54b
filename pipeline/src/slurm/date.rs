//! Days, since a profile may be past its time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Days since 1970-01-01 of a YYYY-MM-DD; `None` where it is no day of the calendar.
pub fn day(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let &[year, month, day] = &parts[..] else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !text.bytes().all(|b| b == b'-' || b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    let before = |year: i64| 365 * year + year / 4 - year / 100 + year / 400;
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some(before(year - 1) - before(1969) + months + day - 1)
}

/// Today in UTC as days since 1970-01-01; `NORNA_TODAY` (YYYY-MM-DD) stands in for the clock.
pub fn today() -> i64 {
    let told = std::env::var("NORNA_TODAY").ok().and_then(|text| day(&text));
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| (since.as_secs() / 86_400) as i64);
    told.unwrap_or_else(clock)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1970-12-31", 364),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-12-31", 20_818),
        ] {
            assert_eq!(day(text), Some(days), "{text}");
        }
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20261231", "2026-12-32", "", "2026-12"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
