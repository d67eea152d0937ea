//! The numbers of the Cell's map and the types' ids, in each language.

use super::identity::Identity;
use super::name::{first_word, pascal, screaming};
use super::schema::{Constant, Schema};
use std::fmt::Write;

/// From here on a number is easier to read in hexadecimal.
const HEXADECIMAL_MIN: u32 = 0x1000;

/// How one language writes a file of constants.
pub(crate) struct Language {
    pub(crate) path: &'static str,
    /// Before each line of a comment.
    comment: &'static str,
    /// Whether the language's own formatter wants an empty line before a comment.
    is_spaced: bool,
    head: &'static str,
    tail: &'static str,
    line: fn(&Constant) -> String,
}

/// Every language that reads the map.
pub(crate) const LANGUAGES: &[Language] = &[
    Language {
        path: "base/cell/src/map.rs",
        comment: "///",
        is_spaced: false,
        head: "// Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.\n\n",
        tail: "",
        line: |c| format!("pub const {}: u32 = {};", screaming(&c.name), grouped(c.value)),
    },
    Language {
        path: "sdk/go/cell/cell.go",
        comment: "//",
        is_spaced: true,
        head: "// Code generated from schema/cell.capnp and schema/data.capnp by cargo xtask generate. DO NOT EDIT.\n\n\
               // Package cell is the one memory map of a host and one peer: offsets, sizes and numbers.\n\
               package cell\n\n",
        tail: "",
        line: |c| format!("const {} = {}", pascal(&c.name), number(c.value)),
    },
    Language {
        path: "sdk/typescript/src/cell.ts",
        comment: "//",
        is_spaced: false,
        head: "// Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.\n\
               // The one memory map of a host and one peer: offsets, sizes and numbers.\n\n",
        tail: "",
        line: |c| format!("export const {} = {};", screaming(&c.name), number(c.value)),
    },
    Language {
        path: "sdk/python/ioi/cell.py",
        comment: "#",
        is_spaced: false,
        head: "\"\"\"The one memory map of a host and one peer: offsets, sizes and numbers.\n\n\
               Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.\n\"\"\"\n\n",
        tail: "",
        line: |c| format!("{} = {}", screaming(&c.name), number(c.value)),
    },
    Language {
        path: "sdk/c/include/ioi_cell.h",
        comment: "//",
        is_spaced: false,
        head: "// Generated from schema/cell.capnp and schema/data.capnp by `cargo xtask generate`.\n\
               // The one memory map of a host and one peer: offsets, sizes and numbers.\n\
               #ifndef IOI_CELL_H\n#define IOI_CELL_H\n\n#include <stdint.h>\n\n",
        tail: "\n#endif\n",
        line: |c| format!("#define IOI_CELL_{} UINT32_C({})", screaming(&c.name), number(c.value)),
    },
];

/// The constants of the map, and then the ids of the Cap'n Proto types.
pub(crate) fn all(cell: &Schema, data: &Schema, identities: &[Identity]) -> Vec<Constant> {
    let types = data.structs.iter().zip(identities).map(|(found, identity)| Constant {
        name: format!("typeId{}", found.name),
        docs: String::new(),
        value: identity.capnp.0,
    });
    cell.constants.iter().cloned().chain(types).collect()
}

impl Language {
    /// The whole file.
    pub(crate) fn write(&self, constants: &[Constant]) -> String {
        let mut text = self.head.to_owned();
        let mut group = constants.first().map(|first| first_word(&first.name));
        for constant in constants {
            let word = Some(first_word(&constant.name));
            let is_spaced = self.is_spaced && !constant.docs.is_empty();
            if word != group || (is_spaced && !text.ends_with("\n\n")) {
                text.push('\n');
                group = word;
            }
            for line in constant.docs.lines() {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "{} {line}", self.comment);
            }
            text.push_str(&(self.line)(constant));
            text.push('\n');
        }
        text + self.tail
    }
}

fn number(value: u32) -> String {
    if value < HEXADECIMAL_MIN { value.to_string() } else { format!("{value:#x}") }
}

/// As Rust groups digits.
fn grouped(value: u32) -> String {
    if value < HEXADECIMAL_MIN {
        return value.to_string();
    }
    format!("{:#06x}_{:04x}", value >> 16, value & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_gets_every_constant_with_its_value_and_its_words() {
        let constant =
            |name: &str, docs: &str, value| Constant { name: name.into(), docs: docs.into(), value };
        let constants = [constant("inboxOffset", "Where.", 0x50000), constant("epochCount", "", 32)];
        let texts: Vec<_> = LANGUAGES.iter().map(|language| language.write(&constants)).collect();
        let lines = [
            "/// Where.\npub const INBOX_OFFSET: u32 = 0x0005_0000;\n\npub const EPOCH_COUNT: u32 = 32;\n",
            "// Where.\nconst InboxOffset = 0x50000\n\nconst EpochCount = 32\n",
            "// Where.\nexport const INBOX_OFFSET = 0x50000;\n\nexport const EPOCH_COUNT = 32;\n",
            "# Where.\nINBOX_OFFSET = 0x50000\n\nEPOCH_COUNT = 32\n",
            "#define IOI_CELL_INBOX_OFFSET UINT32_C(0x50000)\n\n#define IOI_CELL_EPOCH_COUNT UINT32_C(32)\n",
        ];
        for (text, expected) in texts.iter().zip(lines) {
            assert!(text.contains(expected), "{text}");
        }
    }
}
