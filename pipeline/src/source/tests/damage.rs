//! Any bytes whatever end in rows or an error, never in a panic or a runaway.

use super::*;

/// Numbers from a fixed seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn damaged(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    const LIKELY: &[u8] = b"\t\n:/|.,;0129-\x00\x01\x7f\x80\x81\xf7\xff#";
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(5) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = LIKELY[numbers.below(LIKELY.len())],
            2 => bytes.truncate(at.max(1)),
            3 => bytes.insert(at, LIKELY[numbers.below(LIKELY.len())]),
            _ => drop(bytes.remove(at)),
        }
        if bytes.is_empty() {
            bytes.push(b'#');
        }
    }
    bytes
}

/// Reads whatever it is; tells whether it could.
fn survives(path: &Path, field: Option<Field>) -> bool {
    let Ok(input) = Input::open(&InputOptions { field, ..options(path) }) else { return false };
    let n = input.samples().len();
    read(&input, n, 300).is_ok()
}

#[test]
fn damaged_text_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/odd_genotypes.vcf")).unwrap();
    let path = dir.path().join("a.vcf");
    let mut numbers = Numbers(1);
    let mut n_read = 0;
    for round in 0..1500 {
        fs::write(&path, damaged(&bytes, &mut numbers)).unwrap();
        n_read += u32::from(survives(&path, [None, Some(Field::Gt), Some(Field::Gp)][round % 3]));
    }
    assert!((1..1500).contains(&n_read), "{n_read}");
}

#[test]
fn damaged_containers_and_indices_are_survived() {
    if Command::new("bcftools").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no bcftools");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/odd_genotypes.vcf");
    let at = |name: &str| dir.path().join(name);
    let of = |name: &str| at(name).display().to_string();
    for (kind, name) in [("-Ou", "raw.bcf"), ("-Ob", "i.bcf"), ("-Oz", "z.vcf.gz")] {
        tool(&["bcftools", "view", kind, "-o", &of(name), fixture]);
    }
    tool(&["bcftools", "index", &of("i.bcf")]);
    tool(&["bcftools", "index", "-t", &of("z.vcf.gz")]);
    let mut numbers = Numbers(2);
    for (name, rounds) in [("raw.bcf", 2500), ("i.bcf", 400), ("z.vcf.gz", 400)] {
        let bytes = fs::read(at(name)).unwrap();
        assert!(survives(&at(name), None), "{name}");
        for round in 0..rounds {
            fs::write(at(name), damaged(&bytes, &mut numbers)).unwrap();
            survives(&at(name), [None, Some(Field::Gt), Some(Field::Gp)][round % 3]);
        }
        fs::write(at(name), bytes).unwrap();
    }
    for (name, index) in [("i.bcf", "i.bcf.csi"), ("z.vcf.gz", "z.vcf.gz.tbi")] {
        let mut bytes = Vec::new();
        let packed = fs::File::open(at(index)).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(packed), &mut bytes).unwrap();
        for _ in 0..800 {
            fs::write(at(index), damaged(&bytes, &mut numbers)).unwrap();
            let options = InputOptions { regions: vec!["X,1:3-9".into()], ..options(&at(name)) };
            let Ok(input) = Input::open(&options) else { continue };
            let _ = read(&input, 4, 300);
        }
    }
}
