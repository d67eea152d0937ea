//! The table of transfer ids, against a model that forgets nothing.

use ioi_shm::{ExpectError, Expected, TRANSFER_LIFE, TransferFault};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const WAITING_MAX: usize = 4;

#[test]
fn an_id_is_good_once() {
    let (mut expected, now) = (Expected::new(WAITING_MAX), Instant::now());
    expected.expect([1; 16], now).unwrap();
    assert_eq!(expected.claim([2; 16], now), Err(TransferFault::Unknown));
    assert_eq!(expected.claim([1; 16], now), Ok(()));
    assert_eq!(expected.claim([1; 16], now), Err(TransferFault::Used));
    assert_eq!(expected.expect([1; 16], now), Err(ExpectError::Repeated));
}

#[test]
fn an_id_lives_for_one_second_and_not_a_nanosecond_more() {
    let now = Instant::now();
    for (age, answer) in [
        (TRANSFER_LIFE - Duration::from_nanos(1), Ok(())),
        (TRANSFER_LIFE, Err(TransferFault::Expired)),
        (TRANSFER_LIFE * 100, Err(TransferFault::Expired)),
    ] {
        let mut expected = Expected::new(WAITING_MAX);
        expected.expect([1; 16], now).unwrap();
        assert_eq!(expected.claim([1; 16], now + age), answer, "{age:?}");
    }
    assert_eq!(TRANSFER_LIFE, Duration::from_secs(1));
}

#[test]
fn a_full_table_takes_no_more_until_one_is_claimed_or_expires() {
    let (mut expected, now) = (Expected::new(2), Instant::now());
    expected.expect([1; 16], now).unwrap();
    expected.expect([2; 16], now + TRANSFER_LIFE / 2).unwrap();
    let full = Err(ExpectError::Full { waiting_max: 2 });
    assert_eq!(expected.expect([3; 16], now + TRANSFER_LIFE / 2), full);
    expected.expect([3; 16], now + TRANSFER_LIFE).unwrap();
    assert_eq!(expected.expect([4; 16], now + TRANSFER_LIFE), full);
    expected.claim([3; 16], now + TRANSFER_LIFE).unwrap();
    expected.expect([4; 16], now + TRANSFER_LIFE).unwrap();
    assert_eq!(Expected::new(0).expect([1; 16], now), Err(ExpectError::Full { waiting_max: 0 }));
}

#[derive(Clone, Debug)]
enum Step {
    Expect(u8),
    Claim(u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u8..24).prop_map(Step::Expect),
        3 => (0u8..24).prop_map(Step::Claim),
        1 => (0u64..1500).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..200)
}

#[derive(Default)]
struct Model {
    asked: HashMap<u8, (Instant, bool)>,
}

impl Model {
    fn good(&self, id: u8, now: Instant) -> bool {
        self.asked.get(&id).is_some_and(|(made, used)| !used && now - *made < TRANSFER_LIFE)
    }

    fn waiting(&self, now: Instant) -> usize {
        self.asked.keys().filter(|id| self.good(**id, now)).count()
    }
}

proptest! {
    /// An id is let in exactly when the model says so, whatever was forgotten.
    #[test]
    fn the_table_agrees_with_a_model_that_forgets_nothing(steps in steps()) {
        let (mut expected, mut model, mut now) = (Expected::new(WAITING_MAX), Model::default(), Instant::now());
        for step in steps {
            match step {
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Claim(id) => {
                    let answer = expected.claim([id; 16], now);
                    prop_assert_eq!(answer.is_ok(), model.good(id, now), "{:?}", answer);
                    if answer.is_ok() { model.asked.get_mut(&id).unwrap().1 = true; }
                    if answer == Err(TransferFault::Used) { prop_assert!(model.asked[&id].1); }
                }
                Step::Expect(id) => match expected.expect([id; 16], now) {
                    Ok(()) => {
                        prop_assert!(model.waiting(now) < WAITING_MAX && !model.good(id, now));
                        model.asked.insert(id, (now, false));
                    }
                    Err(ExpectError::Full { .. }) => prop_assert_eq!(model.waiting(now), WAITING_MAX),
                    Err(_repeated) => prop_assert!(model.asked.contains_key(&id)),
                },
            }
            prop_assert_eq!(expected.waiting(now), model.waiting(now));
        }
    }
}
