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

/// `name = "English", "Korean";` makes a plain text, `name(a, b) = "… {a} …", "… {b} …";` one with values, and
/// `name(count) = "1 thing" | "{count} things", "…";` one whose English depends on whether the first value is one.
macro_rules! messages {
    ($($name:ident $(($($value:ident),+))? = $en:literal $(| $many:literal)?, $ko:literal;)*) => {
        impl crate::messages::Text {
            $( messages!(@one $name ($($($value),+)?) $en $(| $many)? ; $ko); )*
        }
    };
    (@one $name:ident () $en:literal ; $ko:literal) => {
        #[doc = $en]
        pub(crate) fn $name(self) -> &'static str {
            match self.0 {
                crate::lang::Lang::En => $en,
                crate::lang::Lang::Ko => $ko,
            }
        }
    };
    (@one $name:ident ($($value:ident),+) $en:literal ; $ko:literal) => {
        #[doc = $en]
        pub(crate) fn $name(self $(, $value: impl std::fmt::Display)+) -> String {
            match self.0 {
                crate::lang::Lang::En => format!($en),
                crate::lang::Lang::Ko => crate::messages::particles::pick(format!($ko)),
            }
        }
    };
    (@one $name:ident ($count:ident $(, $value:ident)*) $one:literal | $many:literal ; $ko:literal) => {
        #[doc = $many]
        pub(crate) fn $name(self, $count: impl std::fmt::Display $(, $value: impl std::fmt::Display)*) -> String {
            match self.0 {
                crate::lang::Lang::En if $count.to_string() == "1" => format!($one),
                crate::lang::Lang::En => format!($many),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_from_many_in_english() {
        let (en, ko) = (Text(Lang::En), Text(Lang::Ko));
        assert_eq!(en.topology_servers(1), "1 server");
        assert_eq!(en.topology_servers(21), "21 servers");
        assert_eq!(en.admin_role_delete_note(1), "It is assigned once.");
        assert_eq!(ko.topology_servers(1), "서버 1대");
    }
}
