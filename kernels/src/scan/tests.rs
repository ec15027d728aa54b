//! Every instruction set against what the formats say, spelled out value by value.

use proptest::prelude::*;

use super::*;
use crate::arch::Isa;
use crate::block::MISSING_CALL;

fn text_call_by_rule(call: &[u8]) -> Option<u8> {
    match call {
        [b'.', b'/' | b'|', b'.'] => Some(MISSING_CALL),
        [a @ (b'0' | b'1'), b'/' | b'|', b @ (b'0' | b'1')] => Some(a - b'0' + b - b'0'),
        _ => None,
    }
}

fn text_calls_by_rule(bytes: &[u8], n: usize) -> Option<Vec<u8>> {
    let calls: Vec<&[u8]> = bytes.split(|&b| b == b'\t').collect();
    (calls.len() == n).then(|| calls.into_iter().map(text_call_by_rule).collect()).flatten()
}

fn int8_calls_by_rule(bytes: &[u8]) -> Option<Vec<u8>> {
    let code = |pair: &[u8]| match [pair[0] >> 1, pair[1] >> 1] {
        [0, 0] => Some(MISSING_CALL),
        [a @ 1..=2, b @ 1..=2] => Some(a + b - 2),
        _ => None,
    };
    bytes.chunks(2).map(code).collect()
}

fn column(picks: &[usize]) -> Vec<u8> {
    const CALLS: [&str; 8] = ["0|0", "0/0", "0|1", "1/0", "1|1", "./.", ".|.", "0|0"];
    picks.iter().map(|&p| CALLS[p % CALLS.len()]).collect::<Vec<_>>().join("\t").into_bytes()
}

fn check_text(isa: Isa, picks: &[usize], oddity: Option<(usize, u8)>) {
    let mut bytes = column(picks);
    if let Some((at, byte)) = oddity {
        let at = at % bytes.len();
        bytes[at] = byte;
    }
    let mut out = vec![7; picks.len()];
    let plain = (Scans::of(isa).text_calls)(&bytes, &mut out);
    assert_eq!(plain.then_some(out), text_calls_by_rule(&bytes, picks.len()));
}

fn check_int8(isa: Isa, picks: &[usize], oddity: Option<(usize, u8)>) {
    const CALLS: [[u8; 2]; 7] = [[2, 2], [2, 3], [2, 5], [4, 3], [5, 5], [0, 1], [0, 0]];
    let mut bytes: Vec<u8> = picks.iter().flat_map(|&p| CALLS[p % CALLS.len()]).collect();
    if let Some((at, byte)) = oddity {
        let at = at % bytes.len();
        bytes[at] = byte;
    }
    let mut out = vec![7; picks.len()];
    let plain = (Scans::of(isa).int8_calls)(&bytes, &mut out);
    assert_eq!(plain.then_some(out), int8_calls_by_rule(&bytes));
}

fn check_positions(isa: Isa, bytes: &[u8], byte: u8, room: usize) {
    let want: Vec<u32> = (0..bytes.len()).filter(|&i| bytes[i] == byte).map(|i| i as u32).collect();
    let mut out = vec![9; room + POSITIONS_SLACK];
    let n = (Scans::of(isa).positions)(byte, bytes, &mut out);
    assert_eq!(n, (want.len() <= room).then_some(want.len()));
    if let Some(n) = n {
        assert_eq!(out[..n], want);
    }
}

fn check_numbers(isa: Isa, units: &[u32]) {
    let (mut got, mut want) = (vec![0.0; units.len()], vec![0.0; units.len()]);
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let scans = Scans::of(isa);
    assert_eq!((scans.decimals)(units, 2.001, 2.0, &mut got), decimals_body(units, 2.001, 2.0, &mut want));
    assert_eq!(bits(&got), bits(&want));
    let third = units.len() / 3;
    let parts = [&units[..third], &units[third..2 * third], &units[2 * third..3 * third]];
    assert_eq!((scans.expected_copies)(parts, &mut got[..third]), expected_copies_body(parts, &mut want[..third]));
    assert_eq!(bits(&got[..third]), bits(&want[..third]));
}

macro_rules! scans_by_the_rule {
    ($module:ident, $isa:expr) => {
        mod $module {
            use super::*;

            proptest! {
                #[test]
                fn prop_text_calls(picks in prop::collection::vec(0_usize..8, 1..200),
                                   oddity: Option<(usize, u8)>,
                                   near in prop::option::of((0_usize..800, prop::sample::select(b"012./|\t:\0".to_vec())))) {
                    check_text($isa, &picks, oddity);
                    check_text($isa, &picks, near);
                }

                #[test]
                fn prop_int8_calls(picks in prop::collection::vec(0_usize..7, 1..300), oddity: Option<(usize, u8)>,
                                   near in prop::option::of((0_usize..600, 0_u8..9))) {
                    check_int8($isa, &picks, oddity);
                    check_int8($isa, &picks, near);
                }

                #[test]
                fn prop_positions(bytes in prop::collection::vec(prop::sample::select(b"\t\n\x08a\x89".to_vec()), 0..400),
                                  room in 0_usize..400) {
                    check_positions($isa, &bytes, b'\t', room);
                    check_positions($isa, &bytes, b'\x09' | 0x80, room);
                }

                #[test]
                fn prop_numbers(units in prop::collection::vec(prop_oneof![0..=210_000_000_u32, any::<u32>()], 0..200)) {
                    check_numbers($isa, &units);
                }

                #[test]
                fn prop_samples(picks in prop::collection::vec(any::<(usize, usize, usize)>(), 1..300), odd: bool) {
                    check_samples($isa, &picks, odd);
                }
            }
        }
    };
}

scans_by_the_rule!(scalar, Isa::Scalar);
scans_by_the_rule!(avx2, Isa::Avx2);
scans_by_the_rule!(avx512, Isa::Avx512);

proptest! {
    #[test]
    fn prop_decimals_are_what_parsing_gives(whole in 0_u8..10, fraction in "[0-9]{0,8}", point: bool, end in "[\t:,x.]") {
        let fraction = if point { &fraction[..] } else { "" };
        let text = format!("{whole}{}{fraction}", if point { "." } else { "" });
        let padded = format!("{text}{}", end.repeat(10));
        let mut head = [0; 10];
        head.copy_from_slice(&padded.as_bytes()[..10]);
        if point || end != "." {
            let got = decimal(head).map(|(units, len)| (f64::from(units) / f64::from(DECIMAL_UNIT), len));
            prop_assert_eq!(got, text.parse::<f64>().ok().map(|number| (number, text.len())));
        }
    }
}

#[test]
fn what_is_no_decimal_is_told() {
    assert_eq!(decimal(*b".5:0000000"), None);
    assert_eq!(decimal(*b"-0.5:00000"), None);
    assert_eq!(decimal(*b"\t000000000"), None);
    assert_eq!(decimal(*b"1e-05\t0000"), Some((DECIMAL_UNIT, 1)));
    assert_eq!(decimal(*b"0.12345678"), Some((12_345_678, 10)));
}

#[test]
fn text_calls_of_other_lengths_are_refused() {
    assert!(!text_calls(b"", &mut []));
    assert!(!text_calls(b"0|0\t", &mut [0]));
    assert!(!int8_calls(&[2], &mut [0]));
    let mut out = [0; 2];
    assert!(text_calls(b"0|1\t.|.", &mut out));
    assert_eq!(out, [1, MISSING_CALL]);
}

/// Samples of GT, a number, three numbers, and what a sample may end with instead.
fn samples_text(picks: &[(usize, usize, usize)], odd: bool) -> String {
    const CALLS: [&str; 8] = ["0|0", "0/1", "1|1", "./.", "0|1", "1", ".|1", "0/2"];
    const NUMBERS: [&str; 14] =
        ["0", "1", "2", "0.5", "1.25", "0.013", "1.98765", "1.", "0.123456", ".", "", "1e-3", "10", "0.1.2"];
    const TRIPLES: [&str; 8] =
        ["1,0,0", "0.1,0.20,0.7", "0.062,0.938,0", "0.33333,0.33333,0.33333", ".", "0,1", "0,0,0,1", "0,0.123456,1"];
    let sample = |&(call, number, triple): &(usize, usize, usize)| match (odd, call % 16) {
        (true, 15) => "0|1".to_owned(),
        (true, _) => format!("{}:{}:{}", CALLS[call % 8], NUMBERS[number % 14], TRIPLES[triple % 8]),
        (false, _) => format!("{}:{}:{}", CALLS[call % 5], NUMBERS[number % 8], TRIPLES[triple % 4]),
    };
    picks.iter().map(sample).collect::<Vec<_>>().join("\t")
}

/// A number of up to 5 digits after the point, in units, by the parser of the standard library.
fn short_by_rule(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 1 || fraction.len() > 5 || !digits(whole) || !digits(fraction) {
        return DECIMAL_MISSING;
    }
    text.parse::<f64>().map_or(DECIMAL_MISSING, |number| (number * f64::from(DECIMAL_UNIT)).round() as u32)
}

fn check_samples(isa: Isa, picks: &[(usize, usize, usize)], odd: bool) {
    let text = samples_text(picks, odd);
    let samples: Vec<Vec<&str>> = text.split('\t').map(|sample| sample.split(':').collect()).collect();
    let n = samples.len();
    let tabs: Vec<u32> = std::iter::once(u32::MAX).chain(text.match_indices('\t').map(|(at, _)| at as u32)).collect();
    let scans = Scans::of(isa);

    let (mut places, mut codes) = (tabs.clone(), vec![9; n]);
    let plain = (scans.calls_after)(text.as_bytes(), &mut places, &mut codes);
    let want: Option<Vec<u8>> = samples.iter().map(|s| text_call_by_rule(s[0].as_bytes())).collect();
    assert_eq!(plain, want.is_some(), "{text}");
    for skipped in 1..=2 {
        let mut places_by_skipping = tabs.clone();
        (scans.skip_fields)(text.as_bytes(), skipped, &mut places_by_skipping);
        let mut start = 0;
        let want_places = text.split('\t').map(|sample| {
            let colon = sample.match_indices(':').nth(skipped - 1).map_or(NO_PLACE, |(at, _)| (start + at) as u32);
            start += sample.len() + 1;
            colon
        });
        assert_eq!(places_by_skipping, want_places.collect::<Vec<_>>(), "{text}");
        if skipped == 1 && plain {
            assert_eq!((Some(&codes), &places), (want.as_ref(), &places_by_skipping));
        }
        places = places_by_skipping;
        let mut units = [vec![9; n], vec![9; n], vec![9; n]];
        let values = samples.iter().map(|s| s.get(skipped).copied().unwrap_or("x"));
        if skipped == 1 {
            let want: Vec<u32> = values.map(short_by_rule).collect();
            let plain = (scans.decimals_after)(text.as_bytes(), &places, &mut units[0]);
            assert_eq!((plain, &units[0]), (!want.contains(&DECIMAL_MISSING), &want), "{text}");
            continue;
        }
        let [none, one, two] = &mut units;
        let plain = (scans.triples_after)(text.as_bytes(), &places, [none, one, two]);
        for (idx, value) in values.enumerate() {
            let want: Vec<u32> = value.split(',').map(short_by_rule).collect();
            if want.len() == 3 && !want.contains(&DECIMAL_MISSING) {
                assert_eq!([none[idx], one[idx], two[idx]], want[..], "{text}");
            } else {
                assert_eq!(none[idx], DECIMAL_MISSING, "{text}");
            }
        }
        assert_eq!(plain, !none.contains(&DECIMAL_MISSING));
    }
}
