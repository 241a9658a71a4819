//! Builds what browsers get into the program: every file below `assets/`; those of `style/` as one `maru.css` and those of
//! `script/` as one `maru.js`, in the order of their names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("assets");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo:rerun-if-changed=assets");
    let mut names = Vec::new();
    collect(&root, "", &mut names)?;
    names.sort();
    let mut table: Vec<(String, PathBuf)> = Vec::new();
    for (directory, name) in [("style/", "maru.css"), ("script/", "maru.js")] {
        let mut whole = Vec::new();
        for part in names.iter().filter(|part| part.starts_with(directory)) {
            whole.extend(fs::read(root.join(part))?);
        }
        let path = out.join(name);
        fs::write(&path, whole)?;
        table.push((name.to_owned(), path));
    }
    let others = names
        .into_iter()
        .filter(|name| !name.starts_with("style/") && !name.starts_with("script/"));
    table.extend(others.map(|name| (name.clone(), root.join(name))));
    table.sort();
    let mut code = String::from("static ASSETS: &[Asset] = &[\n");
    for (name, path) in table {
        let _ = writeln!(code, "    Asset {{ name: {name:?}, bytes: include_bytes!({path:?}) }},");
    }
    code.push_str("];\n");
    fs::write(out.join("assets.rs"), code)
}

fn collect(directory: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
