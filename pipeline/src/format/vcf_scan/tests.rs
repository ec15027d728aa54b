//! Scans against the general decoder, over columns with oddities at random places. Instruction sets are compared with one
//! another where they are chosen, in the kernels.

use proptest::prelude::*;

use super::super::vcf_call::Call;
use super::super::vcf_genotypes as general;
use super::oracle::{codes, settled};
use super::*;

#[test]
fn plain_calls_know_only_the_plain() {
    for (line, gt_only, want) in [
        ("0|0\t0/1\t1|1", true, Some([0, 1, 2])),
        ("0|0\t./.\t1|0", true, Some([0, 255, 1])),
        ("0|0:3\t1/1\t.|.:7:8", false, Some([0, 2, 255])),
        ("0|0\t./1\t1|0", true, None),
        ("0|0\t0/1\t2|1", true, None),
        ("0|0\t0-1\t1|1", true, None),
        ("0\t0/1\t1|1", true, None),
        ("0|0\t0/1", true, None),
        ("0|0\t0/1\t1|1\t0|0", true, None),
        ("0|0 0/1\t1|1", true, None),
        ("0|0\t0/1\t0|1/1", true, None),
        ("", true, None),
    ] {
        let mut out = [9; 3];
        let got =
            plain_calls(line.as_bytes(), gt_only, &SampleMap::new(3, None).unwrap(), &mut Scratch::default(), &mut out)
                .then_some(out);
        assert_eq!(got, want, "{line}");
    }
    let some = SampleMap::new(3, Some(vec![0, 2])).unwrap();
    for (line, gt_only) in [("0|1\t5\t1|1", false), ("0|1\t9|9\t1|1", true)] {
        let mut out = [9; 2];
        assert!(plain_calls(line.as_bytes(), gt_only, &some, &mut Scratch::default(), &mut out));
        assert_eq!(out, [1, 2]);
    }
}

/// Picks of a seed.
struct Picks(u64);

impl Picks {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const CALLS: [&str; 7] = ["0|0", "0/0", "0|1", "1/0", "1|1", "./.", ".|."];
const ODD_CALLS: [&str; 12] = ["./1", "0", ".", "1|2", "10|0", "0-1", "0|1|1", "", "|0|1", "0|", "\0|0", "0/0/"];
const NUMBERS: [&str; 8] = ["0", "1", "2", "0.013", "1.987", "0.12345678", "1.", "1.000000"];
const ODD_NUMBERS: [&str; 14] =
    [".", "", "1e-3", "0.12345678901234567", ".5", "2.", "nan", "2.0005", "2.1", "-0.0004", "0,1", "x", "0.0.1", "9"];
const TRIPLES: [&str; 6] =
    ["1,0,0", "0,1,0", "0.062,0.938,0", "0.1,0.20,0.70000", "0.3333,0.3333,0.3333", "0.00000001,0,1.0005"];
const ODD_TRIPLES: [&str; 11] = [
    ".",
    ".,.,.",
    "1,0",
    "1e-3,0.999,0",
    "0,0,0",
    "0.5,0.5,0.5",
    "1.2,0,0",
    "0.2,.,0.8",
    ",,",
    "0.1234567890123,0.8765432,0",
    "-0.0005,1,0",
];

/// A line's sample columns; `odd`: one value in so many is unusual, 0 for none.
fn column(picks: &mut Picks, keys: &[&str], n: usize, odd: usize) -> String {
    let sample = |picks: &mut Picks| {
        let values: Vec<&str> = keys
            .iter()
            .map(|key| {
                let odd = odd > 0 && picks.below(odd) == 0;
                match (*key, odd) {
                    ("GT", false) => picks.of(&CALLS),
                    ("GT", true) => picks.of(&ODD_CALLS),
                    ("DS", false) => picks.of(&NUMBERS),
                    ("DS", true) => picks.of(&ODD_NUMBERS),
                    ("GP", false) => picks.of(&TRIPLES),
                    ("GP", true) => picks.of(&ODD_TRIPLES),
                    (_, _) => picks.of(&["", "12,3", "99", "a rather long value of no meaning"]),
                }
            })
            .collect();
        let kept = if odd > 0 && picks.below(odd) == 0 { 1 + picks.below(keys.len()) } else { keys.len() };
        values[..kept].join(":")
    };
    (0..n).map(|_| sample(picks)).collect::<Vec<_>>().join("\t")
}

/// What the general decoder and the rules of dosages give; none where the record is not to be taken.
fn expected_dosages(column: Column<'_>, with_gt: bool, samples: &SampleMap) -> Option<(u64, Vec<u32>)> {
    let scratch = &mut Scratch::default();
    let mut gt = vec![MISSING_CALL; samples.len()];
    if with_gt {
        let mut calls = vec![Call::NONE; samples.len()];
        general::calls(Column { key: "GT", idx: 0, ..column }, 2, samples, scratch, &mut calls).ok()?;
        gt = codes(&calls)?;
    }
    let mut values = vec![0.0; samples.len()];
    match column.key {
        "DS" => general::dosages(column, 1, samples, scratch, &mut values).ok()?,
        _ => general::probabilities(column, 1, samples, scratch, &mut values).ok()?,
    }
    settled(values, &gt)
}

fn check(seed: u64, n: usize, odd: usize, corrupt: Option<(usize, u8)>) {
    const FORMATS: [&[&str]; 9] = [
        &["GT"],
        &["GT", "AD", "DP"],
        &["GT", "DS"],
        &["GT", "DS", "GP"],
        &["GT", "AD", "GP", "DS"],
        &["DS"],
        &["GP", "DS"],
        &["AD", "GP"],
        &["GT", "GP", "DS"],
    ];
    let picks = &mut Picks(seed);
    let keys = FORMATS[picks.below(FORMATS.len())];
    let mut bytes = column(picks, keys, n, odd).into_bytes();
    if let Some((at, byte)) = corrupt.filter(|_| !bytes.is_empty()) {
        let at = at % bytes.len();
        bytes[at] = byte;
    }
    let n_file = if odd > 0 && picks.below(20) == 0 { n + 1 } else { n };
    let some = (picks.below(2) == 0).then(|| (0..n_file as u32).filter(|_| picks.below(3) > 0).collect());
    let samples = &SampleMap::new(n_file, some).unwrap();
    let scratch = &mut Scratch::default();
    let with_gt = keys[0] == "GT";
    for (idx, &key) in keys.iter().enumerate() {
        let column = Column { bytes: &bytes, has_samples: true, key: if key == "DS" { "DS" } else { "GP" }, idx };
        if key == "GT" {
            let mut calls = vec![Call::NONE; samples.len()];
            let decoded = general::calls(Column { key: "GT", ..column }, 2, samples, scratch, &mut calls);
            let want = decoded.ok().and_then(|()| codes(&calls));
            let mut got = vec![7; samples.len()];
            let plain = plain_calls(&bytes, keys.len() == 1, samples, scratch, &mut got);
            if plain {
                assert_eq!(Some(&got), want.as_ref(), "{:?}", String::from_utf8_lossy(&bytes));
            }
            assert!(plain || odd > 0 || corrupt.is_some(), "not taken: {:?}", String::from_utf8_lossy(&bytes));
        } else if key != "AD" && key != "DP" {
            let want = expected_dosages(column, with_gt, samples);
            let mut out = vec![0.5; samples.len()];
            let from_gt = match key {
                "DS" => plain_dosages(column, with_gt, samples, scratch, &mut out),
                _ => plain_probabilities(column, with_gt, samples, scratch, &mut out),
            };
            let got = from_gt.map(|n| (n, out.iter().map(|v| v.to_bits()).collect::<Vec<_>>()));
            if got.is_some() {
                assert_eq!(got, want, "{key} {:?}", String::from_utf8_lossy(&bytes));
            }
            let taken = got.is_some() || odd > 0 || corrupt.is_some();
            assert!(taken, "{key} not taken: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn prop_scans_give_what_the_general_decoder_gives(seed: u64, n in 1_usize..60, odd in 2_usize..400) {
        check(seed, n, odd, None);
    }

    #[test]
    fn prop_plain_lines_are_scanned(seed: u64, n in 1_usize..60) {
        check(seed, n, 0, None);
    }

    #[test]
    fn prop_a_changed_byte_is_seen(seed: u64, n in 1_usize..20, at: usize,
                                   byte in prop::sample::select(b"\t:,./|0129-e\0\xff".to_vec())) {
        check(seed, n, 0, Some((at, byte)));
    }
}
