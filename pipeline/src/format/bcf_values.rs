//! Typed values of BCF 2.2 (VCFv4.5 specification, section 6.3.3).

pub(super) const TYPE_INT8: u8 = 1;
pub(super) const TYPE_INT16: u8 = 2;
pub(super) const TYPE_INT32: u8 = 3;
pub(super) const TYPE_FLOAT: u8 = 5;
pub(super) const TYPE_TEXT: u8 = 7;
pub(super) const FLOAT_MISSING: u32 = 0x7f80_0001;
pub(super) const FLOAT_END: u32 = 0x7f80_0002;

pub(super) fn push_descriptor(kind: u8, n: usize, out: &mut Vec<u8>) {
    if n < 15 {
        out.push((n as u8) << 4 | kind);
    } else {
        out.push(15 << 4 | kind);
        push_descriptor(TYPE_INT32, 1, out);
        out.extend((n as u32).to_le_bytes());
    }
}

pub(super) fn push_int8(value: u8, out: &mut Vec<u8>) {
    push_descriptor(TYPE_INT8, 1, out);
    out.push(value);
}

/// Text, with its length before it.
pub(super) fn push_text(text: &[u8], out: &mut Vec<u8>) {
    push_descriptor(TYPE_TEXT, text.len(), out);
    out.extend(text);
}

/// Non-negative integers, `n` a sample, as narrow as the largest allows.
pub(super) fn push_integers(n: usize, values: impl Iterator<Item = i32> + Clone, out: &mut Vec<u8>) {
    match values.clone().max().unwrap_or(0) {
        0..=0x7f => {
            push_descriptor(TYPE_INT8, n, out);
            out.extend(values.map(|value| value as u8));
        }
        0x80..=0x7fff => {
            push_descriptor(TYPE_INT16, n, out);
            values.for_each(|value| out.extend((value as i16).to_le_bytes()));
        }
        _ => {
            push_descriptor(TYPE_INT32, n, out);
            values.for_each(|value| out.extend(value.to_le_bytes()));
        }
    }
}
