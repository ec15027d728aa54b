//! Against numpy: ordinary least squares of every pair on the phenotype's own samples, permutations drawn elsewhere, signals
//! given the others.

use super::made::Made;
use super::support::bits::python_run;
use super::support::need;
use super::support::tools::Need;

/// Arguments: cis.h5, cohort.vcf, genes.bed, covars.tsv. Prints the largest differences of pairs and of signals, the number of
/// both, and by phenotype p_perm here and there.
const ORACLE: &str = r#"
import sys, h5py, numpy as np

vcf = [l.rstrip("\n").split("\t") for l in open(sys.argv[2]) if not l.startswith('##')]
people = vcf[0][9:]
def dosage(call):
    return np.nan if "." in call else sum(map(int, call.replace("|", "/").split("/")))
records = []
for r in vcf[1:]:
    g = np.array([dosage(c) for c in r[9:]], float)
    records.append((r[0].replace("chr", ""), int(r[1]), r[2], np.where(np.isnan(g), np.nanmean(g), g)))
covar = {l.split("\t")[0]: [float(x) for x in l.split("\t")[1:]] for l in open(sys.argv[4]).read().splitlines()[1:]}
C = np.column_stack([np.ones(len(people)), np.array([covar[p] for p in people])])
bed = [l.rstrip("\n").split("\t") for l in open(sys.argv[3])]
assert bed[0][4:] == people

def fit(y, X):
    q, r = np.linalg.qr(X)
    b = np.linalg.solve(r, q.T @ y)
    rss = ((y - X @ b) ** 2).sum()
    inv = np.linalg.inv(r)
    return b[-1], np.sqrt(rss / (len(y) - X.shape[1]) * (inv[-1] ** 2).sum())

f = h5py.File(sys.argv[1])
ids = [n.decode() for n in f["phenotypes/id"][()]]
pos, chrom = f["variants/pos"][()], [c.decode().replace("chr", "") for c in f["variants/chrom"][()]]
worst = n_pairs = worst_signal = n_signals = 0
rng = np.random.default_rng(3)
for row in bed[1:]:
    k = ids.index(row[3])
    y = np.array([np.nan if v == "NA" else float(v) for v in row[4:]])
    seen = ~np.isnan(y)
    y, Ck, tss = y[seen], C[seen], int(row[2])
    window = [r for r in records if r[0] == row[0].replace("chr", "") and abs(r[1] - tss) <= 40000]
    window = [r for r in window if np.ptp(r[3][seen]) > 0]
    assert f["phenotypes/n_variants"][k] == len(window) and f["phenotypes/n"][k] == seen.sum()
    expected = {r[1]: fit(y, np.column_stack([Ck, r[3][seen]])) for r in window}
    first, n = int(f["nominal/start"][k]), int(f["nominal/count"][k])
    for i in range(first, first + n):
        v = int(f["nominal/variant"][i])
        assert chrom[v] == row[0].replace("chr", "")
        b, se = f["nominal/beta"][i], f["nominal/se"][i]
        if np.isnan(b):
            assert pos[v] not in expected
            continue
        eb, ese = expected.pop(pos[v])
        worst = max(worst, abs(b - eb) / max(abs(eb), ese), abs(se - ese) / ese)
        n_pairs += 1
    assert not expected, expected
    best = max(window, key=lambda r: (lambda b, s: (b / s) ** 2)(*fit(y, np.column_stack([Ck, r[3][seen]]))))
    eb, ese = fit(y, np.column_stack([Ck, best[3][seen]]))
    assert abs(f["cis/beta"][k] / f["cis/se"][k]) >= abs(eb / ese) * (1 - 1e-6)
    assert f["cis/tss_distance"][k] == int(f["cis/pos"][k]) - tss

    q, _ = np.linalg.qr(Ck)
    G = np.column_stack([r[3][seen] for r in window])
    G = G - q @ (q.T @ G)
    G /= np.sqrt((G ** 2).sum(0))
    e = y - q @ (q.T @ y)
    P = np.column_stack([rng.permutation(e) for _ in range(1000)])
    P = P - q @ (q.T @ P)
    P /= np.sqrt((P ** 2).sum(0))
    r2 = ((G.T @ P) ** 2).max(0)
    mine = ((G.T @ (e / np.sqrt((e ** 2).sum()))) ** 2).max()
    print("p_perm", (1 + (r2 >= mine * (1 - 1e-9)).sum()) / 1001, f["cis/p_perm"][k])

    rows = np.flatnonzero(f["signals/phenotype"][()] == k)
    places = [int(f["signals/pos"][i]) for i in rows]
    by_pos = {r[1]: r[3][seen] for r in window}
    for i, p in zip(rows, places):
        others = [by_pos[o] for o in places if o != p]
        eb, ese = fit(y, np.column_stack([Ck] + others + [by_pos[p]]))
        worst_signal = max(worst_signal, abs(f["signals/beta"][i] - eb) / ese, abs(f["signals/se"][i] - ese) / ese)
        n_signals += 1
print("worst", worst, n_pairs, worst_signal, n_signals)
"#;

#[test]
fn pairs_permutations_and_signals_are_those_of_least_squares() {
    need!(Need::H5py, Need::Bgzip);
    let made = Made::new();
    let cis = made.qtl(1, "cis.h5", &["--permute", "2000", "--nominal", "--conditional", "--fdr", "0.05"]);
    let file = |name: &str| made.path(name).to_str().unwrap().to_owned();
    let files = [cis.to_str().unwrap().to_owned(), file("cohort.vcf"), file("genes.bed"), file("covars.tsv")];
    let told = python_run(ORACLE, &files.each_ref().map(String::as_str));
    let mut n_compared = 0;
    for line in told.lines() {
        let cells: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<f64> = cells[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        if cells[0] == "p_perm" {
            // Two draws of permutations, 1,000 and 2,000: five standard errors of their difference.
            let (there, here) = (numbers[0], numbers[1]);
            let p = there.max(here);
            let bound = 5.0 * (p * (1.0 - p) * (1.0 / 1000.0 + 1.0 / 2000.0)).sqrt() + 1e-3;
            assert!((there - here).abs() <= bound, "{line}");
            n_compared += 1;
        } else {
            let [worst, n_pairs, worst_signal, n_signals] = numbers[..] else { panic!("{line}") };
            assert!(worst < 2e-6 && n_pairs > 1500.0, "{line}");
            assert!(worst_signal < 1e-8 && n_signals >= 6.0, "{line}");
        }
    }
    assert_eq!(n_compared, 24);
}
