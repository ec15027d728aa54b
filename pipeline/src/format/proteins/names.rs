//! Strings to numbers in order of first appearance. Long tables repeat a few names in the same order millions of times: the
//! name that followed the last one before is tried first.

use std::collections::HashMap;

/// Interned byte strings.
#[derive(Debug, Default)]
pub(super) struct Names {
    of: HashMap<Box<[u8]>, u32>,
    list: Vec<Box<[u8]>>,
    /// By name: the one that came after it the last time.
    next: Vec<u32>,
    last: u32,
}

impl Names {
    /// The number of `name`, and whether it is new.
    #[inline]
    pub fn intern(&mut self, name: &[u8]) -> (u32, bool) {
        if let Some(last) = self.list.get(self.last as usize) {
            if **last == *name {
                return (self.last, false);
            }
            let next = self.next[self.last as usize];
            if *self.list[next as usize] == *name {
                self.last = next;
                return (next, false);
            }
        }
        self.look_up(name)
    }

    #[inline(never)]
    fn look_up(&mut self, name: &[u8]) -> (u32, bool) {
        let (number, is_new) = match self.of.get(name) {
            Some(&number) => (number, false),
            None => {
                let number = self.list.len() as u32;
                self.of.insert(name.into(), number);
                self.list.push(name.into());
                self.next.push(number);
                (number, true)
            }
        };
        self.next[self.last as usize] = number;
        self.last = number;
        (number, is_new)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The name of a number.
    pub fn text(&self, number: u32) -> String {
        String::from_utf8_lossy(&self.list[number as usize]).into_owned()
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
