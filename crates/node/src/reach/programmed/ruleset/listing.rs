//! What `nft list ruleset` prints, as values.

use std::collections::BTreeMap;

/// Tables by family and name.
pub type Ruleset = BTreeMap<(String, String), ListedTable>;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedTable {
    /// Lines that say something of the table itself (`flags dormant`).
    pub head: Vec<String>,
    /// Sets and maps by name.
    pub sets: BTreeMap<String, ListedSet>,
    /// Chains by name.
    pub chains: BTreeMap<String, ListedChain>,
    /// Named counters, and other objects of that kind.
    pub objects: BTreeMap<String, Vec<String>>,
}

/// A set or map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedSet {
    /// `set` or `map`, its type, flags and the like.
    pub head: Vec<String>,
    /// Key to value; a set's are empty.
    pub elements: BTreeMap<String, String>,
}

/// A chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedChain {
    /// Where the kernel enters it, and its policy; `None` for one that others jump to.
    pub hook: Option<String>,
    /// Its rules in order.
    pub rules: Vec<String>,
}

/// Reads a listing. What is not understood stands among [`ListedTable::objects`].
pub fn parse(listing: &str) -> Ruleset {
    let mut ruleset = Ruleset::new();
    let mut lines = statements(listing).into_iter();
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["table", family, name, "{"] = words.as_slice() else {
            continue;
        };
        let table = parse_table(&mut lines);
        ruleset.insert(((*family).to_owned(), (*name).to_owned()), table);
    }
    ruleset
}

/// The listing's lines; what nft broke into several is one again, as are comments left out.
fn statements(listing: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    // Braces that opened in a line which does not end with one.
    let mut open = 0_i32;
    for line in listing
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(last) = statements.last_mut().filter(|_| open > 0) {
            last.push(' ');
            last.push_str(line);
            open += balance(line);
            continue;
        }
        statements.push(line.to_owned());
        // Where a table, set or chain begins or ends.
        let is_edge = line == "}" || (line.ends_with('{') && !line.contains('='));
        open = if is_edge { 0 } else { balance(line) };
    }
    statements
}

/// Opening braces less closing ones, outside of quotes.
fn balance(line: &str) -> i32 {
    let mut quoted = false;
    let mut sum = 0;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            '{' if !quoted => sum += 1,
            '}' if !quoted => sum -= 1,
            _ => {}
        }
    }
    sum
}

fn parse_table(lines: &mut impl Iterator<Item = String>) -> ListedTable {
    let mut table = ListedTable::default();
    while let Some(line) = lines.next().filter(|line| line != "}") {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [keyword @ ("set" | "map"), name, "{"] => {
                table.sets.insert((*name).to_owned(), parse_set(keyword, lines));
            }
            ["chain", name, "{"] => {
                table.chains.insert((*name).to_owned(), parse_chain(lines));
            }
            [.., "{"] => {
                let name = line.trim_end_matches('{').trim().to_owned();
                table.objects.insert(name, block(lines));
            }
            _ => table.head.push(line),
        }
    }
    table
}

/// The lines up to the end of a block.
fn block(lines: &mut impl Iterator<Item = String>) -> Vec<String> {
    lines.take_while(|line| line != "}").collect()
}

fn parse_set(keyword: &str, lines: &mut impl Iterator<Item = String>) -> ListedSet {
    let mut set = ListedSet {
        head: vec![keyword.to_owned()],
        ..ListedSet::default()
    };
    for line in block(lines) {
        match line.strip_prefix("elements = {") {
            Some(elements) => set
                .elements
                .extend(parse_elements(elements.trim_end().trim_end_matches('}'))),
            None => set.head.push(line),
        }
    }
    set
}

/// Elements stand between commas; the value of a map's behind ` : `, which is in no key.
fn parse_elements(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .map(|element| {
            let (key, value) = element.split_once(" : ").unwrap_or((element, ""));
            (key.to_owned(), value.to_owned())
        })
}

fn parse_chain(lines: &mut impl Iterator<Item = String>) -> ListedChain {
    let mut chain = ListedChain::default();
    for line in block(lines) {
        let is_hook = line.starts_with("type ") && line.contains(" hook ");
        match is_hook && chain.hook.is_none() {
            true => chain.hook = Some(line),
            false => chain.rules.push(line),
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
# Warning: table ip filter is managed by iptables-nft, do not touch!
table bridge dp {
	flags dormant
	set ok4 {
		typeof iifname . ether saddr . ip saddr
		elements = { \"tap1\" . 02:00:00:00:00:01 . 10.0.0.1,
			     \"tap2\" . 02:00:00:00:00:02 . 10.0.0.2 }
	}

	map eg {
		typeof iifname : verdict
		elements = { \"tap1\" : jump e_1 }
	}

	set empty {
		type ifname
	}

	chain pre {
		type filter hook prerouting priority -300; policy drop;
		meta protocol vmap { 0x0800 : goto s4, 0x86dd : goto s6 }
		@th,64,128 { 0x1,
			     0x2 } return
		iifname \"a{b\" drop
	}

	chain s4 {
	}
}
table inet dpm {
	counter label-1 {
	}
	chain c {
		counter name \"label-1\" return
	}
}
";

    #[test]
    fn a_listing_is_read_as_nft_prints_it() {
        let ruleset = parse(LISTING);
        assert_eq!(ruleset.len(), 2);
        let table = &ruleset[&("bridge".to_owned(), "dp".to_owned())];
        assert_eq!(table.head, ["flags dormant"]);
        assert_eq!(table.sets["ok4"].elements.len(), 2);
        assert!(
            table.sets["ok4"]
                .elements
                .contains_key("\"tap2\" . 02:00:00:00:00:02 . 10.0.0.2")
        );
        assert_eq!(table.sets["eg"].elements["\"tap1\""], "jump e_1");
        assert_eq!(
            table.sets["empty"],
            ListedSet {
                head: vec!["set".into(), "type ifname".into()],
                elements: BTreeMap::new(),
            }
        );
        let pre = &table.chains["pre"];
        assert!(pre.hook.as_ref().unwrap().ends_with("policy drop;"));
        assert_eq!(
            pre.rules,
            [
                "meta protocol vmap { 0x0800 : goto s4, 0x86dd : goto s6 }",
                "@th,64,128 { 0x1, 0x2 } return",
                "iifname \"a{b\" drop",
            ]
        );
        assert_eq!(table.chains["s4"], ListedChain::default());
        let meters = &ruleset[&("inet".to_owned(), "dpm".to_owned())];
        assert_eq!(meters.objects["counter label-1"], Vec::<String>::new());
        assert_eq!(meters.chains["c"].rules.len(), 1);
        assert!(parse("").is_empty());
    }
}
