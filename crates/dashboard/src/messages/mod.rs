//! Every text for people, in English and Korean. One macro makes a method of [`Text`] for each: a text that is missing in one
//! language, or names a value that is not there, does not compile.

mod access;
mod admin;
mod admin_networks;
mod common;
mod explained;
mod floating_ips;
mod images;
mod key_pairs;
mod kinds;
mod launch;
mod networks;
mod overview;
mod particles;
mod problems;
mod reach;
mod routers;
mod security_groups;
mod server_actions;
mod server_groups;
mod servers;
mod sign_in;
mod topology;
mod volumes;

use crate::lang::Lang;

pub(crate) use kinds::Kind;

/// The words of a page, in its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text(pub Lang);

/// `name = "English", "Korean";` makes a plain text, `name(a, b) = "… {a} …", "… {b} …";` one with values.
macro_rules! messages {
    ($($name:ident $(($($value:ident),+))? = $en:literal, $ko:literal;)*) => {
        impl crate::messages::Text {
            $( messages!(@one $name ($($($value),+)?) $en $ko); )*
        }
    };
    (@one $name:ident () $en:literal $ko:literal) => {
        #[doc = $en]
        pub(crate) fn $name(self) -> &'static str {
            match self.0 {
                crate::lang::Lang::En => $en,
                crate::lang::Lang::Ko => $ko,
            }
        }
    };
    (@one $name:ident ($($value:ident),+) $en:literal $ko:literal) => {
        #[doc = $en]
        pub(crate) fn $name(self $(, $value: impl std::fmt::Display)+) -> String {
            match self.0 {
                crate::lang::Lang::En => format!($en),
                crate::lang::Lang::Ko => crate::messages::particles::pick(format!($ko)),
            }
        }
    };
}
use messages;

impl Text {
    /// The language's code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// One of two texts, for what is made and not looked up.
    pub fn pick<T>(self, en: T, ko: T) -> T {
        match self.0 {
            Lang::En => en,
            Lang::Ko => ko,
        }
    }
}
