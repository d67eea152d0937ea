//! Structured changes to the golden receipt: fields removed, swapped, repeated and rewritten.
//!
//! Whatever comes out is canonical, so it reaches what lies behind the first parser.

use crate::edit::edit;
use crate::receipt;
use crate::script::Script;
use ioi_canon::Value;

/// Changes of one input, at most.
const EDITS_MAX: usize = 4;

/// The first byte: change the golden bytes, or the golden value.
pub(crate) fn check(input: &[u8]) {
    let mut script = Script::new(input);
    let changed = if script.flag() {
        edit(receipt::GOLDEN.to_vec(), &mut script)
    } else {
        let mut value = Value::Map(receipt::golden().clone());
        for _ in 0..EDITS_MAX {
            if script.is_empty() {
                break;
            }
            change(&mut value, &mut script);
        }
        [value.to_bytes(), b"\n".to_vec()].concat()
    };
    receipt::check(&changed);
}

/// Walks down to some value and changes it or its surroundings.
fn change(value: &mut Value, script: &mut Script<'_>) {
    let turn = script.byte();
    match value {
        Value::Map(map) if !map.is_empty() => {
            let key = map.keys().nth(usize::from(turn) % map.len()).cloned().unwrap_or_default();
            match script.byte() % 8 {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert("zone".into(), Value::from(1))),
                _ => map.get_mut(&key).into_iter().for_each(|inner| change(inner, script)),
            }
        }
        Value::List(items) if !items.is_empty() => {
            let (at, other) = (usize::from(turn) % items.len(), usize::from(script.byte()) % items.len());
            match script.byte() % 8 {
                0 => drop(items.remove(at)),
                1 => items.swap(at, other),
                2 => items.insert(at, items[other].clone()),
                _ => change(&mut items[at], script),
            }
        }
        other => *other = leaf(other, turn, script),
    }
}

/// Another value in place of one that holds no others.
fn leaf(value: &Value, turn: u8, script: &mut Script<'_>) -> Value {
    match (value, turn % 4) {
        (_, 0) => Value::map([("a", Value::from(1))]),
        (Value::Integer(number), _) => Value::from(number.wrapping_add(i64::from(script.byte())) & 0xffff),
        (Value::Bool(truth), _) => Value::from(!truth),
        (Value::String(text), _) => {
            let changed = edit(text.clone().into_bytes(), script);
            Value::from(String::from_utf8_lossy(&changed).as_ref())
        }
        _ => Value::List(Vec::new()),
    }
}
