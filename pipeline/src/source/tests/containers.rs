//! Wherever a file is cut and however it is wrapped, every record is read once and in order.

use super::*;

#[test]
fn every_record_once_and_in_order_whatever_the_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let text = records(60);
    let plain = write(dir.path(), "a.vcf", &text);
    let whole = Input::open(&options(&plain)).unwrap();
    let (want, ledger) = read(&whole, 4, u64::MAX).unwrap();
    assert_eq!((want.len(), ledger.records), (60, 60));
    assert!(want[1].starts_with("1:101:A:G "));
    for no_end in [false, true] {
        let text = if no_end { text.trim_end() } else { &text };
        let plain = write(dir.path(), "b.vcf", text);
        let input = Input::open(&options(&plain)).unwrap();
        for target in [1, 2, 3, 17, 100, 1000, 4096] {
            assert_eq!(read(&input, 4, target).unwrap().0, want, "plain {target}");
        }
        for block in [1, 7, 61, 500, 60_000] {
            let path = dir.path().join("c.vcf.gz");
            fs::write(&path, bgzip(text.as_bytes(), block)).unwrap();
            let input = Input::open(&options(&path)).unwrap();
            let targets: &[u64] = if block < 50 { &[97, 5000, u64::MAX] } else { &[1, 5, 29, 100, 1000, u64::MAX] };
            for &target in targets {
                assert_eq!(read(&input, 4, target).unwrap().0, want, "bgzip {block} {target}");
            }
        }
    }
}

#[test]
fn standard_input_of_every_kind() {
    let text = records(40);
    let dir = tempfile::tempdir().unwrap();
    let (want, _) = read(&Input::open(&options(&write(dir.path(), "a.vcf", &text))).unwrap(), 4, 1000).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    let bgzf = bgzip(text.as_bytes(), 700);
    let piped = |bytes: &[u8]| Input::open_piped(&options(Path::new("-")), bytes.to_vec());
    for bytes in [text.as_bytes(), &gzip.finish().unwrap(), &bgzf] {
        for target in [1, 300, 1 << 20] {
            let input = piped(bytes).unwrap();
            assert_eq!(read(&input, 4, target).unwrap().0, want);
            let message = input.stream(0).err().unwrap().to_string();
            assert!(message.contains("was read before"), "{message}");
        }
    }
    let message = piped(&bgzf[..bgzf.len() - 28]).err().unwrap().to_string();
    assert!(message.contains("truncated") && message.contains("after line"), "{message}");
    assert!(piped(b"").err().unwrap().to_string().contains("empty"));
}

#[test]
fn other_ranks_know_standard_input_by_its_header() {
    let input = Input::open_piped(&options(Path::new("-")), records(9).into_bytes()).unwrap();
    let told = StreamHeader::from_bytes(&input.stream_header().unwrap().to_bytes()).unwrap();
    let beside = Input::open_beside(&options(Path::new("-")), &told).unwrap();
    assert_eq!((beside.samples(), beside.field()), (input.samples(), input.field()));
    assert!(beside.stream(0).is_err());
    let mut stream = input.stream(0).unwrap();
    let batch = stream.next_batch(1 << 20).unwrap().unwrap();
    let mut rows = Vec::new();
    drain(&mut *beside.batch_reader(batch).unwrap(), &beside, 4, &mut rows).unwrap();
    assert_eq!(rows.len(), 9);
}

#[test]
fn several_files_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let b = write(dir.path(), "b.vcf", &records(5));
    let a = dir.path().join("a.vcf.gz");
    fs::write(&a, bgzip(records(7).replace("\n1\t", "\n2\t").as_bytes(), 200)).unwrap();
    let list = write(dir.path(), "list.txt", &format!("{}\n# x\n\n{}\n", b.display(), a.display()));
    let at = PathBuf::from(format!("@{}", list.display()));
    for given in [vec![b.clone(), a.clone()], vec![list], vec![at]] {
        let paths = expand_paths(&given).unwrap();
        assert_eq!(paths, [b.clone(), a.clone()]);
        let input = Input::open(&InputOptions { paths, ..Default::default() }).unwrap();
        let (rows, _) = read(&input, 4, 50).unwrap();
        let chroms: Vec<_> = rows.iter().map(|r| &r[..1]).collect();
        assert_eq!(chroms, ["1", "1", "1", "1", "1", "2", "2", "2", "2", "2", "2", "2"]);
    }
}

#[test]
fn estimates_are_near() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.vcf.gz");
    fs::write(&path, bgzip(records(3000).as_bytes(), 4000)).unwrap();
    let estimate = Input::open(&options(&path)).unwrap().estimate().unwrap();
    let n = estimate.records.unwrap();
    assert!((2500..3500).contains(&n), "{n}");
    assert!(estimate.bytes <= fs::metadata(&path).unwrap().len());
}

#[test]
fn shards_within_one_long_line_read_their_own_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = records(6).lines().map(str::to_owned).collect();
    let third = lines.len() - 4;
    lines[third] = lines[third].replace("R2=0.5", &format!("R2=0.5;L={}", "x".repeat(100_000)));
    let text = lines.join("\n") + "\n";
    for (name, bytes) in [("a.vcf", text.clone().into_bytes()), ("a.vcf.gz", bgzip(text.as_bytes(), 100))] {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let input = Input::open(&options(&path)).unwrap();
        let (want, _) = read(&input, 4, u64::MAX).unwrap();
        assert_eq!(want.len(), 6);
        assert_eq!(read(&input, 4, 64).unwrap().0, want, "{name}");
    }
}
