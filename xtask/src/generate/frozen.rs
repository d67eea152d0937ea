//! A schema against the released one: things are only ever added.

use super::schema::{Enum, Field, Schema, Struct, Type};

/// What the current schema takes away from the released one, each in one line.
pub(crate) fn violations(released: &Schema, current: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for old in &released.constants {
        match current.constants.iter().find(|new| new.name == old.name) {
            None => found.push(format!("constant {} was removed", old.name)),
            Some(new) if new.value != old.value => {
                found.push(format!("constant {} was {}, is {}", old.name, old.value, new.value));
            }
            Some(_) => {}
        }
    }
    for old in &released.enums {
        match current.enums.iter().find(|new| new.name == old.name) {
            None => found.push(format!("enum {} was removed", old.name)),
            Some(new) => found.extend(check_enum(old, new)),
        }
    }
    for old in &released.structs {
        match current.structs.iter().find(|new| new.name == old.name) {
            None => found.push(format!("struct {} was removed", old.name)),
            Some(new) => found.extend(check_struct(released, current, old, new)),
        }
    }
    found
}

fn check_enum(old: &Enum, new: &Enum) -> Vec<String> {
    let changed =
        old.enumerants.iter().enumerate().filter(|(at, name)| new.enumerants.get(*at) != Some(name));
    let changed =
        changed.map(|(at, name)| format!("enum {}: {name} @{at} was removed or renumbered", old.name));
    changed.chain((old.id != new.id).then(|| format!("enum {} has another id", old.name))).collect()
}

fn check_struct(released: &Schema, current: &Schema, old: &Struct, new: &Struct) -> Vec<String> {
    let mut found = Vec::new();
    if old.id != new.id {
        found.push(format!("struct {} has another id", old.name));
    }
    for (ordinal, field) in old.fields.iter().enumerate() {
        let place = format!("{}.{} @{ordinal}", old.name, field.name);
        match new.fields.get(ordinal) {
            Some(same) if same.name == field.name => {
                let is_same = spell(released, field) == spell(current, same) && field.slot == same.slot;
                found.extend((!is_same).then(|| format!("{place} was retyped")));
            }
            _ if new.fields.iter().any(|other| other.name == field.name) => {
                found.push(format!("{place} was renumbered"));
            }
            _ => found.push(format!("{place} was removed or renamed")),
        }
    }
    found
}

/// The type with names in place of ids, and its limits.
fn spell(schema: &Schema, field: &Field) -> String {
    fn of(schema: &Schema, kind: &Type) -> String {
        match kind {
            Type::Enum(id) => schema.find_enum(*id).map(|found| found.name.clone()).unwrap_or_default(),
            Type::Struct(id) => schema.find_struct(*id).map(|found| found.name.clone()).unwrap_or_default(),
            Type::List(inner) => format!("list of {}", of(schema, inner)),
            other => format!("{other:?}"),
        }
    }
    format!("{} {:?} {:?}", of(schema, &field.kind), field.exactly, field.aligned_to)
}

#[cfg(test)]
mod tests {
    use super::super::schema::Constant;
    use super::*;

    fn field(name: &str, slot: u32, kind: Type) -> Field {
        Field { name: name.into(), docs: String::new(), slot, kind, exactly: None, aligned_to: None }
    }

    fn released() -> Schema {
        let fields = vec![field("a", 0, Type::Text), field("b", 1, Type::List(Box::new(Type::Enum(7))))];
        let name = "S".to_owned();
        let docs = String::new();
        Schema {
            capnp: (1, 0, 0),
            constants: vec![Constant { name: "c".into(), docs: docs.clone(), value: 1 }],
            enums: vec![Enum {
                id: 7,
                name: "E".into(),
                docs: docs.clone(),
                enumerants: vec!["x".into(), "y".into()],
            }],
            structs: vec![Struct { id: 8, name, docs, data_words: 0, pointers: 2, fields }],
        }
    }

    #[test]
    fn what_is_added_at_the_end_is_no_violation() {
        let mut current = released();
        current.constants.push(Constant { name: "d".into(), docs: String::new(), value: 2 });
        current.enums[0].enumerants.push("z".into());
        current.structs[0].fields.push(field("new", 2, Type::Data));
        current.structs.push(Struct { id: 9, name: "T".into(), ..released().structs[0].clone() });
        assert_eq!(violations(&released(), &current), [""; 0]);
    }

    #[test]
    fn each_way_of_breaking_a_reader_is_named() {
        type Break = fn(&mut Schema);
        let cases: &[(Break, &str)] = &[
            (|s| s.constants.clear(), "constant c was removed"),
            (|s| s.constants[0].value = 9, "constant c was 1, is 9"),
            (|s| s.enums.clear(), "enum E was removed"),
            (|s| s.enums[0].id = 1, "enum E has another id"),
            (|s| s.enums[0].enumerants.swap(0, 1), "enum E: x @0 was removed or renumbered"),
            (|s| s.enums[0].enumerants.truncate(1), "enum E: y @1 was removed or renumbered"),
            (|s| s.structs.clear(), "struct S was removed"),
            (|s| s.structs[0].id = 1, "struct S has another id"),
            (|s| s.structs[0].fields.truncate(1), "S.b @1 was removed or renamed"),
            (|s| s.structs[0].fields[0].name = "z".into(), "S.a @0 was removed or renamed"),
            (|s| s.structs[0].fields.swap(0, 1), "S.a @0 was renumbered"),
            (|s| s.structs[0].fields[0].kind = Type::Data, "S.a @0 was retyped"),
            (|s| s.structs[0].fields[0].slot = 5, "S.a @0 was retyped"),
            (|s| s.structs[0].fields[0].exactly = Some(32), "S.a @0 was retyped"),
            (|s| s.structs[0].fields[1].kind = Type::List(Box::new(Type::Text)), "S.b @1 was retyped"),
        ];
        for (break_it, expected) in cases {
            let mut current = released();
            break_it(&mut current);
            let found = violations(&released(), &current);
            assert!(found.iter().any(|line| line == expected), "{expected}: {found:?}");
        }
    }
}
