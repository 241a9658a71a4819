//! One description of a resource's attributes serves bodies, `fields`, filters and sorting: a resource puts its attributes
//! into a [`Sink`] one after another, and each sink takes what it is for. Nothing is built that is not asked for.

use model::{Actor, Cloud};
use serde::Serialize;
use serde_json::Value;

use crate::context::Ctx;

/// What a resource's attributes are told to.
pub(super) trait Sink {
    /// One attribute.
    fn put<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T);

    /// One that is filtered by but never told (Neutron's `is_visible: False`).
    fn put_hidden<T: Serialize + ?Sized>(&mut self, _name: &'static str, _value: &T) {}

    /// Whether an attribute that costs something to find out is wanted.
    fn wants(&self, name: &'static str) -> bool;
}

/// For whom, and in which cloud.
pub(super) struct ViewCx<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) actor: &'a Actor,
    /// Domain of names in networks that set none, without dots at its ends.
    pub(super) dns_domain: &'a str,
}

impl<'a> ViewCx<'a> {
    /// For the caller of a request.
    pub(super) fn new(ctx: &'a Ctx, cloud: &'a Cloud) -> Self {
        Self {
            cloud,
            actor: ctx.actor(),
            dns_domain: &ctx.control().plan_settings().dns_domain,
        }
    }

    /// Attributes that only an administrator sees.
    pub(super) fn is_admin(&self) -> bool {
        self.actor.is_admin()
    }
}

/// Something with attributes.
pub(super) trait View {
    /// Tells its attributes.
    fn view<S: Sink>(&self, cx: &ViewCx<'_>, out: &mut S);
}

/// Writes JSON.
pub(super) struct JsonSink<'a> {
    out: &'a mut Vec<u8>,
    fields: &'a [&'a str],
    is_first: bool,
}

impl<'a> JsonSink<'a> {
    /// Appends one object with the attributes to `out`; no `fields`: all.
    pub(super) fn object<V: View>(out: &'a mut Vec<u8>, fields: &'a [&'a str], value: &V, cx: &ViewCx<'_>) {
        out.push(b'{');
        let mut sink = JsonSink {
            out,
            fields,
            is_first: true,
        };
        value.view(cx, &mut sink);
        sink.out.push(b'}');
    }
}

impl Sink for JsonSink<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if !self.wants(name) {
            return;
        }
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        // Attribute names are plain words and colons: nothing to escape.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        let start = self.out.len();
        if serde_json::to_writer(&mut *self.out, value).is_err() {
            self.out.truncate(start);
            self.out.extend_from_slice(b"null");
        }
    }

    fn wants(&self, name: &'static str) -> bool {
        self.fields.is_empty() || self.fields.contains(&name)
    }
}

/// Keeps the values of some attributes.
pub(super) struct PickSink<'a> {
    names: &'a [&'a str],
    /// By place in `names`.
    pub(super) values: Vec<Value>,
}

impl<'a> PickSink<'a> {
    /// The values of the named attributes; null where there is none.
    pub(super) fn pick<V: View>(names: &'a [&'a str], value: &V, cx: &ViewCx<'_>) -> Vec<Value> {
        let mut sink = PickSink {
            names,
            values: vec![Value::Null; names.len()],
        };
        value.view(cx, &mut sink);
        sink.values
    }
}

impl Sink for PickSink<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if let Some(place) = self.names.iter().position(|wanted| *wanted == name) {
            self.values[place] = serde_json::to_value(value).unwrap_or(Value::Null);
        }
    }

    fn put_hidden<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.put(name, value);
    }

    fn wants(&self, name: &'static str) -> bool {
        self.names.contains(&name)
    }
}
