//! One SHA-256 over what a file holds, /provenance aside: equal for runs that are equal, however HDF5 laid the file out and
//! whatever ranks wrote it. docs/formats.md defines it, so that ten lines of Python give the same.

use std::path::Path;

use hdf5::types::{FixedAscii, FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataset, Group, H5Type, LocationType};
use ndarray::IxDyn;
use sha2::{Digest, Sha256};

use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::SIGNATURE_BYTES;

/// What is left out: what was run and where, what depends on that, and where strings lie.
const LEFT_OUT: [&str; 3] = ["/provenance", "/checksums", "/variants/text"];
/// Bytes of numbers read at once, unless a row of chunks has more.
const BYTES: usize = 1 << 23;
/// Strings read at once.
const TEXTS: usize = 1 << 14;
/// Most rows of chunks' bytes that are read at once.
const MAX_BYTES: usize = 1 << 30;

/// Names and shapes of all datasets, names of attributes that are numbers, each with the SHA-256 of its values, in the order
/// of names.
pub type Parts = Vec<(String, [u8; 32])>;

/// The content digest of a file of norna as 64 hexadecimal digits. `told`: bytes as they are read.
///
/// # Errors
/// It is no file of norna, or cannot be read.
pub fn content_digest(path: &Path, told: &mut dyn FnMut(u64)) -> Result<String, StoreError> {
    Ok(digest_of_parts(&content_parts(path, told)?))
}

/// The content digest of a file whose parts these are.
pub fn digest_of_parts(parts: &[(String, [u8; 32])]) -> String {
    let mut whole = Sha256::new();
    for (name, digest) in parts {
        whole.update(name.as_bytes());
        whole.update(b"\n");
        whole.update(digest);
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the content digest is of.
///
/// # Errors
/// As [`content_digest`].
pub fn content_parts(path: &Path, told: &mut dyn FnMut(u64)) -> Result<Parts, StoreError> {
    let place = Place::new(path);
    let file = file::open(path).map_err(|error| place.not_hdf5(&error))?;
    let signature =
        file.attr("signature").and_then(|attribute| file::scalar::<FixedAscii<SIGNATURE_BYTES>>(&attribute));
    let signature = signature.map_err(|_| place.not_norna("no root attribute \"signature\""))?;
    if !signature.as_str().starts_with("norna-") {
        return Err(place.not_norna(format!("its signature is {:?}", signature.as_str())));
    }
    let strings = Strings::open(&place)?;
    let mut digester = Digester { place: &place, strings: &strings, parts: Vec::new(), told };
    digester.group(&file, "")?;
    let mut parts = digester.parts;
    parts.sort();
    Ok(parts)
}

struct Digester<'a> {
    place: &'a Place,
    strings: &'a Strings,
    /// Name and shape, and the digest of the values.
    parts: Parts,
    told: &'a mut dyn FnMut(u64),
}

impl Digester<'_> {
    fn group(&mut self, group: &Group, name: &str) -> Result<(), StoreError> {
        self.attributes(group, name)?;
        for member in self.place.h5(name, group.member_names())? {
            let path = format!("{name}/{member}");
            if LEFT_OUT.contains(&path.as_str()) {
                continue;
            }
            match self.place.h5(&path, group.loc_type_by_name(&member))? {
                LocationType::Group => self.group(&self.place.h5(&path, group.group(&member))?, &path)?,
                LocationType::Dataset => self.dataset(&self.place.h5(&path, group.dataset(&member))?, &path)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Numbers that are attributes; texts are left out, since they say what the rest is.
    fn attributes(&mut self, at: &hdf5::Location, name: &str) -> Result<(), StoreError> {
        for key in self.place.h5(name, at.attr_names())? {
            let path = format!("{}@{key}", name.trim_start_matches('/'));
            let attribute = self.place.h5(&path, at.attr(&key))?;
            let kind = self.place.h5(&path, attribute.dtype().and_then(|dtype| dtype.to_descriptor()))?;
            if !attribute.shape().is_empty() {
                continue;
            }
            macro_rules! bytes {
                ($kind:ty) => {
                    self.place.h5(&path, attribute.read_scalar::<$kind>())?.to_le_bytes().to_vec()
                };
            }
            let bytes = match kind {
                TypeDescriptor::Unsigned(IntSize::U1) => bytes!(u8),
                TypeDescriptor::Unsigned(IntSize::U4) => bytes!(u32),
                TypeDescriptor::Unsigned(IntSize::U8) => bytes!(u64),
                TypeDescriptor::Float(FloatSize::U8) => bytes!(f64),
                _ => continue,
            };
            self.parts.push((path, Sha256::digest(bytes).into()));
        }
        Ok(())
    }

    fn dataset(&mut self, dataset: &Dataset, path: &str) -> Result<(), StoreError> {
        self.attributes(dataset, path)?;
        let kind = self.place.h5(path, dataset.dtype().and_then(|dtype| dtype.to_descriptor()))?;
        let digest = match kind {
            TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii => self.texts(dataset, path)?,
            TypeDescriptor::Unsigned(IntSize::U1) => self.numbers::<u8, 1>(dataset, path, u8::to_le_bytes)?,
            TypeDescriptor::Unsigned(IntSize::U2) => self.numbers::<u16, 2>(dataset, path, u16::to_le_bytes)?,
            TypeDescriptor::Unsigned(IntSize::U4) => self.numbers::<u32, 4>(dataset, path, u32::to_le_bytes)?,
            TypeDescriptor::Unsigned(IntSize::U8) => self.numbers::<u64, 8>(dataset, path, u64::to_le_bytes)?,
            TypeDescriptor::Integer(IntSize::U1) => self.numbers::<i8, 1>(dataset, path, i8::to_le_bytes)?,
            TypeDescriptor::Integer(IntSize::U4) => self.numbers::<i32, 4>(dataset, path, i32::to_le_bytes)?,
            TypeDescriptor::Integer(IntSize::U8) => self.numbers::<i64, 8>(dataset, path, i64::to_le_bytes)?,
            TypeDescriptor::Float(FloatSize::U4) => self.numbers::<f32, 4>(dataset, path, f32::to_le_bytes)?,
            TypeDescriptor::Float(FloatSize::U8) => self.numbers::<f64, 8>(dataset, path, f64::to_le_bytes)?,
            other => return Err(self.place.malformed(path, format!("{other:?} is no type that norna writes"))),
        };
        let shape: Vec<String> = dataset.shape().iter().map(usize::to_string).collect();
        self.parts.push((format!("{} {}", path.trim_start_matches('/'), shape.join(" ")), digest));
        Ok(())
    }

    /// Each string as its length in bytes (u64, little-endian) and its bytes.
    fn texts(&mut self, dataset: &Dataset, path: &str) -> Result<[u8; 32], StoreError> {
        let n = dataset.size();
        let mut hasher = Sha256::new();
        for start in (0..n).step_by(TEXTS) {
            let texts = self.strings.read(self.place, path, dataset, start..n.min(start + TEXTS))?;
            let mut bytes = Vec::with_capacity(texts.iter().map(|text| text.len() + 8).sum());
            for text in texts {
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
            hasher.update(&bytes);
            (self.told)(bytes.len() as u64);
        }
        Ok(hasher.finalize().into())
    }

    /// Numbers in the order of rows, little-endian.
    fn numbers<T: H5Type + Copy, const N: usize>(
        &mut self,
        dataset: &Dataset,
        path: &str,
        bytes_of: impl Fn(T) -> [u8; N],
    ) -> Result<[u8; 32], StoreError> {
        let mut hasher = Sha256::new();
        let mut buffer = Vec::new();
        let mut add = |values: Vec<T>| {
            buffer.clear();
            buffer.extend(values.into_iter().flat_map(&bytes_of));
            hasher.update(&buffer);
            (self.told)(buffer.len() as u64);
        };
        let shape = dataset.shape();
        match shape[..] {
            [] => add(self.place.h5(path, dataset.read_raw::<T>())?),
            [n, ref inner @ ..] if inner.len() <= 2 => {
                let row = (inner.iter().product::<usize>() * N).max(1);
                let chunk = dataset.chunk().and_then(|chunk| chunk.first().copied()).unwrap_or(1).max(1);
                // Whole rows of chunks, so that none is read twice.
                let at_once = (BYTES / row).div_ceil(chunk).max(1) * chunk;
                let at_once = at_once.min((MAX_BYTES / row).max(1));
                for start in (0..n).step_by(at_once) {
                    let rows = start..n.min(start + at_once);
                    let values = match *inner {
                        [width] => dataset.read_slice::<T, _, IxDyn>((rows, 0..width)),
                        [width, depth] => dataset.read_slice::<T, _, IxDyn>((rows, 0..width, 0..depth)),
                        _ => dataset.read_slice::<T, _, IxDyn>((rows,)),
                    };
                    add(self.place.h5(path, values)?.into_raw_vec_and_offset().0);
                }
            }
            _ => return Err(self.place.malformed(path, format!("shape {shape:?} is none that norna writes"))),
        }
        Ok(hasher.finalize().into())
    }
}
