//! Anything that serialises, written as RFC 8785 while it serialises.
//!
//! Members are written as they come and put in order when their object ends; where they came in
//! order, which is usual, that costs a comparison each. Rejected: a `serde_json::Value` in
//! between, whose allocations cost more than all the writing, and names sorted at compile time,
//! which the declared order of a struct would have to follow for ever.

use super::object::{Items, Member, Members};
use crate::json::text::write_text;
use serde::{Serialize, Serializer};

/// Integers within this distance of zero are written as they are; a double holds them exactly.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// Writes one value behind what is there.
pub(super) struct Writer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// The members of all objects that are open, the innermost last.
    pub(super) members: Vec<Member>,
}

pub(super) type Done = serde_json::Result<()>;

// === impl Writer ===

impl<'o> Writer<'o> {
    pub(super) fn to(out: &'o mut Vec<u8>) -> Writer<'o> {
        Writer { out, members: Vec::new() }
    }

    pub(super) fn put(&mut self, text: &[u8]) -> Done {
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn signed(&mut self, number: i64) -> Done {
        match number.unsigned_abs() <= EXACT_INTEGER_MAX {
            true => serde_json::to_writer(&mut *self.out, &number),
            false => self.double(number as f64),
        }
    }

    fn unsigned(&mut self, number: u64) -> Done {
        match number <= EXACT_INTEGER_MAX {
            true => serde_json::to_writer(&mut *self.out, &number),
            false => self.double(number as f64),
        }
    }

    fn double(&mut self, number: f64) -> Done {
        match number.is_finite() {
            true => serde_json_canonicalizer::to_writer(&number, &mut *self.out),
            false => self.put(b"null"),
        }
    }

    /// Opens the object of an enum's variant that holds something.
    fn variant(&mut self, name: &str) -> Done {
        self.out.push(b'{');
        write_text(name, self.out)?;
        self.put(b":")
    }
}

// === impl Serializer ===

/// Declares methods that write a value of a type by one method of the writer.
macro_rules! numbers {
    ($($method:ident $from:ty => $by:ident $as:ty,)+) => {
        $(fn $method(self, number: $from) -> Done {
            self.$by(<$as>::from(number))
        })+
    };
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Items<'w, 'o>;
    type SerializeTuple = Items<'w, 'o>;
    type SerializeTupleStruct = Items<'w, 'o>;
    type SerializeTupleVariant = Items<'w, 'o>;
    type SerializeMap = Members<'w, 'o>;
    type SerializeStruct = Members<'w, 'o>;
    type SerializeStructVariant = Members<'w, 'o>;

    numbers! {
        serialize_i8 i8 => signed i64,
        serialize_i16 i16 => signed i64,
        serialize_i32 i32 => signed i64,
        serialize_i64 i64 => signed i64,
        serialize_u8 u8 => unsigned u64,
        serialize_u16 u16 => unsigned u64,
        serialize_u32 u32 => unsigned u64,
        serialize_u64 u64 => unsigned u64,
        serialize_f32 f32 => double f64,
        serialize_f64 f64 => double f64,
    }

    fn serialize_bool(self, flag: bool) -> Done {
        self.put(if flag { b"true" } else { b"false" })
    }

    fn serialize_char(self, c: char) -> Done {
        write_text(c.encode_utf8(&mut [0; 4]), self.out)
    }

    fn serialize_str(self, text: &str) -> Done {
        write_text(text, self.out)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Done {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Done {
        self.put(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.put(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.put(b"null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        write_text(variant, self.out)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.put(b"}")
    }

    fn serialize_seq(self, _: Option<usize>) -> serde_json::Result<Items<'w, 'o>> {
        Ok(Items::open(self, b"]"))
    }

    fn serialize_tuple(self, _: usize) -> serde_json::Result<Items<'w, 'o>> {
        Ok(Items::open(self, b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> serde_json::Result<Items<'w, 'o>> {
        Ok(Items::open(self, b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> serde_json::Result<Items<'w, 'o>> {
        self.variant(variant)?;
        Ok(Items::open(self, b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> serde_json::Result<Members<'w, 'o>> {
        Ok(Members::open(self, b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> serde_json::Result<Members<'w, 'o>> {
        Ok(Members::open(self, b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> serde_json::Result<Members<'w, 'o>> {
        self.variant(variant)?;
        Ok(Members::open(self, b"}}"))
    }
}
