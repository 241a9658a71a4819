//! A small ISO 9660 image in memory, with Joliet names (ECMA-119 and Microsoft's Joliet specification): the config drive.
//!
//! ```text
//!  0–15 empty │ 16 primary descriptor │ 17 Joliet descriptor │ 18 end │ 4 path tables │ directories (both trees) │ files
//! ```
//!
//! The primary tree carries upper-case names of 8.3 or a little more for readers that know nothing else; everyone reads
//! the Joliet tree. Both point at the same file contents. Same input, same bytes: all dates are empty.

use std::collections::BTreeMap;

const SECTOR: usize = 2048;
const FIRST_PATH_TABLE: usize = 19;
/// Joliet's longest name, in UTF-16 units.
const MAX_NAME_UNITS: usize = 64;
const MAX_PRIMARY_NAME: usize = 28;

/// Which of the two directory trees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tree {
    Primary,
    Joliet,
}

/// A directory of the tree while it is laid out. Directories are numbered breadth first, the root is 0.
#[derive(Default)]
struct Directory {
    name: String,
    parent: usize,
    directories: Vec<usize>,
    files: Vec<usize>,
}

struct Image<'a> {
    directories: Vec<Directory>,
    files: Vec<(&'a str, &'a [u8])>,
}

/// Makes an image with this volume label (upper or lower case, 16 characters at most) of files by their paths, which are
/// relative and have `/` between their parts. Parts that are empty or longer than 64 characters are left out of it.
pub fn image(label: &str, files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut image = Image {
        directories: vec![Directory::default()],
        files: Vec::new(),
    };
    for (path, content) in files {
        image.insert(path, content);
    }
    image.number_breadth_first();
    image.render(label)
}

impl<'a> Image<'a> {
    fn insert(&mut self, path: &'a str, content: &'a [u8]) {
        let fits = |part: &&str| !part.is_empty() && part.encode_utf16().count() <= MAX_NAME_UNITS;
        let parts: Vec<&str> = path.split('/').filter(fits).collect();
        let Some((name, directories)) = parts.split_last() else {
            return;
        };
        let mut at = 0;
        for part in directories {
            at = self.directory(at, part);
        }
        self.files.push((name, content));
        self.directories[at].files.push(self.files.len() - 1);
    }

    fn directory(&mut self, parent: usize, name: &str) -> usize {
        let known = self.directories[parent].directories.iter().copied();
        if let Some(index) = known.into_iter().find(|index| self.directories[*index].name == name) {
            return index;
        }
        self.directories.push(Directory {
            name: name.to_owned(),
            parent,
            ..Directory::default()
        });
        let index = self.directories.len() - 1;
        self.directories[parent].directories.push(index);
        index
    }

    /// Path tables list directories level by level, and refer to parents by their place in that list.
    fn number_breadth_first(&mut self) {
        let mut order = vec![0];
        let mut next = 0;
        while let Some(index) = order.get(next).copied() {
            order.extend(self.directories[index].directories.iter().copied());
            next += 1;
        }
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut old = std::mem::take(&mut self.directories);
        for index in order {
            let mut directory = std::mem::take(&mut old[index]);
            directory.parent = place[directory.parent];
            directory
                .directories
                .iter_mut()
                .for_each(|child| *child = place[*child]);
            self.directories.push(directory);
        }
    }

    fn render(&self, label: &str) -> Vec<u8> {
        let path_sectors = [Tree::Primary, Tree::Joliet].map(|tree| sectors(self.path_table(tree, &[]).len()));
        let mut next = FIRST_PATH_TABLE + 2 * (path_sectors[0] + path_sectors[1]);
        let mut places = [vec![], vec![]];
        for (tree, place) in [Tree::Primary, Tree::Joliet].into_iter().zip(&mut places) {
            for index in 0..self.directories.len() {
                place.push(next);
                next += sectors(self.directory_bytes(tree, index, &[], &[]).len());
            }
        }
        let mut file_places = Vec::new();
        for (_, content) in &self.files {
            file_places.push(next);
            next += sectors(content.len());
        }
        let mut out = vec![0; next * SECTOR];
        let mut put = |sector: usize, bytes: &[u8]| out[sector * SECTOR..][..bytes.len()].copy_from_slice(bytes);
        let mut table = FIRST_PATH_TABLE;
        for (tree, place) in [Tree::Primary, Tree::Joliet].into_iter().zip(&places) {
            let bytes = self.path_table(tree, place);
            let root = self.directory_bytes(tree, 0, place, &file_places).len();
            put(
                16 + tree as usize,
                &descriptor(tree, label, next, bytes.len(), table, (place[0], root)),
            );
            put(table, &bytes);
            put(table + sectors(bytes.len()), &self.big_endian_path_table(tree, place));
            table += 2 * sectors(bytes.len());
            for (index, sector) in place.iter().enumerate() {
                put(*sector, &self.directory_bytes(tree, index, place, &file_places));
            }
        }
        put(18, b"\xffCD001\x01");
        for ((_, content), sector) in self.files.iter().zip(&file_places) {
            put(*sector, content);
        }
        out
    }

    fn path_table(&self, tree: Tree, places: &[usize]) -> Vec<u8> {
        self.path_table_with(tree, places, |value| value.to_le_bytes(), |value| value.to_le_bytes())
    }

    fn big_endian_path_table(&self, tree: Tree, places: &[usize]) -> Vec<u8> {
        self.path_table_with(tree, places, |value| value.to_be_bytes(), |value| value.to_be_bytes())
    }

    fn path_table_with(
        &self,
        tree: Tree,
        places: &[usize],
        long: fn(u32) -> [u8; 4],
        short: fn(u16) -> [u8; 2],
    ) -> Vec<u8> {
        let mut table = Vec::new();
        for (index, directory) in self.directories.iter().enumerate() {
            let name = if index == 0 {
                vec![0]
            } else {
                encode(tree, &directory.name, false, index)
            };
            table.extend([byte(name.len()), 0]);
            table.extend(long(word(places.get(index).copied().unwrap_or_default())));
            table.extend(short(u16::try_from(directory.parent + 1).unwrap_or(u16::MAX)));
            table.extend(&name);
            if name.len() % 2 == 1 {
                table.push(0);
            }
        }
        table
    }

    /// The records of one directory. With empty places only the length is right.
    fn directory_bytes(&self, tree: Tree, index: usize, places: &[usize], files: &[usize]) -> Vec<u8> {
        let place = |index: usize| places.get(index).copied().unwrap_or_default();
        let length = |index: usize| {
            if places.is_empty() {
                0
            } else {
                self.directory_bytes(tree, index, &[], &[]).len()
            }
        };
        let directory = &self.directories[index];
        let mut records = vec![
            record(&[0], place(index), length(index), true),
            record(&[1], place(directory.parent), length(directory.parent), true),
        ];
        let mut entries = Vec::new();
        for child in &directory.directories {
            let name = encode(tree, &self.directories[*child].name, false, *child);
            entries.push((name, place(*child), length(*child), true));
        }
        for file in &directory.files {
            let (name, content) = self.files[*file];
            let sector = files.get(*file).copied().unwrap_or_default();
            entries.push((encode(tree, name, true, *file), sector, content.len(), false));
        }
        entries.sort();
        records.extend(
            entries
                .iter()
                .map(|(name, sector, length, is_directory)| record(name, *sector, *length, *is_directory)),
        );
        pack(&records)
    }
}

/// Records lie one behind the other, and none crosses a sector's end.
fn pack(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let room = SECTOR - bytes.len() % SECTOR;
        if record.len() > room {
            bytes.resize(bytes.len() + room, 0);
        }
        bytes.extend(record);
    }
    bytes.resize(sectors(bytes.len()) * SECTOR, 0);
    bytes
}

fn record(name: &[u8], sector: usize, length: usize, is_directory: bool) -> Vec<u8> {
    let padding = usize::from(name.len().is_multiple_of(2));
    let mut record = vec![byte(33 + name.len() + padding), 0];
    record.extend(both_endian(word(sector)));
    record.extend(both_endian(word(length)));
    // Recorded on 1970-01-01 00:00:00 at Greenwich.
    record.extend([70, 1, 1, 0, 0, 0, 0]);
    record.extend([if is_directory { 2 } else { 0 }, 0, 0, 1, 0, 0, 1, byte(name.len())]);
    record.extend(name);
    record.resize(record.len() + padding, 0);
    record
}

/// A name as a tree writes it. `number` makes shortened names unlike each other.
fn encode(tree: Tree, name: &str, is_file: bool, number: usize) -> Vec<u8> {
    match tree {
        Tree::Joliet => name.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Tree::Primary => primary_name(name, is_file, number).into_bytes(),
    }
}

fn primary_name(name: &str, is_file: bool, number: usize) -> String {
    let clean = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect()
    };
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if is_file && !stem.is_empty() => (clean(stem), clean(extension)),
        _ => (clean(name), String::new()),
    };
    let fits =
        stem.len() + extension.len() < MAX_PRIMARY_NAME && clean(name).eq_ignore_ascii_case(&name.replace('.', "_"));
    let (stem, extension) = if fits {
        (stem, extension)
    } else {
        (format!("F{number}"), String::new())
    };
    if is_file { format!("{stem}.{extension};1") } else { stem }
}

/// A volume descriptor (ECMA-119, 8.4 and 8.5).
fn descriptor(
    tree: Tree,
    label: &str,
    volume_sectors: usize,
    path_table_bytes: usize,
    path_table: usize,
    root: (usize, usize),
) -> Vec<u8> {
    let mut d = vec![0; SECTOR];
    d[0] = if tree == Tree::Primary { 1 } else { 2 };
    d[1..7].copy_from_slice(b"CD001\x01");
    let text = |field: &mut [u8], text: &str| {
        let bytes: Vec<u8> = match tree {
            Tree::Primary => text.bytes().chain(std::iter::repeat(b' ')).take(field.len()).collect(),
            Tree::Joliet => text
                .encode_utf16()
                .chain(std::iter::repeat(u16::from(b' ')))
                .flat_map(u16::to_be_bytes)
                .take(field.len())
                .collect(),
        };
        field.copy_from_slice(&bytes);
    };
    text(&mut d[8..40], "");
    text(&mut d[40..72], label);
    d[80..88].copy_from_slice(&both_endian(word(volume_sectors)));
    if tree == Tree::Joliet {
        // UCS-2 level 3.
        d[88..91].copy_from_slice(b"%/E");
    }
    for at in [120, 124] {
        d[at..at + 4].copy_from_slice(&[1, 0, 0, 1]);
    }
    d[128..132].copy_from_slice(&[0, 8, 8, 0]);
    d[132..140].copy_from_slice(&both_endian(word(path_table_bytes)));
    d[140..144].copy_from_slice(&word(path_table).to_le_bytes());
    d[148..152].copy_from_slice(&word(path_table + sectors(path_table_bytes)).to_be_bytes());
    d[156..190].copy_from_slice(&record(&[0], root.0, root.1, true));
    text(&mut d[190..318], "");
    text(&mut d[318..446], "");
    text(&mut d[446..574], "MARU");
    text(&mut d[574..702], "");
    text(&mut d[702..739], "");
    text(&mut d[739..776], "");
    text(&mut d[776..813], "");
    for at in [813, 830, 847, 864] {
        d[at..at + 16].fill(b'0');
    }
    d[881] = 1;
    d
}

fn both_endian(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR)
}

/// A config drive holds kilobytes; what is larger than the format can say is cut off, never wrapped.
fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn byte(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
        names
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_vec()))
            .collect()
    }

    fn le32(bytes: &[u8]) -> usize {
        u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
    }

    /// Reads a tree back as a reader would: descriptor, root record, records.
    fn read(image: &[u8], tree: Tree) -> BTreeMap<String, Vec<u8>> {
        let descriptor = &image[(16 + tree as usize) * SECTOR..][..SECTOR];
        assert_eq!(&descriptor[1..6], b"CD001");
        assert_eq!(le32(&descriptor[80..]) * SECTOR, image.len());
        let mut found = BTreeMap::new();
        walk(image, tree, &descriptor[156..190], "", &mut found);
        found
    }

    fn walk(image: &[u8], tree: Tree, record: &[u8], path: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        let extent = &image[le32(&record[2..]) * SECTOR..][..le32(&record[10..])];
        for sector in extent.chunks(SECTOR) {
            let mut at = 0;
            while at < SECTOR && sector[at] != 0 {
                let record = &sector[at..at + usize::from(sector[at])];
                at += record.len();
                let name = &record[33..33 + usize::from(record[32])];
                if name == [0] || name == [1] {
                    continue;
                }
                let units: Vec<u16> = name
                    .chunks(2)
                    .map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
                    .collect();
                let name = match tree {
                    Tree::Joliet => String::from_utf16(&units).unwrap(),
                    Tree::Primary => String::from_utf8(name.to_vec()).unwrap(),
                };
                let path = format!("{path}/{name}");
                if record[25] & 2 != 0 {
                    walk(image, tree, record, &path, found);
                } else {
                    let content = &image[le32(&record[2..]) * SECTOR..][..le32(&record[10..])];
                    found.insert(path, content.to_vec());
                }
            }
        }
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let big = vec![7; 5000];
        let given = files(&[
            ("openstack/latest/meta_data.json", b"{}"),
            ("openstack/latest/user_data", &big),
            ("openstack/2012-08-10/meta_data.json", b"old"),
            ("openstack/content/0000", b""),
            ("ec2/latest/meta-data.json", b"ec2"),
        ]);
        let image = image("config-2", &given);
        let expected: BTreeMap<_, _> = given
            .iter()
            .map(|(path, content)| (format!("/{path}"), content.clone()))
            .collect();
        assert_eq!(read(&image, Tree::Joliet), expected);
        let primary = read(&image, Tree::Primary);
        assert_eq!(primary["/OPENSTACK/LATEST/META_DATA.JSON;1"], b"{}");
        assert_eq!(primary.len(), given.len());
        assert_eq!(&image[16 * SECTOR + 40..][..9], b"config-2 ");
        assert_eq!(&image[17 * SECTOR + 40..][..6], b"\0c\0o\0n");
    }

    #[test]
    fn many_files_need_more_than_a_sector() {
        let given: BTreeMap<_, _> = (0..200)
            .map(|n| (format!("d{}/file-with-a-long-name-{n}", n % 90), vec![1, 2]))
            .collect();
        let image = image("x", &given);
        assert_eq!(read(&image, Tree::Joliet).len(), 200);
        assert_eq!(read(&image, Tree::Primary).len(), 200);
    }

    #[test]
    fn the_system_sees_the_label() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("drive");
        std::fs::write(&path, image("config-2", &files(&[("a", b"b")]))).unwrap();
        let output = std::process::Command::new("blkid")
            .args(["-p", "-o", "export"])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("LABEL=config-2") && text.contains("TYPE=iso9660"),
            "{text}"
        );
    }
}
