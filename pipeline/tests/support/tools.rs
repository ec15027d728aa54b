//! Commands: norna itself, mpirun around it, and the peers that serve as oracles. Each has a time limit, so that a hang
//! is a failure; each runs without the variables of a batch system that the tests may themselves run under.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(300);
/// Variables by which a launcher or a batch system tells a program that it is one of many, or norna what to do.
const LAUNCHER_PREFIXES: [&str; 8] = ["SLURM", "OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDRA_", "MPI_", "NORNA_"];

/// Something that a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Plink2,
    /// 1.9, for clumps and r².
    Plink19,
    R,
    Bcftools,
    Bgzip,
    Samtools,
    Mosdepth,
    Mpirun,
    H5py,
    /// `make deps` makes it of pipeline/tests/python/ssf.txt.
    GwasSsf,
    /// Likewise of recipes.txt.
    Recipes,
    Chromium,
    Shellcheck,
    /// The folder of test data beside the repository.
    SharedData,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Run {
    /// Exit code; −1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

impl Run {
    /// Panics with everything the command said unless it ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "exit code\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Writes a line that the test runner does not capture.
pub fn say(line: &str) {
    let mut stderr = std::io::stderr();
    stderr.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Programs of a Python environment that `make deps` made: "ssf" or "recipes".
pub fn python_env(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python").join(name).join("bin")
}

fn selenium() -> bool {
    let check = Command::new("/usr/bin/python3").args(["-c", "import selenium"]).stderr(Stdio::null()).status();
    check.is_ok_and(|status| status.success())
}

/// Whether `what` is there. Where it is not: says so and is false, or panics in CI.
pub fn have(what: Need) -> bool {
    let found = match what {
        Need::Plink2 => runs("plink2", "--version"),
        Need::Plink19 => runs("plink1.9", "--version"),
        Need::R => runs("Rscript", "--version"),
        Need::Bcftools => runs("bcftools", "--version"),
        Need::Bgzip => runs("bgzip", "--version") && runs("tabix", "--version"),
        Need::Samtools => runs("samtools", "--version"),
        Need::Mosdepth => runs("mosdepth", "--version"),
        Need::Mpirun => cfg!(feature = "mpi") && runs("mpirun", "--version"),
        Need::Shellcheck => runs("shellcheck", "--version"),
        Need::H5py => python().is_some(),
        Need::GwasSsf => python_env("ssf").join("gwas-ssf").is_file(),
        Need::Recipes => python_env("recipes").join("python").is_file(),
        Need::Chromium => runs("chromium", "--version") && runs("chromedriver", "--version") && selenium(),
        Need::SharedData => super::places::shared().is_some(),
    };
    if !found {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{what:?} is missing, and in CI nothing may be");
        say(&format!("SKIPPED {test}: {what:?} is missing"));
    }
    found
}

fn runs(program: &str, flag: &str) -> bool {
    Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A Python that has h5py: $NORNA_PYTHON, the one on the path, or the system's.
pub fn python() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let chosen = std::env::var("NORNA_PYTHON").ok();
        let candidates = chosen.into_iter().chain(["python3", "/usr/bin/python3"].map(str::to_owned));
        candidates.into_iter().find(|program| {
            let check = Command::new(program).args(["-c", "import h5py"]).stderr(Stdio::null()).status();
            check.is_ok_and(|status| status.success())
        })
    };
    FOUND.get_or_init(look).as_deref()
}

/// A command without a launcher's variables.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if LAUNCHER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "RAYON_NUM_THREADS" {
            command.env_remove(name.as_ref());
        }
    }
    command.stdin(Stdio::null());
    command
}

/// norna as one process.
pub fn norna<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_norna"));
    command.args(args);
    command
}

/// norna on `ranks` MPI ranks, more than there are cores if need be.
pub fn mpirun<S: AsRef<OsStr>>(ranks: usize, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = command("mpirun");
    command
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        .args(["--oversubscribe", "-n", &ranks.to_string(), env!("CARGO_BIN_EXE_norna")])
        .args(args);
    command
}

/// Runs to the end, five minutes at most.
pub fn run(command: &mut Command) -> Run {
    run_within(command, LIMIT)
}

/// Runs to the end; kills it and panics past `limit`.
pub fn run_within(command: &mut Command, limit: Duration) -> Run {
    let begin = Instant::now();
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{name}: {error}"));
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let status = wait(&mut child, limit);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let status = status.unwrap_or_else(|| panic!("{name} still ran after {limit:?}\n{stdout}\n{stderr}"));
    Run { code: status.code().unwrap_or(-1), stdout, stderr, elapsed: begin.elapsed() }
}

fn wait(child: &mut Child, limit: Duration) -> Option<std::process::ExitStatus> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if begin.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Compresses `plain` with bgzip and indexes it with tabix; the path of the .vcf.gz.
pub fn bgzip_indexed(plain: &Path) -> PathBuf {
    let packed = bgzip(plain);
    run(command("tabix").args(["-f", "-p", "vcf"]).arg(&packed)).ok();
    packed
}

/// Compresses `plain` with bgzip, without an index.
pub fn bgzip(plain: &Path) -> PathBuf {
    run(command("bgzip").arg("-kf").arg(plain)).ok();
    std::path::PathBuf::from(format!("{}.gz", plain.display()))
}
