//! Collects the doc comments of the feature functions, so that the catalogue and the docs page
//! show the text that stands above the code.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=src/feature");
    let mut files: Vec<_> = fs::read_dir("src/feature")
        .expect("src/feature exists")
        .map(|entry| entry.expect("readable folder").path())
        .collect();
    files.sort();
    let mut table = String::from(
        "/// Doc comments of the public functions here: (module, function, text).\n\
         const FEATURE_DOCS: &[(&str, &str, &str)] = &[\n",
    );
    for path in files {
        let source = fs::read_to_string(&path).expect("readable source");
        let module = path.file_stem().expect("a file name").to_string_lossy();
        for (name, doc) in documented_functions(&source) {
            writeln!(table, "({module:?}, {name:?}, {doc:?}),").expect("write to a string");
        }
    }
    table.push_str("];\n");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("feature_docs.rs"), table).expect("writable OUT_DIR");
}

/// Free public functions with the `///` lines right above them.
fn documented_functions(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.strip_prefix(' ').unwrap_or(text));
        } else if let Some(rest) = line.strip_prefix("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or(rest);
            found.push((name.to_string(), doc.join("\n")));
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    found
}
