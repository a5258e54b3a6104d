//! Lists and objects while they are open, and the order of names.

use super::writer::{Done, Writer};
use serde::Serialize;
use serde::ser::{self, Error as _};
use std::cmp::Ordering;
use std::ops::Range;

/// Where a member stands in the output.
pub(super) struct Member {
    /// Its name, escaped, without the quotes.
    name: Range<usize>,
    spelling: Spelling,
    end: usize,
}

/// Whether the order of a name's bytes is that of its UTF-16.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// It is: nothing is escaped, and all is below U+E000.
    Plain,
    /// It may not be.
    Any,
}

/// A list that is open.
pub(super) struct Items<'w, 'o> {
    writer: &'w mut Writer<'o>,
    count: usize,
    close: &'static [u8],
}

/// An object that is open.
pub(super) struct Members<'w, 'o> {
    writer: &'w mut Writer<'o>,
    /// Where its members begin among those of all.
    first: usize,
    order: Order,
    close: &'static [u8],
}

/// Whether the names came as they must stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Rising,
    Broken,
}

fn unescaped(name: &[u8]) -> String {
    serde_json::from_slice(&[b"\"", name, b"\""].concat()).unwrap_or_default()
}

// === impl Member ===

impl Member {
    /// A member of which only the name has been written, from `start` on.
    fn of(start: usize, out: &[u8]) -> Option<Member> {
        let end = out.len().checked_sub(1)?;
        let name = start + 1..end;
        // Anything but text would begin otherwise.
        let text = out.get(start..).and_then(|quoted| quoted.strip_prefix(b"\""))?;
        let is_plain = text.iter().all(|byte| *byte < 0xee && *byte != b'\\');
        let spelling = if is_plain { Spelling::Plain } else { Spelling::Any };
        Some(Member { name, spelling, end })
    }

    /// The order of the names as UTF-16.
    fn compare(&self, other: &Member, out: &[u8]) -> Ordering {
        let [left, right] = [self, other].map(|m| out.get(m.name.clone()).unwrap_or_default());
        match (self.spelling, other.spelling) {
            (Spelling::Plain, Spelling::Plain) => left.cmp(right),
            _ => unescaped(left).encode_utf16().cmp(unescaped(right).encode_utf16()),
        }
    }
}

// === impl Members ===

impl<'w, 'o> Members<'w, 'o> {
    /// Opens an object, which `close` will end.
    pub(super) fn open(writer: &'w mut Writer<'o>, close: &'static [u8]) -> Members<'w, 'o> {
        writer.out.push(b'{');
        let first = writer.members.len();
        Members { writer, first, order: Order::Rising, close }
    }

    fn member_name<T: Serialize + ?Sized>(&mut self, name: &T) -> Done {
        if self.writer.members.len() > self.first {
            self.writer.out.push(b',');
        }
        let start = self.writer.out.len();
        name.serialize(&mut *self.writer)?;
        let member = Member::of(start, self.writer.out)
            .ok_or_else(|| serde_json::Error::custom("a member name is not text"))?;
        self.writer.out.push(b':');
        if self.last().is_some_and(|last| last.compare(&member, self.writer.out).is_ge()) {
            self.order = Order::Broken;
        }
        self.writer.members.push(member);
        Ok(())
    }

    fn member_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut *self.writer)?;
        let end = self.writer.out.len();
        if let Some(member) = self.writer.members.last_mut() {
            member.end = end;
        }
        Ok(())
    }

    /// The member before, if there is one.
    fn last(&self) -> Option<&Member> {
        self.writer.members.get(self.first..).unwrap_or_default().last()
    }

    fn close(mut self) -> Done {
        match self.order {
            Order::Rising => self.writer.members.truncate(self.first),
            Order::Broken => self.reorder(),
        }
        self.writer.put(self.close)
    }

    /// Puts the members in order. Of equal names the last counts, as in a map.
    fn reorder(&mut self) {
        let mut members = self.writer.members.split_off(self.first);
        let Some(start) = members.first().map(|member| member.name.start - 1) else { return };
        let out = &mut *self.writer.out;
        members.sort_by(|left, right| left.compare(right, out));
        let mut sorted = Vec::with_capacity(out.len().saturating_sub(start));
        let mut rest = members.iter().peekable();
        while let Some(member) = rest.next() {
            if rest.peek().is_some_and(|next| member.compare(next, out).is_eq()) {
                continue;
            }
            if !sorted.is_empty() {
                sorted.push(b',');
            }
            let text = out.get(member.name.start - 1..member.end);
            sorted.extend_from_slice(text.unwrap_or_default());
        }
        out.truncate(start);
        out.extend_from_slice(&sorted);
    }
}

// === impl Items ===

impl<'w, 'o> Items<'w, 'o> {
    /// Opens a list, which `close` will end.
    pub(super) fn open(writer: &'w mut Writer<'o>, close: &'static [u8]) -> Items<'w, 'o> {
        writer.out.push(b'[');
        Items { writer, count: 0, close }
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Done {
        if self.count > 0 {
            self.writer.out.push(b',');
        }
        self.count += 1;
        item.serialize(&mut *self.writer)
    }

    fn close(self) -> Done {
        self.writer.put(self.close)
    }
}

// === impl serde ===

/// Declares that a list takes its items by `item`.
macro_rules! items {
    ($($of:ident by $method:ident),+) => {
        $(impl ser::$of for Items<'_, '_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Done {
                self.item(item)
            }

            fn end(self) -> Done {
                self.close()
            }
        })+
    };
}

items! {
    SerializeSeq by serialize_element,
    SerializeTuple by serialize_element,
    SerializeTupleStruct by serialize_field,
    SerializeTupleVariant by serialize_field
}

impl ser::SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Done {
        self.member_name(name)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.member_value(value)
    }

    fn end(self) -> Done {
        self.close()
    }
}

/// Declares that an object takes the fields of a struct as its members.
macro_rules! fields {
    ($($of:ident),+) => {
        $(impl ser::$of for Members<'_, '_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Done {
                self.member_name(name)?;
                self.member_value(value)
            }

            fn end(self) -> Done {
                self.close()
            }
        })+
    };
}

fields!(SerializeStruct, SerializeStructVariant);
