//! Strings to numbers in order of first appearance. Long tables repeat a few names in the same order millions of times: the
//! name that followed the last one before is tried first.

use std::collections::HashMap;

/// Interned byte strings, one after the other in memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    of: HashMap<Box<[u8]>, u32>,
    text: Vec<u8>,
    spans: Vec<Span>,
    last: u32,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    len: u32,
    /// The name that came after this one the last time.
    next: u32,
}

/// Whether short strings are equal, without a call.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (mut a, mut b) = (a.chunks_exact(8), b.chunks_exact(8));
    (&mut a).zip(&mut b).all(|(a, b)| a == b) && a.remainder().iter().zip(b.remainder()).all(|(a, b)| a == b)
}

impl Names {
    /// The number of `name`, and whether it is new.
    #[inline]
    pub fn intern(&mut self, name: &[u8]) -> (u32, bool) {
        if let Some(&last) = self.spans.get(self.last as usize) {
            if same(self.bytes(last), name) {
                return (self.last, false);
            }
            if same(self.bytes(self.spans[last.next as usize]), name) {
                self.last = last.next;
                return (last.next, false);
            }
        }
        self.look_up(name)
    }

    #[inline]
    fn bytes(&self, span: Span) -> &[u8] {
        &self.text[span.start..span.start + span.len as usize]
    }

    #[inline(never)]
    fn look_up(&mut self, name: &[u8]) -> (u32, bool) {
        let (number, is_new) = match self.of.get(name) {
            Some(&number) => (number, false),
            None => {
                let number = self.spans.len() as u32;
                self.of.insert(name.into(), number);
                self.spans.push(Span { start: self.text.len(), len: name.len() as u32, next: number });
                self.text.extend_from_slice(name);
                (number, true)
            }
        };
        self.spans[self.last as usize].next = number;
        self.last = number;
        (number, is_new)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The name of a number.
    pub fn text(&self, number: u32) -> String {
        String::from_utf8_lossy(self.bytes(self.spans[number as usize])).into_owned()
    }

    /// All names.
    pub fn texts(&self) -> Vec<String> {
        (0..self.len() as u32).map(|number| self.text(number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_appearance_whatever_the_order_after() {
        let mut names = Names::default();
        let order: [&[u8]; 9] = [b"a", b"b", b"c", b"a", b"b", b"b", b"c", b"c", b"a"];
        let numbers: Vec<u32> = order.iter().map(|name| names.intern(name).0).collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1, 1, 2, 2, 0]);
        assert_eq!(names.intern(b""), (3, true));
        assert_eq!(names.intern(b""), (3, false));
        assert_eq!(names.texts(), ["a", "b", "c", ""]);
    }
}
