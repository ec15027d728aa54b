//! Work in parallel, written in order: threads take turns at making inputs and at writing outputs, so that nothing depends
//! on their number and no more than one unit a thread is held.

use std::sync::{Condvar, Mutex, PoisonError};

struct Turn<W, E> {
    next: u64,
    write: W,
    failed: Option<E>,
    stopped: bool,
}

/// Stops the others where a thread panics, which would else wait for its turn.
struct StopOnPanic<'a, W, E>(&'a Mutex<Turn<W, E>>, &'a Condvar);

impl<W, E> Drop for StopOnPanic<'_, W, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
            self.1.notify_all();
        }
    }
}

/// Calls `make` for units in order until there are none, `work` on each in any thread with the thread's scratch, and
/// `write` on what comes out, in the order of the units.
///
/// # Errors
/// The first error of `work` or `write` in the order of time; nothing is written after it.
pub fn run<S: Default, I: Send, O: Send, E: Send>(
    threads: usize,
    make: impl FnMut() -> Option<I> + Send,
    work: impl Fn(&mut S, I) -> Result<O, E> + Sync,
    write: impl FnMut(O) -> Result<(), E> + Send,
) -> Result<(), E> {
    let maker = Mutex::new((0, make));
    let turn = Mutex::new(Turn { next: 0, write, failed: None, stopped: false });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _guard = StopOnPanic(&turn, &changed);
                let mut scratch = S::default();
                loop {
                    let (unit, input) = {
                        let mut maker = maker.lock().unwrap_or_else(PoisonError::into_inner);
                        let Some(input) = (maker.1)() else { return };
                        maker.0 += 1;
                        (maker.0 - 1, input)
                    };
                    let output = work(&mut scratch, input);
                    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                    while turn.next != unit && !turn.stopped {
                        turn = changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
                    }
                    if turn.stopped {
                        return;
                    }
                    if let Err(error) = output.and_then(|output| (turn.write)(output)) {
                        turn.failed = Some(error);
                        turn.stopped = true;
                    }
                    turn.next += 1;
                    changed.notify_all();
                }
            });
        }
    });
    turn.into_inner().unwrap_or_else(PoisonError::into_inner).failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_come_in_order_and_an_error_stops() {
        for threads in [1, 2, 5] {
            let mut inputs = 0..100;
            let mut written = Vec::new();
            run(
                threads,
                || inputs.next(),
                |_: &mut (), i| Ok::<_, ()>(i * 2),
                |o| {
                    written.push(o);
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(written, (0..100).map(|i| i * 2).collect::<Vec<_>>());
            let mut inputs = 0..100;
            let fail = |_: &mut (), i| if i == 7 { Err(i) } else { Ok(i) };
            let mut n = 0;
            let found = run(
                threads,
                || inputs.next(),
                fail,
                |_| {
                    n += 1;
                    Ok(())
                },
            );
            assert_eq!((found, n), (Err(7), 7));
        }
    }
}
